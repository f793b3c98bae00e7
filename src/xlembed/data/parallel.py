"""Parallel texts for training, without the sentences kept for evaluation."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xlembed.data.checks import Problems
from xlembed.data.lines import read_lines
from xlembed.data.text_digest import comparable
from xlembed.words import Lang, UserError

Source = Literal["stsb", "ntrex", "cldr_names", "cldr_keywords"]
STSB_COLUMNS = ("sentence1", "sentence2", "score")
HeldOut = Mapping[Lang, frozenset[str]]
"""Comparable forms of the sentences of dev and test pairs."""


@dataclass(frozen=True)
class ParallelRow:
    """One meaning in every language of a recipe."""

    source: Source
    texts: Mapping[Lang, str]


@dataclass(frozen=True)
class LeftOut:
    """How many rows were not used, and why."""

    stsb_held_out: int
    """Train sentences that stand in a dev or test pair, in any language."""
    stsb_repeated: int
    """Train sentences whose text in the first language came before."""
    stsb_empty: int
    """Train sentences without text in some language."""
    ntrex_tail: int
    """The last rows of NTREX, kept for choosing settings."""
    other_held_out: int
    """Rows of the other sources that are, word for word, a dev or test sentence of STS."""


@dataclass(frozen=True)
class ParallelTexts:
    """What is trained on, in file order, and the count of what is not."""

    rows: tuple[ParallelRow, ...]
    left_out: LeftOut

    @property
    def counts(self) -> dict[str, int]:
        """Rows per source."""
        return dict(Counter(row.source for row in self.rows))


def read_parallel(data: Path, languages: Sequence[Lang], ntrex_tail: int) -> ParallelTexts:
    """All training rows under a data folder.

    Args:
        data: the folder that holds `stsb/` and `parallel/`.
        languages: the languages that every row must have.
        ntrex_tail: rows at the end of NTREX that are never trained on.

    Returns:
        STS train sentences (each text of the first language once, none that stands in a dev or test pair
        in any language), NTREX without its tail, CLDR names, CLDR keyword lists.

    Raises:
        UserError: if a file is missing, a line is broken, or translations differ in length.
    """
    if not data.is_dir():
        raise UserError(f"--data {data}: no such folder; expected the one that holds stsb/ and parallel/")
    held_out = {
        lang: frozenset(
            comparable(sentence)
            for split in ("dev", "test")
            for pair in read_stsb(data, lang, split)
            for sentence in pair[:2]
        )
        for lang in languages
    }
    rows, left = _stsb_train(data, languages, held_out)
    ntrex = _read_jsonl(data / "parallel" / "ntrex.jsonl", languages)
    if len(ntrex) <= ntrex_tail:
        raise UserError(
            f"{data / 'parallel' / 'ntrex.jsonl'}: expected more than {ntrex_tail} rows, since the last "
            f"{ntrex_tail} are kept for choosing settings; found {len(ntrex)}"
        )
    others = [
        ParallelRow("ntrex", {lang: row.text(row.values[lang], lang) for lang in languages})
        for row in ntrex[: len(ntrex) - ntrex_tail]
    ]
    for row in _read_jsonl(data / "parallel" / "cldr_annotations.jsonl", languages):
        names = {lang: row.text(row.field(lang, "name"), f"{lang}.name") for lang in languages}
        keywords = {lang: row.keywords(lang) for lang in languages}
        others += [ParallelRow("cldr_names", names), ParallelRow("cldr_keywords", keywords)]
    kept = [row for row in others if not _is_held_out(row.texts, held_out)]
    return ParallelTexts(
        rows=(*rows, *kept),
        left_out=LeftOut(
            stsb_held_out=left["held_out"],
            stsb_repeated=left["repeated"],
            stsb_empty=left["empty"],
            ntrex_tail=ntrex_tail,
            other_held_out=len(others) - len(kept),
        ),
    )


def read_stsb(data: Path, lang: Lang, split: str) -> list[tuple[str, str, float]]:
    """Sentence pairs of one file of the STS benchmark, in file order, with their scores from 0 to 5.

    Raises:
        UserError: if the file is missing or a line is not two sentences and a score.
    """
    path = _stsb_path(data, lang, split)
    records = _tsv_records(path) if path.suffix == ".tsv" else _csv_records(path)
    pairs = []
    for number, (first, second, score) in records:
        try:
            pairs.append((first.strip(), second.strip(), float(score)))
        except ValueError:
            raise UserError(f"{path}:{number}: field score: expected a number, found {score!r}") from None
    return pairs


def _stsb_path(data: Path, lang: Lang, split: str) -> Path:
    # STSb-TR is published as TSV with a header, the other languages as CSV without one.
    return data / "stsb" / f"stsb-{lang}-{split}.{'tsv' if lang == 'tr' else 'csv'}"


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; --data takes the folder that holds stsb/ and parallel/")
    problems = Problems()
    lines = [f"{line}\n" for _, line in read_lines(path, problems)]
    problems.raise_errors("--data")
    return lines


def _csv_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(_lines(path))
    for fields in reader:
        if len(fields) != len(STSB_COLUMNS):
            raise UserError(
                f"{path}:{reader.line_num}: expected sentence1, sentence2 and score, found {len(fields)} fields; "
                "a sentence with a comma needs quotes around it"
            )
        yield reader.line_num, fields


def _tsv_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    # Quotes are ordinary characters there: a field may begin with one and not end with one.
    reader = csv.reader(_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(reader, [])
    if missing := [name for name in STSB_COLUMNS if name not in header]:
        wanted = ", ".join(STSB_COLUMNS)
        raise UserError(f"{path}:1: expected a header with {wanted}; {', '.join(missing)} missing")
    columns = [header.index(name) for name in STSB_COLUMNS]
    for fields in reader:
        if len(fields) != len(header):
            raise UserError(
                f"{path}:{reader.line_num}: expected {len(header)} fields between tabs, found {len(fields)}"
            )
        yield reader.line_num, [fields[column] for column in columns]


def _is_held_out(texts: Mapping[Lang, str], held_out: HeldOut) -> bool:
    return any(comparable(text) in held_out[lang] for lang, text in texts.items())


def _stsb_train(
    data: Path, languages: Sequence[Lang], held_out: HeldOut
) -> tuple[list[ParallelRow], Counter[str]]:
    files = {lang: read_stsb(data, lang, "train") for lang in languages}
    first = languages[0]
    for lang, pairs in files.items():
        if len(pairs) != len(files[first]):
            raise UserError(
                f"{_stsb_path(data, lang, 'train')}: {len(pairs)} pairs, but {first} has "
                f"{len(files[first])}; the files are translations of each other, row by row, and must be "
                "equally long"
            )
    rows: list[ParallelRow] = []
    left: Counter[str] = Counter()
    seen: set[str] = set()
    for number in range(len(files[first])):
        for side in (0, 1):
            texts = {lang: str(files[lang][number][side]) for lang in languages}
            key = comparable(texts[first])
            if not all(texts.values()):
                left["empty"] += 1
            elif _is_held_out(texts, held_out):
                left["held_out"] += 1
            elif key in seen:
                left["repeated"] += 1
            else:
                seen.add(key)
                rows.append(ParallelRow("stsb", texts))
    return rows, left


@dataclass(frozen=True)
class _JsonRow:
    """An object by language, and where it stands."""

    place: str
    values: dict[str, Any]

    def text(self, found: Any, name: str) -> str:
        if not isinstance(found, str) or not found.strip():
            raise UserError(f"{self.place}: field {name}: expected a text, found {found!r}")
        return found.strip()

    def keywords(self, lang: Lang) -> str:
        found = self.field(lang, "keywords")
        if not isinstance(found, list) or not found or not all(isinstance(word, str) for word in found):
            raise UserError(f"{self.place}: field {lang}.keywords: expected a list of texts, found {found!r}")
        return ", ".join(found)

    def field(self, lang: Lang, name: str) -> Any:
        entry = self.values[lang]
        if not isinstance(entry, dict) or name not in entry:
            raise UserError(f"{self.place}: field {lang}: expected an object with {name}, found {entry!r}")
        return entry[name]


def _read_jsonl(path: Path, languages: Sequence[Lang]) -> list[_JsonRow]:
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        place = f"{path}:{number}"
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: not a JSON object: {error.msg} at {error.pos}") from None
        if not isinstance(values, dict):
            raise UserError(f"{place}: expected a JSON object, found {type(values).__name__}")
        if missing := [lang for lang in languages if lang not in values]:
            needed = ", ".join(languages)
            raise UserError(f"{place}: field {missing[0]} missing; every row needs {needed}")
        rows.append(_JsonRow(place, values))
    return rows
