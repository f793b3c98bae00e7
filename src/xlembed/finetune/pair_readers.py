"""Files of a user -> a set of training rows: jsonl, csv, tsv by column; SQuAD JSON by question and paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.corpus import tables
from xlembed.corpus.building import build_task
from xlembed.corpus.card import is_task_name
from xlembed.corpus.checks import Place, Problems
from xlembed.corpus.formats import find_reader
from xlembed.corpus.languages import is_language
from xlembed.corpus.lines import read_json_lines
from xlembed.corpus.reading import DocumentUnit, ReadOptions, languages_of
from xlembed.finetune.pairs import COLUMNS, Kind, PairSet, checked_row, write_pairs
from xlembed.types import Lang, UserError, near_miss


@dataclass(frozen=True)
class PairOptions:
    """What the user said beside the files.

    Attributes:
        columns: our column -> the file's, by name or by number from 1; empty: the file has ours.
        langs: none, one for all files, or one per file.
        documents: SQuAD only: what a positive is.
        limit: rows at most.
    """

    kind: Kind | None = None
    columns: Mapping[str, str] | None = None
    langs: tuple[Lang, ...] = ()
    documents: DocumentUnit | None = None
    limit: int | None = None
    source: str = ""
    licence: str = ""


def import_pairs(
    files: Sequence[Path], name: str, folder: Path, options: PairOptions, force: bool = False
) -> PairSet:
    """Read, check and write.

    Returns:
        The set as written.

    Raises:
        UserError: bad usage, a folder that exists, or all problems of the files at once.
    """
    if not is_task_name(name):
        raise UserError(f"--name: expected letters, digits, '.', '_', '+', '-', found {name!r}")
    kind = options.kind or _kind_of(files, options)
    problems = Problems()
    raw = (
        _squad(files, name, options, problems) if _is_squad(files) else _rows(files, kind, options, problems)
    )
    rows = []
    for place, row in raw:
        if (good := checked_row(row, kind, (), place, problems)) is not None:
            rows.append(good)
    if not rows and not problems.n_errors:
        problems.error(Place(str(files[0])), "", "no rows", "the files hold no rows", "look into them")
    problems.raise_errors(f"pairs from {', '.join(file.name for file in files)}")
    distinct = list({tuple(sorted(row.items())): row for row in rows}.values())
    notes = [*problems.notes()]
    if len(distinct) < len(rows):
        notes.append(f"{len(rows) - len(distinct):,} rows that stand twice were left out")
    kept = distinct[: options.limit]
    languages = sorted({row[f"{column}_lang"] for row in kept for column in COLUMNS[kind]})
    found = PairSet(
        name=name,
        kind=kind,
        languages=tuple(languages),
        rows=tuple(kept),
        folder=folder,
        source=options.source or ", ".join(file.name for file in files),
        licence=options.licence,
        notes=tuple(notes),
    )
    write_pairs(found, force)
    return found


def parse_columns(text: str) -> dict[str, str]:
    """``anchor=question,positive=answer`` -> a mapping.

    Raises:
        UserError: for anything else.
    """
    known = sorted({name for names in COLUMNS.values() for name in names} | {"score", "group"})
    return tables.parse_columns(text, known, "anchor=question,positive=2")


def _kind_of(files: Sequence[Path], options: PairOptions) -> Kind:
    """What the columns tell."""
    if _is_squad(files):
        return Kind.PAIRS
    columns = set(options.columns or ())
    if {"text1", "text2"} <= columns:
        return Kind.SCORED
    if "negative" in columns:
        return Kind.TRIPLETS
    raise UserError(
        f"--kind: say what the rows are: {', '.join(Kind)} (anchor and positive may be a question and its answer, or "
        "translations)"
    )


def _is_squad(files: Sequence[Path]) -> bool:
    json_files = [file.suffix == ".json" for file in files]
    if any(json_files) and not all(json_files):
        raise UserError("SQuAD files (.json) and tables cannot be imported in one go")
    return all(json_files)


def _squad(
    files: Sequence[Path], name: str, options: PairOptions, problems: Problems
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each question with each right document of its language; questions on one paragraph are a group."""
    rows = find_reader("squad")(files, ReadOptions(name, options.langs, options.documents), problems)
    problems.raise_errors(f"pairs from {', '.join(file.name for file in files)}")
    task = build_task(rows, keep_duplicates=False)
    documents = {d.doc_id: d for d in task.documents}
    for query in task.queries:
        for doc_id, grade in task.qrels.get(query.query_id, {}).items():
            document = documents[doc_id]
            if grade >= 1 and document.lang == query.lang:
                yield (
                    Place(str(files[0]), None, query.query_id),
                    {
                        "anchor": query.text,
                        "anchor_lang": query.lang,
                        "positive": document.text,
                        "positive_lang": document.lang,
                        "group": document.group or document.doc_id,
                    },
                )


def _rows(
    files: Sequence[Path], kind: Kind, options: PairOptions, problems: Problems
) -> Iterator[tuple[Place, dict[str, Any]]]:
    wanted = [*COLUMNS[kind], *(["score"] if kind is Kind.SCORED else [])]
    columns = dict(options.columns or {name: name for name in wanted})
    if missing := [name for name in wanted if name not in columns]:
        raise UserError(
            f"--columns: rows of kind {kind} need {', '.join(wanted)}; {', '.join(missing)} is not said"
        )
    told = languages_of(files, ReadOptions("", options.langs)) if options.langs else [None] * len(files)
    for file, lang in zip(files, told, strict=True):
        own = lang or _language_of(file, columns, kind)
        for place, row in _read(file, columns, problems):
            yield place, _renamed(row, columns, kind, own)


def _language_of(file: Path, columns: Mapping[str, str], kind: Kind) -> Lang | None:
    """Nothing where rows or columns say their language, else what the file's name says."""
    if file.suffix == ".jsonl" or all(is_language(columns[name]) for name in COLUMNS[kind]):
        return None
    return languages_of([file], ReadOptions(""))[0]


def _renamed(
    row: Mapping[str, Any], columns: Mapping[str, str], kind: Kind, lang: Lang | None
) -> dict[str, Any]:
    """The file's row under our names; a column that is called like a language is in it (`{"en": ..., "tr": ...}`)."""
    found: dict[str, Any] = {}
    for ours, theirs in columns.items():
        found[ours] = row.get(theirs)
        if ours in COLUMNS[kind]:
            said = row.get(f"{ours}_lang") or row.get("lang")
            found[f"{ours}_lang"] = theirs if is_language(theirs) else said or lang
    if kind is Kind.SCORED and isinstance(found.get("score"), str):
        found["score"] = tables.number_or_text(found["score"])
    if row.get("group") is not None:
        found.setdefault("group", row["group"])
    return found


def _read(
    file: Path, columns: Mapping[str, str], problems: Problems
) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    if file.suffix == ".jsonl":
        return read_json_lines(file, problems)
    if not tables.is_table(file):
        raise UserError(
            f"{file}: expected .jsonl, .csv, .tsv or SQuAD .json, found {file.suffix or 'no suffix'}"
        )
    numbered = all(theirs.isdigit() for theirs in columns.values())
    table = tables.read_table(file, problems, numbered=numbered)
    if not numbered and (missing := [t for t in columns.values() if t not in table.header]):
        problems.raise_errors(f"pairs from {file.name}")
        raise UserError(
            f"{file}: no column {', '.join(map(repr, missing))}.{near_miss(missing[0], table.header)} "
            f"{tables.listed_columns(table.header)}; a file without a header is read by number: "
            "--columns text1=1,text2=2,score=3"
        )
    return table.rows
