"""Sets of training rows under data/pairs: pairs, triplets, translations, scored pairs."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlembed.data.checks import Problems, check_text
from xlembed.data.checks import Row as FileRow
from xlembed.data.languages import is_language, language_help
from xlembed.data.lines import read_json_lines
from xlembed.data.sets import SetCard, SetStore
from xlembed.data.text_digest import text_digest
from xlembed.words import Choice, Lang

Row = Mapping[str, Any]
"""Texts by column, `COLUMN_lang`, perhaps `score` and `group`."""


class Kind(Choice):
    """What the texts of a row are to each other."""

    PAIRS = "pairs"
    """anchor: a query; positive: a document that answers it."""
    TRIPLETS = "triplets"
    """The same with a negative: a document that does not."""
    TRANSLATIONS = "translations"
    """anchor and positive mean the same."""
    SCORED = "scored"
    """text1 and text2 with a score of how alike they are."""


COLUMNS = {
    Kind.PAIRS: ("anchor", "positive"),
    Kind.TRIPLETS: ("anchor", "positive", "negative"),
    Kind.TRANSLATIONS: ("anchor", "positive"),
    Kind.SCORED: ("text1", "text2"),
}
"""Kind -> the texts of a row, in the order losses read them."""


PAIRS = SetStore(
    form="pairs", noun="pair set", subject="pair set", card="pairs.yaml", rows="rows.jsonl", kinds=Kind
)


@dataclass(frozen=True, kw_only=True)
class PairSet(SetCard):
    """One set, checked."""

    kind: Kind
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The texts of a row."""
        return COLUMNS[self.kind]

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over kind and rows; neither name nor card counts."""
        hasher = hashlib.sha256(self.kind.encode())
        for row in self.rows:
            hasher.update(_line(row).encode())
        return hasher.hexdigest()

    def texts(self, languages: Sequence[Lang]) -> set[str]:
        """The texts that are in one of these languages."""
        wanted = set(languages)
        return {row[c] for row in self.rows for c in self.columns if row[f"{c}_lang"] in wanted}

    def text_digests(self) -> set[str]:
        """Digest of every text."""
        return {text_digest(row[column]) for row in self.rows for column in self.columns}


def load_pairs(name: str, data_dir: Path) -> PairSet:
    """A set by name or folder.

    Raises:
        UserError: it is not there, or lists everything wrong in it with file, line, field and what to do.
    """
    folder = PAIRS.find(name, data_dir)
    card, _ = PAIRS.read_card(folder, name)
    kind, problems = Kind(card.kind), Problems()
    read = read_json_lines(folder / PAIRS.rows, problems)
    rows = [good for row in read if (good := checked_row(row, kind, card.languages)) is not None]
    if not rows:
        PAIRS.tell_empty(folder, problems)
    problems.raise_errors(f"pair set {name}")
    return PairSet(**vars(card), rows=tuple(rows))


def checked_row(row: FileRow, kind: Kind, languages: Sequence[Lang]) -> dict[str, Any] | None:
    """The row with a language beside each text, or None with its errors told.

    Of the set's `languages` a row may leave out what is the only one.
    """
    found: dict[str, Any] = {}
    raw, errors = row.values, row.problems.n_errors
    for column in COLUMNS[kind]:
        text = raw.get(column)
        if not isinstance(text, str):
            message = f"expected a text, found {'nothing' if text is None else type(text).__name__}"
            row.error(column, "no text", message, f"a row of kind {kind} needs {', '.join(COLUMNS[kind])}")
            continue
        check_text(row.problems, row.place, column, text)
        lang = raw.get(f"{column}_lang") or (languages[0] if len(languages) == 1 else None)
        if not is_language(lang):
            fix = f"write it into every row, or name that of the others with --lang (a set: in {PAIRS.card})"
            fix = language_help(lang) if isinstance(lang, str) else fix
            row.error(f"{column}_lang", "no language", f"expected an ISO 639 code, found {lang!r}", fix)
        found |= {column: text, f"{column}_lang": lang}
    if kind is Kind.SCORED:
        score = raw.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            comma = isinstance(score, str) and "," in score
            fix = "write decimals with a point" if comma else "correct the row"
            row.error("score", "no score", f"expected a finite number, found {score!r}", fix)
        else:
            found["score"] = float(score)
    if raw.get("group") is not None:
        found["group"] = str(raw["group"])
    return found if row.problems.n_errors == errors else None


def write_pairs(found: PairSet, force: bool = False) -> None:
    """The set as a folder; rows that stand twice are written once.

    Raises:
        UserError: as `SetStore.check_target`.
    """
    PAIRS.write(found, dict.fromkeys(map(_line, found.rows)), force=force)


def describe_pairs(found: PairSet) -> str:
    """Sizes in a few lines, for people."""
    first, second = found.columns[:2]
    langs = Counter((row[f"{first}_lang"], row[f"{second}_lang"]) for row in found.rows)
    listed = ", ".join(f"{a}-{b} {n:,}" for (a, b), n in langs.most_common(8))
    more = f" and {len(langs) - 8} more" if len(langs) > 8 else ""
    return f"{found.name}: {len(found.rows):,} rows of kind {found.kind}; {listed}{more}"


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"
