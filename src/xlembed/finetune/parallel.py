"""Parallel texts for training, without the sentences kept for evaluation."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xlembed.corpus.checks import Problems
from xlembed.corpus.lines import read_lines
from xlembed.types import Lang, UserError

Source = Literal["stsb", "ntrex", "cldr_names", "cldr_keywords"]


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
    held_out = {lang: _held_out_sentences(data, lang) for lang in languages}
    rows, left = _stsb_train(data, languages, held_out)
    ntrex = _read_jsonl(data / "parallel" / "ntrex.jsonl", languages)
    if len(ntrex) <= ntrex_tail:
        raise UserError(
            f"{data / 'parallel' / 'ntrex.jsonl'}: expected more than {ntrex_tail} rows, since the last "
            f"{ntrex_tail} are kept for choosing settings; found {len(ntrex)}"
        )
    others = [
        ParallelRow("ntrex", {lang: _text(path, number, value, lang) for lang in languages})
        for path, number, value in ntrex[: len(ntrex) - ntrex_tail]
    ]
    for path, number, value in _read_jsonl(data / "parallel" / "cldr_annotations.jsonl", languages):
        names = {lang: _text(path, number, value, lang, "name") for lang in languages}
        keywords = {lang: _keywords(path, number, value, lang) for lang in languages}
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
    with _open(path) as file:
        if path.suffix == ".tsv":
            return [_stsb_pair(path, *found) for found in _tsv_pairs(path, file)]
        reader = csv.reader(file)
        return [_stsb_pair(path, reader.line_num, fields) for fields in reader]


def comparable(text: str) -> str:
    """The form in which two sentences count as the same: NFKC, case folded, single spaces.

    Example:
        >>> comparable("A  Plane ")
        'a plane'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _stsb_path(data: Path, lang: Lang, split: str) -> Path:
    # STSb-TR is published as TSV with a header, the other languages as CSV without one.
    return data / "stsb" / f"stsb-{lang}-{split}.{'tsv' if lang == 'tr' else 'csv'}"


def _open(path: Path) -> io.StringIO:
    if not path.is_file():
        raise UserError(f"{path}: no such file; --data takes the folder that holds stsb/ and parallel/")
    problems = Problems()
    lines = [f"{line}\n" for _, line in read_lines(path, problems)]
    problems.raise_errors("--data")
    return io.StringIO("".join(lines), newline="")


def _tsv_pairs(path: Path, file: Any) -> Iterator[tuple[int, list[str]]]:
    # Quotes are ordinary characters there: a field may begin with one and not end with one.
    reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(reader, [])
    wanted = ["sentence1", "sentence2", "score"]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise UserError(f"{path}:1: expected a header with {', '.join(wanted)}; {', '.join(missing)} missing")
    columns = [header.index(name) for name in wanted]
    for fields in reader:
        if len(fields) != len(header):
            raise UserError(
                f"{path}:{reader.line_num}: expected {len(header)} fields between tabs, found {len(fields)}"
            )
        yield reader.line_num, [fields[column] for column in columns]


def _stsb_pair(path: Path, number: int, fields: list[str]) -> tuple[str, str, float]:
    if len(fields) != 3:
        raise UserError(
            f"{path}:{number}: expected sentence1, sentence2 and score, found {len(fields)} fields; "
            "a sentence with a comma needs quotes around it"
        )
    try:
        return fields[0].strip(), fields[1].strip(), float(fields[2])
    except ValueError:
        raise UserError(f"{path}:{number}: field score: expected a number, found {fields[2]!r}") from None


def _held_out_sentences(data: Path, lang: Lang) -> frozenset[str]:
    pairs = (pair for split in ("dev", "test") for pair in read_stsb(data, lang, split))
    return frozenset(comparable(sentence) for pair in pairs for sentence in pair[:2])


def _is_held_out(texts: Mapping[Lang, str], held_out: Mapping[Lang, frozenset[str]]) -> bool:
    return any(comparable(text) in held_out[lang] for lang, text in texts.items())


def _stsb_train(
    data: Path, languages: Sequence[Lang], held_out: Mapping[Lang, frozenset[str]]
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


def _read_jsonl(path: Path, languages: Sequence[Lang]) -> list[tuple[Path, int, dict[str, Any]]]:
    rows = []
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{path}:{number}: not a JSON object: {error.msg} at {error.pos}") from None
            if not isinstance(value, dict):
                raise UserError(f"{path}:{number}: expected a JSON object, found {type(value).__name__}")
            missing = [lang for lang in languages if lang not in value]
            if missing:
                raise UserError(
                    f"{path}:{number}: field {missing[0]} missing; every row needs {', '.join(languages)}"
                )
            rows.append((path, number, value))
    return rows


def _text(path: Path, number: int, value: dict[str, Any], lang: Lang, field: str = "") -> str:
    found = _field(path, number, value, lang, field) if field else value[lang]
    name = f"{lang}.{field}" if field else lang
    if not isinstance(found, str) or not found.strip():
        raise UserError(f"{path}:{number}: field {name}: expected a text, found {found!r}")
    return found.strip()


def _keywords(path: Path, number: int, value: dict[str, Any], lang: Lang) -> str:
    found = _field(path, number, value, lang, "keywords")
    if not isinstance(found, list) or not found or not all(isinstance(word, str) for word in found):
        raise UserError(f"{path}:{number}: field {lang}.keywords: expected a list of texts, found {found!r}")
    return ", ".join(found)


def _field(path: Path, number: int, value: dict[str, Any], lang: Lang, field: str) -> Any:
    entry = value[lang]
    if not isinstance(entry, dict) or field not in entry:
        raise UserError(f"{path}:{number}: field {lang}: expected an object with {field}, found {entry!r}")
    return entry[field]
