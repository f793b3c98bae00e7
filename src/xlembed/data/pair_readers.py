"""Files of a user -> a set of training rows: jsonl, csv, tsv by column; SQuAD JSON by question and paragraph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any

from xlembed.data.building import build_task
from xlembed.data.cells import language_code
from xlembed.data.checks import Place, Problems, Row
from xlembed.data.choosing import check_where, is_chosen, where_note
from xlembed.data.doubts import BELIEVE, check_same_texts
from xlembed.data.importing import find_reader
from xlembed.data.languages import TWO_LETTERS
from xlembed.data.lines import unpacked_name
from xlembed.data.memories import read_memory
from xlembed.data.objects import first_bytes, read_objects
from xlembed.data.opening import read_rows
from xlembed.data.pair_headers import find_columns, find_kind, names_language, wanted_columns
from xlembed.data.pairs import COLUMNS, PAIRS, Kind, PairSet, checked_row, write_pairs
from xlembed.data.pairs import Row as PairRow
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows, language_by_name, said_languages
from xlembed.data.spoken import check_languages_spoken
from xlembed.data.tables import ListText, Table, listed_columns, number_or_text
from xlembed.data.tables import parse_columns as parse_our_columns
from xlembed.data.text_digest import text_digest
from xlembed.words import Lang, UserError, near_miss

COLUMN_NAMES = ("lang", "group", *(f"{c}{end}" for c in COLUMNS[Kind.TRIPLETS] for end in ("", "_lang")))
"""Columns that are read without being named."""
Reader = Callable[[Sequence[Path], ReadOptions, Problems], Iterator[Row]]
"""Of files without columns."""


def import_pairs(
    files: Sequence[Path], name: str, folder: Path, options: ReadOptions, force: bool = False
) -> PairSet:
    """Read, check and write; the set as written.

    Raises:
        UserError: bad usage, a folder that exists, or all problems of the files at once.
    """
    PAIRS.check_target(name, folder, force)
    problems = Problems()
    reader = _columnless(files)
    header = [] if options.columns or reader else _header(files[0], options)
    kind = Kind(options.kind) if options.kind else _kind_of(files[0], reader, options, header)
    notes: list[str] = []
    if found := find_columns(header, kind):
        options = replace(options, columns=found)
        unread = [c for c in header if c and c not in (*found.values(), *COLUMN_NAMES, *options.where)]
        if unread or any(ours != theirs for ours, theirs in found.items()):
            notes.append(f"read as {kind}: {', '.join(f'{o} = {t}' for o, t in found.items())}")
            notes += [f"not read: {', '.join(unread)}"] * bool(unread)
    if reader:
        raw = reader(files, replace(options, name=name), problems)
    else:
        raw = _rows(files, kind, options, problems, notes, told=not found)
    card = PairCard(name, folder, options.source or ", ".join(file.name for file in files), options.licence)
    return take_pairs(raw, kind, card, options, problems, notes, subject=_subject(files), force=force)


@dataclass(frozen=True)
class PairCard:
    """What the card of a new set says beside its rows."""

    name: str
    folder: Path
    source: str
    licence: str
    description: str = ""


def take_pairs(
    raw: Iterable[Row],
    kind: Kind,
    card: PairCard,
    options: ReadOptions,
    problems: Problems,
    notes: list[str],
    *,
    subject: str,
    force: bool = False,
) -> PairSet:
    """Rows under our names, checked and written; `raw` may add problems and notes while it is read.

    Raises:
        UserError: all problems of the rows at once.
    """
    rows = [good for row in raw if (good := checked_row(row, kind, ())) is not None]
    if not rows and not problems.n_errors:
        problems.error(Place(card.source), "", "no rows", "there are no rows", "look into the files")
    problems.raise_errors(subject)
    distinct = list({tuple(sorted(row.items())): row for row in rows}.values())
    notes = [*problems.notes(), *notes]
    if len(distinct) < len(rows):
        notes.append(f"{len(rows) - len(distinct):,} rows that stand twice were left out")
    kept = distinct[: options.limit]
    with problems.beside():
        notes += _doubts(kept, kind, options.believe)
    languages = tuple(sorted({row[f"{column}_lang"] for row in kept for column in COLUMNS[kind]}))
    found = PairSet(**vars(card), kind=kind, languages=languages, rows=tuple(kept), notes=tuple(notes))
    write_pairs(found, force)
    return found


def parse_columns(text: str) -> dict[str, str]:
    """``anchor=question,positive=answer`` -> a mapping.

    Raises:
        UserError: for anything else.
    """
    texts = {name for names in COLUMNS.values() for name in names}
    known = sorted(texts | {f"{name}_lang" for name in texts} | {"score", "group", "lang"})
    return parse_our_columns(text, known, "anchor=question,positive=2")


def _header(file: Path, options: ReadOptions) -> list[str]:
    """The columns of a table, of rows without a header those of the first."""
    table = _opened(file, Problems(), options)
    return list(table.header) or [column for row in islice(table.rows, 1) for column in row.values]


def _kind_of(file: Path, reader: Reader | None, options: ReadOptions, header: Sequence[str]) -> Kind:
    if reader:
        return Kind.PAIRS if reader is _squad else Kind.TRANSLATIONS
    if found := find_kind(header):
        return found
    columns = set(options.columns)
    if {"text1", "text2"} <= columns:
        return Kind.SCORED
    if "negative" in columns:
        return Kind.TRIPLETS
    if all(names_language(options.columns.get(column, "")) for column in COLUMNS[Kind.TRANSLATIONS]):
        return Kind.TRANSLATIONS
    columns_there = f"; the columns of {file.name} are {', '.join(header)}" if header else ""
    raise UserError(
        f"--kind: say what the rows are: {', '.join(Kind)} (anchor and positive may be a question and its answer, or "
        f"translations){columns_there}"
    )


def _columnless(files: Sequence[Path]) -> Reader | None:
    """What reads files that are no tables: SQuAD's, or plain ones called by their languages; None for tables."""
    if _is_squad(files):
        return _squad
    ends = {unpacked_name(file).suffix[1:] for file in files}
    # Of codes of three letters those alone that stand for one of two: csv, tmx and xml are languages as well.
    return _aligned if all(e == "txt" or e in TWO_LETTERS or names_language(e) for e in ends) else None


def _is_squad(files: Sequence[Path]) -> bool:
    json_files = [unpacked_name(file).suffix.lower() == ".json" and not _is_list(file) for file in files]
    if any(json_files) and not all(json_files):
        raise UserError("SQuAD files (.json) and tables cannot be imported in one go")
    return all(json_files)


def _is_list(file: Path) -> bool:
    """Whether a file is a list of rows under our names, or those of `--columns`, and no SQuAD."""
    first = next(read_objects(file, Problems()), None) if first_bytes(file).startswith(b"[") else None
    return first is not None and not {"context", "paragraphs"} & first.values.keys()


def _subject(files: Sequence[Path]) -> str:
    return f"pairs from {', '.join(file.name for file in files)}"


def _aligned(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Iterator[Row]:
    """Each line of the first file with the same line of each other (the form of Moses and OPUS)."""
    rows = _task_rows("tatoeba", files, options, problems)
    sentences = {(d.lang, d.group): d.text for d in rows.documents}
    first, *others = rows.languages
    for (lang, line), text in sentences.items():
        if lang == first:
            for other in (x for x in others if (x, line) in sentences):
                values = {"anchor": text, "positive": sentences[other, line]}
                values |= {"anchor_lang": first, "positive_lang": other}
                yield Row(values, rows.document_places[f"{first}-{line}"], problems)


def _task_rows(reader: str, files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Files without columns as the rows of a task."""
    if options.where:
        raise UserError("--where: for files with columns only")
    rows = find_reader(reader)(files, options, problems)
    problems.raise_errors(_subject(files))
    return rows


def _squad(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Iterator[Row]:
    """Each question with each right document of its language; questions on one paragraph are a group."""
    task = build_task(_task_rows("squad", files, options, problems), keep_duplicates=False)
    documents = {d.doc_id: d for d in task.documents}
    for query in task.queries:
        for doc_id, grade in task.qrels.get(query.query_id, {}).items():
            document = documents[doc_id]
            if grade >= 1 and document.lang == query.lang:
                values = {"anchor": query.text, "positive": document.text, "group": document.group or doc_id}
                values |= {f"{column}_lang": query.lang for column in COLUMNS[Kind.PAIRS]}
                yield Row(values, Place(str(files[0]), None, query.query_id), problems)


def _rows(
    files: Sequence[Path],
    kind: Kind,
    options: ReadOptions,
    problems: Problems,
    notes: list[str],
    *,
    told: bool,
) -> Iterator[Row]:
    """Rows under our names; where the columns were not `told`, a row that has others is read by its own."""
    wanted = wanted_columns(kind)
    columns = dict(options.columns or {name: name for name in wanted})
    if missing := [name for name in wanted if name not in columns]:
        raise UserError(
            f"--columns: rows of kind {kind} need {', '.join(wanted)}; {', '.join(missing)} is not said"
        )
    opened = [
        (file, lang, list(_read(file, columns, options, problems)))
        for file, lang in zip(files, said_languages(files, options), strict=True)
    ]
    rows = [row.values for _, _, read in opened for row in read]
    # Scores say themselves how alike two texts are; only pairs may be wrong pairs.
    telling = rows if kind is not Kind.SCORED or options.where else []
    check_where(telling, options.where, {*columns.values(), *COLUMN_NAMES})
    notes += where_note(sum(not is_chosen(row, options.where) for row in rows), len(rows), options.where)
    for file, lang, read in opened:
        own = dict.fromkeys(COLUMNS[kind], lang)
        # The file's name tells what no row says; a row that forgets it beside others gets none.
        said = {name for name in own if any(_said(row, name, columns) for row in read)}
        silent = [name for name in own if name not in said and not names_language(columns[name])]
        if lang is None and read and silent:
            own |= dict.fromkeys(silent, language_by_name(file, problems, options.varieties))
        for row in read:
            if is_chosen(row.values, options.where):
                is_like = told or columns[wanted[0]] in row.values
                by = columns if is_like else find_columns([*row.values], kind) or columns
                if lacking := _untranslated(row, by, kind):
                    row.warn(lacking, "no translation", f"no text in {lacking}", "left out")
                    continue
                renamed = _renamed(row, by, kind, own, options.varieties)
                yield from (row.renamed(each) for each in _each(renamed, kind))


def _untranslated(row: Row, columns: Mapping[str, str], kind: Kind) -> str:
    """A language's column that a row of several languages does not have, as a memory's unit; "" where it has all."""
    named = [columns[column] for column in COLUMNS[kind] if names_language(columns[column])]
    absent = [column for column in named if column not in row.values]
    return absent[0] if absent and kind is Kind.TRANSLATIONS else ""


def _said(row: Row, name: str, columns: Mapping[str, str]) -> str | None:
    """What the row says of the language of a text: of this one, else of all."""
    values = row.values
    own, common = (columns.get(field, field) for field in (f"{name}_lang", "lang"))
    return values.get(own) or values.get(common) or None


def _doubts(rows: Sequence[PairRow], kind: Kind, believe: bool) -> list[str]:
    """Notes on texts in other languages than said, and on translations that are the same text."""
    texts = ((row[f"{c}_lang"], f"texts ({c})", row[c]) for row in rows for c in COLUMNS[kind])
    notes = check_languages_spoken(texts, believe=believe)
    if kind is Kind.SCORED:
        return notes
    both = COLUMNS[Kind.PAIRS]
    for column in both if kind is Kind.TRANSLATIONS and not believe else ():
        bare = sum(not any(map(str.isalpha, row[column])) for row in rows)
        if bare > max(1, len(rows) / 2):  # a column `id` or `no` beside one language
            raise UserError(
                f"{column}: {bare:,} of {len(rows):,} texts have no letter: are they translations? Say the columns "
                f"with --columns, or {BELIEVE}"
            )
    pairs = {str(i): [(row[f"{c}_lang"], row[c]) for c in both] for i, row in enumerate(rows)}
    notes += check_same_texts(pairs, "pairs", believe)
    for one, other in pairwise(COLUMNS[kind]):
        alike = [row for row in rows if row[f"{one}_lang"] == row[f"{other}_lang"]]
        if n := sum(text_digest(row[one]) == text_digest(row[other]) for row in alike):
            notes.append(f"{n:,} of {len(rows):,} rows have the same text as {one} and {other}")
    return notes


def _renamed(
    row: Row, columns: Mapping[str, str], kind: Kind, langs: Mapping[str, Lang | None], varieties: bool
) -> dict[str, Any]:
    """The file's row under our names; a column that is called like a language is in it (`{"en": ..., "tr": ...}`)."""
    values = row.values
    found: dict[str, Any] = {}
    for ours, theirs in columns.items():
        if ours in COLUMNS[kind]:
            found[ours] = values.get(theirs)
            said = theirs if names_language(theirs) else _said(row, ours, columns)
            if isinstance(said, str):
                said = language_code(row, f"{ours}_lang", said, varieties=varieties)
            found[f"{ours}_lang"] = said or langs[ours]
        elif ours in ("score", "group"):
            found[ours] = values.get(theirs)
    if kind is Kind.SCORED and isinstance(found.get("score"), str):
        found["score"] = number_or_text(found["score"])
    if values.get("group") is not None:
        found.setdefault("group", values["group"])
    return found


def _each(found: Mapping[str, Any], kind: Kind) -> Iterator[dict[str, Any]]:
    """Of columns with lists, as in `{"query": ..., "pos": [...], "neg": [...]}`, each text with each of the others."""
    texts = [found[column] for column in COLUMNS[kind]]
    lists = [of.items if isinstance(of, ListText) else of if isinstance(of, list) else [] for of in texts]
    for chosen in product(*(several or [of] for several, of in zip(lists, texts, strict=True))):
        yield {**found, **dict(zip(COLUMNS[kind], chosen, strict=True))}


def _opened(file: Path, problems: Problems, options: ReadOptions, numbered: bool = False) -> Table:
    if unpacked_name(file).suffix.lower() == ".tmx":
        return read_memory(file, problems)
    also = (".tmx", "SQuAD .json")
    return read_rows(file, problems, numbered=numbered, encoding=options.encoding, also=also)


def _read(file: Path, columns: Mapping[str, str], options: ReadOptions, problems: Problems) -> Iterator[Row]:
    numbered = all(theirs.isdigit() for theirs in columns.values())
    table = _opened(file, problems, options, numbered)
    missing = [theirs for theirs in columns.values() if theirs not in table.header]
    if table.is_text and not numbered and missing:
        problems.raise_errors(_subject([file]))
        example = ",".join(f"{ours}=..." for ours in columns)
        numbers = ",".join(f"{ours}={number}" for number, ours in enumerate(columns, 1))
        raise UserError(
            f"{file}: no column {', '.join(map(repr, missing))}.{near_miss(missing[0], table.header)} "
            f"{listed_columns(table.header)}. Say which is which: --columns {example}; a file without a header is read "
            f"by number: --columns {numbers}"
        )
    return table.rows
