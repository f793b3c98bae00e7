"""Files of a user -> a set of scored texts: .jsonl, .csv, .tsv."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.corpus.checks import Place, Problem, Problems
from xlembed.corpus.lines import read_json_lines
from xlembed.corpus.reading import ReadOptions, language_by_name, language_of_each
from xlembed.corpus.row import Row
from xlembed.corpus.scored import (
    SCORED,
    Dimension,
    ScoredKind,
    ScoredSet,
    ScoredText,
    checked_texts,
    write_scored,
)
from xlembed.corpus.spoken import check_languages_spoken
from xlembed.corpus.tables import is_table, listed_columns, number_or_text, parse_columns, read_table
from xlembed.patterns import Pattern, compile_pattern, find_pattern
from xlembed.types import Lang, UserError, near_miss

OURS = ("id", "text", "lang", "document", "split")
"""What `--columns` maps."""


@dataclass(frozen=True)
class ScoredOptions(ReadOptions):
    """What the user said beside the files.

    Attributes:
        kind: what the numbers are.
        dimensions: columns that are scores, or some of those in `scores`; empty: found in the file.
        document_pattern: matched in full against ids; its one group is the document.
        scale: lower and upper end, of every dimension.
    """

    kind: ScoredKind = ScoredKind.SCORES
    dimensions: tuple[str, ...] = ()
    document_pattern: Pattern | None = None
    scale: tuple[float, float] | None = None


def import_scored(
    files: Sequence[Path], name: str, folder: Path, options: ScoredOptions, force: bool = False
) -> ScoredSet:
    """Read, check and write.

    Returns:
        The set as written.

    Raises:
        UserError: bad usage, a folder that exists, or all problems of the files at once.
    """
    SCORED.check_target(name, folder, force)
    if options.scale and options.kind is ScoredKind.LABELS:
        raise UserError("--scale is for --kind scores; labels are 0 or 1")
    if options.document_pattern and "document" in options.columns:
        raise UserError("--document-pattern and --columns document=...: say one of them")
    problems = _OwnNames()
    subject = f"scored texts from {', '.join(file.name for file in files)}"
    sources = _open(files, options, problems, subject)
    dimensions = _dimensions(sources, options)
    rows = _rows(sources, [d.name for d in dimensions], options, problems)
    texts = checked_texts(rows, options.kind, None, dimensions, problems)
    _tell_unseen(sources, problems)
    problems.raise_errors(subject)
    kept, notes = _with_documents(texts, options.document_pattern)
    kept = kept[: options.limit]
    spoken: dict[tuple[Lang, str], list[str]] = defaultdict(list)
    for text in kept:
        spoken[text.lang, "texts"].append(text.text)
    notes += check_languages_spoken(spoken, believe=options.believe)
    found = ScoredSet(
        name=name,
        kind=options.kind,
        languages=tuple(sorted({text.lang for text in kept})),
        dimensions=dimensions,
        texts=tuple(kept),
        folder=folder,
        source=options.source or ", ".join(file.name for file in files),
        licence=options.licence,
        notes=(*problems.notes(), *notes, *_repetitions(kept), *_perhaps_labels(kept, options.kind)),
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


def parse_scale(text: str) -> tuple[float, float] | None:
    """``1,5`` -> the ends of the scale; None for an empty text.

    Raises:
        UserError: for anything but two numbers, the lower one first.
    """
    if not text:
        return None
    ends = [number_or_text(part) for part in text.split(",")]
    match ends:
        case [float(low), float(high)] if low < high:
            return low, high
    raise UserError(
        f"--scale: expected the lower and the upper end, found {text!r}; write for example --scale 1,5"
    )


def parse_document_pattern(text: str | None) -> Pattern | None:
    """A regular expression with one group.

    Raises:
        UserError: it is none, or has no group or several.
    """
    if text is None:
        return None
    pattern = compile_pattern(text, "--document-pattern")
    if pattern.groups != 1:
        raise UserError(
            f"--document-pattern: expected one group, the document, found {pattern.groups} in {text!r}; for example "
            r"'(.+)_\d+' for ids like page7_3; brackets that are no group are written (?:...)"
        )
    return pattern


@dataclass
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

    file: Path
    rows: Iterator[Row]
    fields: tuple[str, ...]
    first: Mapping[str, Any]
    columns: dict[str, str]
    lang: Lang | None
    by_name: bool
    nested: bool
    unseen: set[str]


class _OwnNames(Problems):
    """Problems told by the names that the file has for its columns."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, dict[str, str]] = {}
        """File -> our field -> its column."""

    def add(self, problem: Problem) -> None:
        called = self.names.get(problem.file, {})
        super().add(dataclasses.replace(problem, field=called.get(problem.field, problem.field)))


def _open(files: Sequence[Path], options: ScoredOptions, problems: _OwnNames, subject: str) -> list[_Source]:
    sources = []
    for file, lang in zip(files, language_of_each(files, options), strict=True):
        fields, first, rows = _peek(file, problems)
        columns = _columns(file, fields, options) if fields else {}
        if not first:
            if not problems.n_errors:
                problems.error(Place(str(file)), "", "no rows", "the file holds no rows", "look into it")
            problems.raise_errors(subject)
        by_name = lang is None and columns.get("lang") not in fields
        own = language_by_name(file, problems) if by_name else lang
        nested = isinstance(first.get("scores"), Mapping) and "scores" not in options.dimensions
        unseen = set() if is_table(file) else set(options.columns.values())
        sources.append(_Source(file, rows, fields, first, columns, own, by_name, nested, unseen))
    return sources


def _peek(file: Path, problems: Problems) -> tuple[tuple[str, ...], Mapping[str, Any], Iterator[Row]]:
    """Fields, values of the first row that can be read (empty without one), all rows."""
    if is_table(file):
        table = read_table(file, problems)
        fields, rows = table.header, table.rows
    elif file.suffix.lower() == ".jsonl":
        fields, rows = (), read_json_lines(file, problems)
    else:
        raise UserError(f"{file}: expected .jsonl, .csv or .tsv, found {file.suffix or 'no suffix'}")
    start = list(itertools.islice(rows, 1))
    first = start[0].values if start else {}
    return fields or tuple(first), first, itertools.chain(start, rows)


def _columns(file: Path, fields: Sequence[str], options: ScoredOptions) -> dict[str, str]:
    """Our field -> the file's, for those that are there; .jsonl rows after the first may have more fields."""
    used = {*options.columns.values(), *options.dimensions}
    own = {name: name for name in OURS if (name in fields or not is_table(file)) and name not in used}
    if "_id" not in used and ("_id" in fields or (not is_table(file) and "id" not in fields)):
        own["id"] = "_id"
    columns = {**own, **options.columns}
    if both := [theirs for theirs in columns.values() if theirs in options.dimensions]:
        raise UserError(f"{both[0]!r} is said to be a score by --dimensions and something else by --columns")
    wanted = [columns.get("text", "text"), *options.columns.values(), *options.dimensions]
    if is_table(file):
        if missing := [name for name in dict.fromkeys(wanted) if name not in fields]:
            raise UserError(_no_column(file, fields, missing))
        if twice := [name for name in (*columns.values(), *options.dimensions) if fields.count(name) > 1]:
            raise UserError(f"{file}: the column {twice[0]!r} is there twice; rename one of them")
    return {("_id" if ours == "id" else ours): theirs for ours, theirs in columns.items()}


def _no_column(file: Path, fields: Sequence[str], missing: Sequence[str]) -> str:
    kind, listed = (
        ("column", listed_columns(fields))
        if is_table(file)
        else ("field", f"the first row has {', '.join(fields)}")
    )
    return (
        f"{file}: no {kind} {', '.join(map(repr, missing))}.{near_miss(missing[0], fields)} {listed}. Say which is "
        "which: --columns text=...,id=... --dimensions ..."
    )


def _dimensions(sources: Sequence[_Source], options: ScoredOptions) -> tuple[Dimension, ...]:
    """As said, or those of the first file."""
    names = options.dimensions or _found_dimensions(sources[0])
    for source in sources:
        missing = [name for name in names if name not in source.fields]
        if missing and is_table(source.file):
            raise UserError(_no_column(source.file, source.fields, missing))
    if bad := [name for name in names if not name.strip() or not name.isprintable()]:
        raise UserError(f"{sources[0].file}: {bad[0]!r} is no name for a dimension; rename it")
    low, high = options.scale or (None, None)
    return tuple(Dimension(name, low=low, high=high) for name in names)


def _found_dimensions(source: _Source) -> tuple[str, ...]:
    """The keys of `scores`, or what is left where all of it is numbers."""
    if source.nested:
        return tuple(source.first["scores"])
    if source.columns.get("text", "text") not in source.fields:
        raise UserError(_no_column(source.file, source.fields, [source.columns.get("text", "text")]))
    rest = [name for name in source.fields if name not in source.columns.values()]
    odd = [name for name in rest if not _holds_number(source.first.get(name))]
    if rest and not odd:
        return tuple(rest)
    numbers = [name for name in rest if name not in odd]
    guess = ",".join(numbers or ["V", "A", "D"])
    said = f"of the others, {', '.join(odd)} hold no numbers" if odd else "no others are left"
    raise UserError(
        f"{source.file}: which columns are scores? It has {', '.join(source.fields)}; {said} in the first row. "
        f"Name them: --dimensions {guess}"
    )


def _holds_number(value: Any) -> bool:
    value = number_or_text(value) if isinstance(value, str) else value
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rows(
    sources: Sequence[_Source], dimensions: Sequence[str], options: ScoredOptions, problems: _OwnNames
) -> Iterator[Row]:
    """The rows in our layout; those without an id are numbered over all files."""
    number = 0
    for source in sources:
        called = {ours: theirs for ours, theirs in source.columns.items() if ours != theirs}
        flat = {} if source.nested else {f"scores.{name}": name for name in dimensions}
        problems.names[str(source.file)] = {**called, **flat}
        for row in source.rows:
            number += 1
            source.unseen -= row.values.keys()
            found = {
                ours: row.values[theirs] for ours, theirs in source.columns.items() if theirs in row.values
            }
            if source.by_name and found.get("lang") is not None:
                message = (
                    "the row says its language, the first row does not, and the file's name is no proof then"
                )
                fix = "write it into every row, or name the language of the others with --lang"
                row.error("lang", "missing language", message, fix)
            if source.lang and found.get("lang") is None:
                found["lang"] = source.lang
            if "id" not in options.columns:
                found.setdefault("_id", f"r{number:06d}")
            found["scores"] = _scores(row.values, source, dimensions, options)
            yield row.renamed(found)


def _scores(
    values: Mapping[str, Any], source: _Source, dimensions: Sequence[str], options: ScoredOptions
) -> Any:
    """What `scores` is in our layout; of a table, cells that are numbers as numbers."""
    if not source.nested:
        cells = {name: values[name] for name in dimensions if name in values}
        return (
            {name: number_or_text(cell) for name, cell in cells.items()} if is_table(source.file) else cells
        )
    scores = values.get("scores")
    if options.dimensions and isinstance(scores, Mapping):
        return {name: value for name, value in scores.items() if name in options.dimensions}
    return scores


def _tell_unseen(sources: Sequence[_Source], problems: Problems) -> None:
    """Fields of .jsonl files that --columns names and no row has."""
    for source in sources:
        for name in sorted(source.unseen):
            message = f"no row has the field that --columns names.{near_miss(name, source.fields)}"
            fix = f"the first row has {', '.join(source.fields)}"
            problems.error(Place(str(source.file)), name, "missing field", message, fix)


def _with_documents(texts: list[ScoredText], pattern: Pattern | None) -> tuple[list[ScoredText], list[str]]:
    """The texts with the documents that their ids name, and a note on ids that do not match."""
    if pattern is None:
        return texts, []
    option = "--document-pattern"
    matches = [find_pattern(pattern, text.text_id, option, whole=True) for text in texts]
    found = [
        dataclasses.replace(text, document=(match and match[1]) or text.text_id)
        for text, match in zip(texts, matches, strict=True)
    ]
    alone = [text.text_id for text, match in zip(texts, matches, strict=True) if not match]
    if not alone:
        return found, []
    note = f"{len(alone):,} of {len(texts):,} ids do not match {pattern.pattern} and stand for themselves"
    return found, [f"{note}: {', '.join(alone[:3])}{', ...' if len(alone) > 3 else ''}"]


def _repetitions(texts: Sequence[ScoredText]) -> list[str]:
    """A note on texts that stand several times."""
    times = Counter((text.lang, text.text) for text in texts)
    repeated = times.total() - len(times)
    if not repeated:
        return []
    (_, most), n = times.most_common(1)[0]
    shown = most if len(most) <= 60 else f"{most[:57]}..."
    return [
        f"repeat an earlier text word for word and are kept: {repeated:,}; most often {shown!r} ({n} times)"
    ]


def _perhaps_labels(texts: Sequence[ScoredText], kind: ScoredKind) -> list[str]:
    if kind is ScoredKind.SCORES and all(score in (0, 1) for text in texts for score in text.scores):
        return ["all scores are 0 or 1: if they are labels, import with --kind labels"]
    return []
