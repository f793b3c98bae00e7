"""Sets of scored texts under data/scored: each text with one number per dimension."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.data.card import name_fix
from xlembed.data.checks import Place, Problems, Row, check_id, check_language, check_text
from xlembed.data.lines import read_json_lines
from xlembed.data.sets import SetCard, SetStore
from xlembed.data.tables import number_or_text
from xlembed.words import Choice, Lang, near_miss

DIMENSION_KEYS = ("name", "description", "low", "high")
FIELDS = ("_id", "text", "lang", "document", "split", "scores")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
Scores = NDArray[np.float64]


class ScoredKind(Choice):
    """What the numbers are."""

    SCORES = "scores"
    """Real values on a scale."""
    LABELS = "labels"
    """0 or 1: has it or not."""


class Part(Choice):
    """What a text is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


PUBLISHED_PARTS = {
    "train": Part.TRAIN,
    "dev": Part.VALIDATION,
    "validation": Part.VALIDATION,
    "test": Part.TEST,
}
"""Words for a part in files of others."""


@dataclass(frozen=True)
class Dimension:
    """One thing that texts are scored on.

    Attributes:
        description: the criteria, for people.
        low: lower end of the scale, if it has one.
        high: upper end.
    """

    name: str
    description: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ScoredText:
    """One text.

    Attributes:
        document: what it is a part of; texts of one document are never torn apart. Its own id if it stands alone.
        scores: in the order of the set's dimensions.
        split: the part it has in the published split, if there is one.
    """

    text_id: str
    text: str
    lang: Lang
    document: str
    scores: tuple[float, ...]
    split: Part | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredSet(SetCard):
    """One set, checked; without texts it is only its card."""

    kind: ScoredKind
    dimensions: tuple[Dimension, ...]
    texts: tuple[ScoredText, ...] = ()

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """In the order of scores."""
        return tuple(d.name for d in self.dimensions)

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over kind, dimensions and texts; neither name nor card counts."""
        hasher = hashlib.sha256(f"{self.kind} {json.dumps(self.dimension_names)}".encode())
        for text in self.texts:
            hasher.update(_line(text, self.dimension_names).encode())
        return hasher.hexdigest()


def score_array(texts: Sequence[ScoredText]) -> Scores:
    """The scores of some texts, shape (n_texts, n_dimensions)."""
    return np.array([t.scores for t in texts], dtype=np.float64)


SCORED = SetStore(
    form="scored",
    noun="set of scored texts",
    subject="scored texts",
    card="scored.yaml",
    rows="texts.jsonl",
    kinds=ScoredKind,
    own_keys=("dimensions",),
    example="[en, fr]",
)


def read_scored_card(folder: Path, name: str = "") -> ScoredSet:
    """The card of a set, without its texts.

    Raises:
        UserError: lists everything wrong in it.
    """
    card, own = SCORED.read_card(folder, name or folder.name, _check_dimensions)
    return ScoredSet(**vars(card), dimensions=tuple(map(_dimension, own["dimensions"])))


def load_scored(name: str, data_dir: Path) -> ScoredSet:
    """A set by name or folder.

    Raises:
        UserError: it is not there, or lists everything wrong in it with file, line, field and what to do.
    """
    folder = SCORED.find(name, data_dir)
    card = read_scored_card(folder, name)
    problems = Problems()
    if card.name != folder.name and folder.parent == data_dir / "scored":
        message = f"the set in {folder} calls itself {card.name!r}, so its results would be filed there"
        place = Place(str(folder / SCORED.card))
        problems.error(place, "name", "bad name", message, name_fix(folder, card.name))
        problems.raise_errors(f"scored texts {name}")
    rows = read_json_lines(folder / SCORED.rows, problems)
    texts = checked_texts(rows, card.kind, card.languages, card.dimensions)
    if not texts:
        SCORED.tell_empty(folder, problems)
    problems.raise_errors(f"scored texts {name}")
    return replace(card, texts=tuple(texts), notes=(*card.notes, *problems.notes()))


def checked_texts(
    rows: Iterable[Row], kind: ScoredKind, languages: Sequence[Lang] | None, dimensions: Sequence[Dimension]
) -> list[ScoredText]:
    """The rows (see `FIELDS`) as texts; what is wrong in them is told.

    A row may leave out the language where `languages` has one; None: any language. It needs a number for each of the
    `dimensions`, of those that `kind` allows.
    """
    found: dict[str, tuple[Place, ScoredText]] = {}
    for row in rows:
        if (text := _checked_text(row, kind, languages, dimensions)) is None:
            continue
        place, other = found.setdefault(text.text_id, (row.place, text))
        if other is text:
            continue
        message = f"the id {text.text_id!r} stands in {place} too"
        if text == other:
            row.warn("_id", "repeated text", f"{message}, with the same row", "counted once")
        else:
            row.error("_id", "repeated id", message, "give each text its own id")
    return [text for _, text in found.values()]


def write_scored(found: ScoredSet, force: bool = False) -> None:
    """The set as a folder.

    Raises:
        UserError: as `SetStore.check_target`.
    """
    dimensions = [
        {key: value for key in DIMENSION_KEYS if (value := getattr(d, key)) not in ("", None)}
        for d in found.dimensions
    ]
    lines = (_line(t, found.dimension_names) for t in found.texts)
    SCORED.write(found, lines, {"dimensions": dimensions}, force)


def _line(text: ScoredText, names: Sequence[str]) -> str:
    row: dict[str, Any] = {"_id": text.text_id, "text": text.text, "lang": text.lang}
    if text.document != text.text_id:
        row["document"] = text.document
    if text.split:
        row["split"] = str(text.split)
    row["scores"] = dict(zip(names, text.scores, strict=True))
    return json.dumps(row, ensure_ascii=False) + "\n"


def _checked_text(
    row: Row, kind: ScoredKind, languages: Sequence[Lang] | None, dimensions: Sequence[Dimension]
) -> ScoredText | None:
    problems, place = row.problems, row.place
    errors = problems.n_errors
    text_id = row.required_id("_id")
    text = row.text("text")
    lang = row.optional("lang")
    if row.values.get("lang") is None and languages and len(languages) == 1:
        lang = languages[0]
    document = row.id("document")
    split = row.optional("split")
    row.tell_misspelt(FIELDS)
    if text_id is not None:
        check_id(problems, place, "_id", text_id)
    if text is not None:
        check_text(problems, place, "text", text)
    if row.values.get("lang") is None and lang is None:
        row.error("lang", "no language", "the text has no language", "write its ISO 639 code")
    elif lang is not None:
        check_language(problems, place, lang, languages, SCORED.card)
    if document == "":
        fix = "name the document, or leave the field out where a text stands alone"
        row.error("document", "empty document", "the document has no name", fix)
    elif document and not document.isprintable():
        message = f"{document!r} holds an invisible or broken character"
        row.error("document", "bad document", message, "remove it")
    if split is not None and split not in PUBLISHED_PARTS:
        message = f"expected one of {', '.join(PUBLISHED_PARTS)}, found {split!r}"
        row.error("split", "unknown part", message, "correct it, or leave it out")
    scores = _checked_scores(row, kind, dimensions)
    if problems.n_errors > errors or text_id is None or text is None or lang is None:
        return None
    part = PUBLISHED_PARTS[split] if split else None
    return ScoredText(text_id, text, lang, document or text_id, scores, part)


def _checked_scores(row: Row, kind: ScoredKind, dimensions: Sequence[Dimension]) -> tuple[float, ...]:
    given = row.values.get("scores")
    if not isinstance(given, Mapping):
        found = "nothing" if given is None else type(given).__name__
        example = ", ".join(f'"{d.name}": 1.0' for d in dimensions)
        row.error("scores", "no scores", f"expected an object, found {found}", f"write {{{example}}}")
        return ()
    names = [d.name for d in dimensions]
    for name in map(str, given):
        if name not in names:
            message, fix = (
                f"no dimension of the set.{near_miss(name, names)}",
                f"the dimensions are {', '.join(names)}",
            )
            row.error(f"scores.{name}", "unknown dimension", message, fix)
    return tuple(_checked_score(given.get(d.name), kind, d, row) for d in dimensions)


def _checked_score(value: Any, kind: ScoredKind, dimension: Dimension, row: Row) -> float:
    field = f"scores.{dimension.name}"
    if not is_number(value):
        found = "nothing" if value is None or value == "" else repr(value)
        fix, word = (
            "every text needs a number for every dimension",
            value.strip() if isinstance(value, str) else "",
        )
        if DECIMAL_COMMA.fullmatch(word):
            fix = f"write decimals with a point: {word.replace(',', '.')}"
        elif isinstance(number_or_text(word), float):
            fix = f"write it without quotation marks: {word}"
        row.error(field, "no number", f"expected a finite number, found {found}", fix)
        return math.nan
    if kind is ScoredKind.LABELS and value not in (0, 1):
        row.error(field, "no label", f"expected 0 or 1, found {value!r}", "write 0 or 1")
    low, high = dimension.low, dimension.high
    if (low is not None and value < low) or (high is not None and value > high):
        ends = " to ".join("anything" if end is None else f"{end:g}" for end in (low, high))
        message = f"{value:g} is outside the scale from {ends}"
        fix = f"correct it, or the scale (low and high in {SCORED.card}; --scale of an import)"
        row.error(field, "outside the scale", message, fix)
    return float(value)


def is_number(value: Any) -> bool:
    """Whether it is a finite number that float64 can hold; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _dimension(entry: Any) -> Dimension:
    if isinstance(entry, str):
        return Dimension(entry)
    low, high = (None if entry.get(end) is None else float(entry[end]) for end in ("low", "high"))
    return Dimension(entry["name"], entry.get("description") or "", low, high)


def _check_dimensions(own: Mapping[str, Any], place: Place, problems: Problems) -> None:
    expected = f"expected a list of names, or of objects with {', '.join(DIMENSION_KEYS)}"
    for found in _wrong_dimensions(own["dimensions"]):
        fix = "for example [{name: joy, low: 0, high: 10}]"
        problems.error(place, "dimensions", "bad dimension", f"{expected}; found {found}", fix)


def _wrong_dimensions(given: Any) -> Iterator[str]:
    if not isinstance(given, list) or not given:
        yield repr(given)
        return
    names = []
    for said in given:
        entry = {"name": said} if isinstance(said, str) else said
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
            yield repr(said)
            continue
        names.append(entry["name"])
        if unknown := [str(key) for key in entry if key not in DIMENSION_KEYS]:
            yield f"{unknown[0]!r}.{near_miss(unknown[0], DIMENSION_KEYS)}"
        if not isinstance(entry.get("description") or "", str):
            yield f"the description {entry['description']!r}"
        low, high = ends = entry.get("low"), entry.get("high")
        known = [end for end in ends if end is not None]
        if not all(map(is_number, known)) or (len(known) == 2 and known[0] >= known[1]):
            yield f"a scale from {low!r} to {high!r}"
    if len(set(names)) < len(names):
        yield f"a name twice: {', '.join(names)}"
