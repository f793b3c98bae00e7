"""Parallel texts for training, without the sentences kept for evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.lines import read_json_lines
from xlembed.data.opening import read_rows
from xlembed.data.tables import number_or_text
from xlembed.data.text_digest import comparable
from xlembed.words import Lang, UserError

Source = Literal["stsb", "ntrex", "cldr_names", "cldr_keywords"]
STSB_COLUMNS = ("sentence1", "sentence2", "score")
DATA = "--data, the folder that holds stsb/ and parallel/"
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
    """All training rows of some languages under a folder that holds `stsb/` and `parallel/`.

    These are STS train sentences (each text of the first language once, none that stands in a dev or test pair in any
    language), NTREX without the `ntrex_tail` rows at its end, CLDR names, CLDR keyword lists.

    Raises:
        UserError: if a file is missing, a line is broken, or translations differ in length.
    """
    if not data.is_dir():
        raise UserError(f"--data {data}: no such folder; expected the one that holds stsb/ and parallel/")
    held_out: HeldOut = {
        lang: frozenset(
            comparable(sentence)
            for split in ("dev", "test")
            for pair in read_stsb(data, lang, split)
            for sentence in pair[:2]
        )
        for lang in languages
    }
    rows, left = _stsb_train(data, languages, held_out)
    ntrex, problems = data / "parallel" / "ntrex.jsonl", Problems()
    news = [{lang: _text(row, lang) for lang in languages} for row in read_json_lines(ntrex, problems)]
    problems.raise_errors(DATA)
    if len(news) <= ntrex_tail:
        raise UserError(
            f"{ntrex}: expected more than {ntrex_tail} rows, since the last {ntrex_tail} are kept for choosing "
            f"settings; found {len(news)}"
        )
    others = [ParallelRow("ntrex", texts) for texts in news[: len(news) - ntrex_tail]]
    for row in read_json_lines(data / "parallel" / "cldr_annotations.jsonl", problems):
        names = {lang: _text(_inside(row, lang), "name") for lang in languages}
        keywords = {lang: _keywords(_inside(row, lang)) for lang in languages}
        others += [ParallelRow("cldr_names", names), ParallelRow("cldr_keywords", keywords)]
    problems.raise_errors(DATA)
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
        UserError: if the file is missing, or with every row that is not two sentences and a score.
    """
    path, problems = _stsb_path(data, lang, split), Problems()
    table = read_rows(path, problems, numbered=path.suffix == ".csv", encoding="utf-8")
    columns = STSB_COLUMNS if path.suffix == ".tsv" else ("1", "2", "3")
    if table.header and (missing := [name for name in columns if name not in table.header]):
        raise UserError(f"{path}: expected a header with {', '.join(columns)}; {', '.join(missing)} missing")
    pairs = []
    for row in table.rows:
        first, second, score = (row.values.get(column, "") for column in columns)
        value = number_or_text(score)
        if not table.header and len(row.values) != len(columns):
            message = f"expected {', '.join(STSB_COLUMNS)}, found {len(row.values)} fields"
            row.error("", "number of columns", message, "put a sentence with a comma into quotes")
        elif isinstance(value, str):
            row.error("score", "no score", f"expected a number, found {score!r}", "correct it")
        else:
            pairs.append((first.strip(), second.strip(), value))
    problems.raise_errors(DATA)
    return pairs


def _stsb_path(data: Path, lang: Lang, split: str) -> Path:
    # STSb-TR is published as TSV with a header, the other languages as CSV without one.
    return data / "stsb" / f"stsb-{lang}-{split}.{'tsv' if lang == 'tr' else 'csv'}"


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
                f"{_stsb_path(data, lang, 'train')}: {len(pairs)} pairs, but {first} has {len(files[first])}; the "
                "files are translations of each other, row by row, and must be equally long"
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


def _text(row: Row, name: str) -> str:
    text = (row.text(name) or "").strip()
    if name in row.values and not text:
        row.error(name, "empty text", "expected a text", "give it one, or leave the row out")
    return text


def _inside(row: Row, lang: Lang) -> Row:
    value, place = row.values.get(lang), Place(row.place.file, row.place.line, lang)
    return Row(value if isinstance(value, dict) else {}, place, row.problems)


def _keywords(row: Row) -> str:
    found = row.values.get("keywords")
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        row.error("keywords", "mistyped field", f"expected a list of texts, found {found!r}", "write one")
        return ""
    return ", ".join(found)
