"""Files of a user -> a set of scored texts: .jsonl, .csv, .tsv."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.opening import read_rows
from xlembed.data.patterns import Pattern, compile_pattern, find_pattern
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import language_by_name, said_languages
from xlembed.data.scored import (
    SCORED,
    Dimension,
    ScoredKind,
    ScoredSet,
    ScoredText,
    checked_texts,
    is_number,
    write_scored,
)
from xlembed.data.spoken import check_languages_spoken
from xlembed.data.tables import listed_columns, number_or_text, parse_columns
from xlembed.words import Lang, UserError, near_miss

OURS = ("id", "text", "lang", "document", "split")
"""What `--columns` maps."""


def import_scored(
    files: Sequence[Path], name: str, folder: Path, options: ReadOptions, force: bool = False
) -> ScoredSet:
    """Read, check and write; the set as written.

    Raises:
        UserError: bad usage, a folder that exists, or all problems of the files at once.
    """
    SCORED.check_target(name, folder, force)
    kind = ScoredKind(options.kind or ScoredKind.SCORES)
    if options.scale and kind is ScoredKind.LABELS:
        raise UserError("--scale is for --kind scores; labels are 0 or 1")
    if options.document_pattern and "document" in options.columns:
        raise UserError("--document-pattern and --columns document=...: say one of them")
    problems = Problems()
    subject = f"scored texts from {', '.join(file.name for file in files)}"
    langs = said_languages(files, options)
    sources = [_Source(*of, options, problems, subject) for of in zip(files, langs, strict=True)]
    dimensions = _dimensions(sources, options)
    rows = _rows(sources, [d.name for d in dimensions])
    texts = checked_texts(rows, kind, None, dimensions)
    for source in sources:
        source.tell_unseen(problems)
    problems.raise_errors(subject)
    kept, notes = _with_documents(texts, options.document_pattern)
    kept = kept[: options.limit]
    spoken = ((text.lang, "texts", text.text) for text in kept)
    with problems.beside():
        notes += check_languages_spoken(spoken, believe=options.believe)
    notes += _repetitions(kept)
    if kind is ScoredKind.SCORES and all(score in (0, 1) for text in kept for score in text.scores):
        notes.append("all scores are 0 or 1: if they are labels, import with --kind labels")
    found = ScoredSet(
        name=name,
        kind=kind,
        languages=tuple(sorted({text.lang for text in kept})),
        dimensions=dimensions,
        texts=tuple(kept),
        folder=folder,
        source=options.source or ", ".join(file.name for file in files),
        licence=options.licence,
        notes=(*problems.notes(), *notes),
    )
    write_scored(found, force)
    return found


def parse_scored_columns(text: str) -> dict[str, str]:
    """``text=body,document=article`` -> a mapping.

    Raises:
        UserError: for anything else.
    """
    return parse_columns(text, OURS, "id=id,text=body")


def parse_dimensions(text: str) -> tuple[str, ...]:
    """``V,A,D`` -> names; none for an empty text.

    Raises:
        UserError: for a name twice.
    """
    names = tuple(filter(None, (part.strip() for part in text.split(","))))
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise UserError(f"--dimensions: {twice[0]!r} is said twice")
    return names


def parse_scale(text: str) -> tuple[float, float]:
    """``1,5`` -> the ends of the scale.

    Raises:
        UserError: for anything but two numbers, the lower one first.
    """
    ends = [number_or_text(part) for part in text.split(",")]
    match ends:
        case [float(low), float(high)] if low < high:
            return low, high
    raise UserError(
        f"--scale: expected the lower and the upper end, found {text!r}; write for example --scale 1,5"
    )


def parse_document_pattern(text: str) -> Pattern:
    """A regular expression with one group.

    Raises:
        UserError: it is none, or has no group or several.
    """
    pattern = compile_pattern(text, "--document-pattern")
    if pattern.groups != 1:
        raise UserError(
            f"--document-pattern: expected one group, the document, found {pattern.groups} in {text!r}; for example "
            r"'(.+)_\d+' for ids like page7_3; brackets that are no group are written (?:...)"
        )
    return pattern


class _Source:
    """One file that was opened.

    Attributes:
        fields: of the table's header, or of the first row.
        columns: our field -> its column.
        lang: of rows that do not say theirs.
        by_name: `lang` is told by the file's name, for files in which no row says its own.
        nested: rows have an object `scores`.
        unseen: columns that the user named and no row had yet.
    """

    def __init__(
        self, file: Path, lang: Lang | None, options: ReadOptions, problems: Problems, subject: str
    ) -> None:
        self.file, self.options = file, options
        self.table = read_rows(file, problems, encoding=options.encoding)
        start = list(itertools.islice(self.table.rows, 1))
        self.rows = itertools.chain(start, self.table.rows)
        self.first = start[0].values if start else {}
        self.fields = self.table.header or tuple(self.first)
        self.columns = self._columns() if self.fields else {}
        if not self.first:
            if not problems.n_errors:
                problems.error(Place(str(file)), "", "no rows", "the file holds no rows", "look into it")
            problems.raise_errors(subject)
        self.by_name = lang is None and self.columns.get("lang") not in self.fields
        self.lang = language_by_name(file, problems, options.varieties) if self.by_name else lang
        self.nested = isinstance(self.first.get("scores"), Mapping) and "scores" not in options.dimensions
        self.unseen = set() if self.table.is_text else set(options.columns.values())

    def _columns(self) -> dict[str, str]:
        """Our field -> the file's, for those that are there; .jsonl rows after the first may have more fields."""
        fields, fixed, said = self.fields, self.table.is_text, self.options
        used = {*said.columns.values(), *said.dimensions}
        own = {name: name for name in OURS if (name in fields or not fixed) and name not in used}
        if "_id" not in used and ("_id" in fields or (not fixed and "id" not in fields)):
            own["id"] = "_id"
        columns = {**own, **said.columns}
        if both := [theirs for theirs in columns.values() if theirs in said.dimensions]:
            raise UserError(
                f"{both[0]!r} is said to be a score by --dimensions and something else by --columns"
            )
        if fixed:
            self.require(columns.get("text", "text"), *said.columns.values(), *said.dimensions)
            if twice := [name for name in (*columns.values(), *said.dimensions) if fields.count(name) > 1]:
                raise UserError(f"{self.file}: the column {twice[0]!r} is there twice; rename one of them")
        return {("_id" if ours == "id" else ours): theirs for ours, theirs in columns.items()}

    def require(self, *names: str) -> None:
        """Nothing when the fields are there.

        Raises:
            UserError: names those that are not, and what there is.
        """
        missing = [name for name in dict.fromkeys(names) if name not in self.fields]
        if not missing:
            return
        kind, listed = "field", f"the first row has {', '.join(self.fields)}"
        if self.table.is_text:
            kind, listed = "column", listed_columns(self.fields)
        raise UserError(
            f"{self.file}: no {kind} {', '.join(map(repr, missing))}.{near_miss(missing[0], self.fields)} {listed}. "
            "Say which is which: --columns text=...,id=... --dimensions ..."
        )

    def found_dimensions(self) -> tuple[str, ...]:
        """The keys of `scores`, or what is left where all of it is numbers.

        Raises:
            UserError: something else is left as well.
        """
        if self.nested:
            return tuple(self.first["scores"])
        self.require(self.columns.get("text", "text"))
        rest = [name for name in self.fields if name not in self.columns.values()]
        first = {name: number_or_text(v) if isinstance(v, str) else v for name, v in self.first.items()}
        odd = [name for name in rest if not is_number(first.get(name))]
        if rest and not odd:
            return tuple(rest)
        guess = ",".join([name for name in rest if name not in odd] or ["V", "A", "D"])
        said = f"of the others, {', '.join(odd)} hold no numbers" if odd else "no others are left"
        raise UserError(
            f"{self.file}: which columns are scores? It has {', '.join(self.fields)}; {said} in the first row. "
            f"Name them: --dimensions {guess}"
        )

    def renamed(self, row: Row, number: int, dimensions: Sequence[str]) -> Row:
        """A row of it in our layout; one without an id is called by its number."""
        values = row.values
        self.unseen -= values.keys()
        found = {ours: values[theirs] for ours, theirs in self.columns.items() if theirs in values}
        if self.by_name and found.get("lang") is not None:
            message = (
                "the row says its language, the first row does not, and the file's name is no proof then"
            )
            fix = "write it into every row, or name the language of the others with --lang"
            row.error("lang", "missing language", message, fix)
        if self.lang and found.get("lang") is None:
            found["lang"] = self.lang
        if "id" not in self.options.columns:
            found.setdefault("_id", f"r{number:06d}")
        return row.renamed({**found, "scores": self._scores(values, dimensions)})

    def _scores(self, values: Mapping[str, Any], dimensions: Sequence[str]) -> Any:
        """What `scores` is in our layout; of a table, cells that are numbers as numbers."""
        if not self.nested:
            cells = {name: values[name] for name in dimensions if name in values}
            return {name: number_or_text(c) for name, c in cells.items()} if self.table.is_text else cells
        scores = values.get("scores")
        if self.options.dimensions and isinstance(scores, Mapping):
            return {name: value for name, value in scores.items() if name in self.options.dimensions}
        return scores

    def tell_unseen(self, problems: Problems) -> None:
        """Fields of .jsonl files that --columns names and no row has."""
        for name in sorted(self.unseen):
            message = f"no row has the field that --columns names.{near_miss(name, self.fields)}"
            fix = f"the first row has {', '.join(self.fields)}"
            problems.error(Place(str(self.file)), name, "missing field", message, fix)


def _dimensions(sources: Sequence[_Source], options: ReadOptions) -> tuple[Dimension, ...]:
    names = options.dimensions or sources[0].found_dimensions()
    for source in sources:
        if source.table.is_text:
            source.require(*names)
    if bad := [name for name in names if not name.strip() or not name.isprintable()]:
        raise UserError(f"{sources[0].file}: {bad[0]!r} is no name for a dimension; rename it")
    low, high = options.scale or (None, None)
    return tuple(Dimension(name, low=low, high=high) for name in names)


def _rows(sources: Sequence[_Source], dimensions: Sequence[str]) -> Iterator[Row]:
    """The rows in our layout, numbered over all files; problems are told by the names that a file has."""
    number = itertools.count(1)
    for source in sources:
        flat = {} if source.nested else {f"scores.{name}": name for name in dimensions}
        for row in source.rows:
            place = dataclasses.replace(row.place, columns={**source.columns, **flat})
            yield source.renamed(row._replace(place=place), next(number), dimensions)


def _with_documents(texts: list[ScoredText], pattern: Pattern | None) -> tuple[list[ScoredText], list[str]]:
    """The texts with the documents that their ids name, and a note on ids that do not match."""
    if pattern is None:
        return texts, []
    found, alone = [], []
    for text in texts:
        match = find_pattern(pattern, text.text_id, "--document-pattern", whole=True)
        found.append(dataclasses.replace(text, document=(match and match[1]) or text.text_id))
        alone += [] if match else [text.text_id]
    note = f"{len(alone):,} of {len(texts):,} ids do not match {pattern.pattern} and stand for themselves"
    return found, [f"{note}: {', '.join(alone[:3])}{', ...' if len(alone) > 3 else ''}"] * bool(alone)


def _repetitions(texts: Sequence[ScoredText]) -> list[str]:
    times = Counter((text.lang, text.text) for text in texts)
    if not (repeated := times.total() - len(times)):
        return []
    (_, most), n = times.most_common(1)[0]
    shown = most if len(most) <= 60 else f"{most[:57]}..."
    return [
        f"repeat an earlier text word for word and are kept: {repeated:,}; most often {shown!r} ({n} times)"
    ]
