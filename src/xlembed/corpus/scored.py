"""Sets of scored texts under data/scored: each text with one number per dimension."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from xlembed.corpus.checks import Place, Problems, check_id, check_language, check_text
from xlembed.corpus.fields import optional_field, tell_misspelt, text_field
from xlembed.corpus.languages import is_language
from xlembed.corpus.lines import read_json_lines
from xlembed.files import atomic_folder
from xlembed.types import Choice, Lang, UserError, near_miss

CARD, ROWS = "scored.yaml", "texts.jsonl"
CARD_KEYS = ("name", "kind", "languages", "dimensions", "source", "licence", "description", "notes")
DIMENSION_KEYS = ("name", "description", "low", "high")
FIELDS = ("_id", "text", "lang", "document", "split", "scores")
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


PUBLISHED_PARTS = {"train": Part.TRAIN, "dev": Part.VALIDATION, "validation": Part.VALIDATION, "test": Part.TEST}
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


@dataclass(frozen=True)
class ScoredSet:
    """One set, checked.

    Attributes:
        name: as TASK is typed.
        languages: of its texts, in the order of the card.
        folder: where it was read from.
    """

    name: str
    kind: ScoredKind
    languages: tuple[Lang, ...]
    dimensions: tuple[Dimension, ...]
    texts: tuple[ScoredText, ...]
    folder: Path
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """In order."""
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


def list_scored(data_dir: Path) -> list[str]:
    """Names of the sets under data/scored."""
    return sorted(path.parent.name for path in (data_dir / "scored").glob(f"*/{CARD}"))


def find_scored(name: str, data_dir: Path) -> Path:
    """The folder of a set given by its name under data/scored, or by its path.

    Raises:
        UserError: with the known sets and the near miss.
    """
    for folder in (data_dir / "scored" / name, Path(name)):
        if (folder / CARD).is_file() and (folder / ROWS).is_file():
            return folder
    known = list_scored(data_dir)
    listed = f"there are {', '.join(known)}" if known else "there are none yet"
    raise UserError(
        f"no set of scored texts {name!r}: neither a name under {data_dir / 'scored'} nor a folder with {CARD} and "
        f"{ROWS}; {listed}.{near_miss(name, known)} Make one: xlembed import scored FILE --name {Path(name).name}"
    )


def load_scored(name: str, data_dir: Path) -> ScoredSet:
    """A set by name or folder.

    Raises:
        UserError: it is not there, or lists everything wrong in it with file, line, field and what to do.
    """
    folder = find_scored(name, data_dir)
    problems = Problems()
    card = _read_card(folder / CARD, problems)
    problems.raise_errors(f"scored texts {name}")
    kind, languages = ScoredKind(card["kind"]), tuple(card["languages"])
    dimensions = tuple(_dimension(entry) for entry in card["dimensions"])
    rows = read_json_lines(folder / ROWS, problems)
    texts = checked_texts(rows, kind, languages, dimensions, problems)
    problems.raise_errors(f"scored texts {name}")
    return ScoredSet(
        name=str(card.get("name") or folder.name),
        kind=kind,
        languages=languages,
        dimensions=dimensions,
        texts=tuple(texts),
        folder=folder,
        source=str(card.get("source") or ""),
        licence=str(card.get("licence") or ""),
        description=str(card.get("description") or ""),
        notes=(*map(str, card.get("notes") or ()), *problems.notes()),
    )


def checked_texts(
    rows: Iterable[tuple[Place, Mapping[str, Any]]],
    kind: ScoredKind,
    languages: Sequence[Lang] | None,
    dimensions: Sequence[Dimension],
    problems: Problems,
) -> list[ScoredText]:
    """The rows as texts; what is wrong in them is told.

    Args:
        rows: with their places; see `FIELDS`.
        kind: decides which numbers are allowed.
        languages: of the set; a row may leave out what is the only one. None: any.
        dimensions: each row needs a number for each.
        problems: takes what is wrong.
    """
    found: list[ScoredText] = []
    seen: dict[str, Place] = {}
    n_rows = 0
    place = Place("")
    for place, row in rows:
        n_rows += 1
        text = _checked_text(row, kind, languages, dimensions, place, problems)
        if text is None:
            continue
        if text.text_id in seen:
            message = f"the id {text.text_id!r} stands in line {seen[text.text_id].line} too"
            problems.error(place, "_id", "repeated id", message, "give each text its own id")
            continue
        seen[text.text_id] = place
        found.append(text)
    if not n_rows and not problems.n_errors:
        problems.error(place, "", "no rows", "there are no texts", "look into the file")
    return found


def write_scored(found: ScoredSet, force: bool = False) -> None:
    """The set as a folder.

    Raises:
        UserError: the folder is there and may not be replaced.
    """
    folder = found.folder
    if folder.exists() and not (folder / CARD).is_file():
        raise UserError(f"{folder} exists and is no set of scored texts: choose another --name or --out")
    if folder.exists() and not force:
        raise UserError(f"{folder} exists: --force replaces it")
    card = {
        "name": found.name,
        "kind": str(found.kind),
        "languages": list(found.languages),
        "dimensions": [
            {key: value for key in DIMENSION_KEYS if (value := getattr(d, key)) not in ("", None)}
            for d in found.dimensions
        ],
        "source": found.source,
        "licence": found.licence,
        "description": found.description,
        "notes": list(found.notes),
    }
    with atomic_folder(folder) as temporary:
        text = yaml.safe_dump({k: v for k, v in card.items() if v}, allow_unicode=True, sort_keys=False)
        (temporary / CARD).write_text(text, encoding="utf-8")
        lines = "".join(_line(t, found.dimension_names) for t in found.texts)
        (temporary / ROWS).write_text(lines, encoding="utf-8", newline="\n")


def _line(text: ScoredText, names: Sequence[str]) -> str:
    row: dict[str, Any] = {"_id": text.text_id, "text": text.text, "lang": text.lang}
    if text.document != text.text_id:
        row["document"] = text.document
    if text.split:
        row["split"] = str(text.split)
    row["scores"] = dict(zip(names, text.scores, strict=True))
    return json.dumps(row, ensure_ascii=False) + "\n"


def _checked_text(
    row: Mapping[str, Any],
    kind: ScoredKind,
    languages: Sequence[Lang] | None,
    dimensions: Sequence[Dimension],
    place: Place,
    problems: Problems,
) -> ScoredText | None:
    errors = problems.n_errors
    text_id = text_field(row, "_id", place, problems)
    text = text_field(row, "text", place, problems)
    only = languages[0] if languages and len(languages) == 1 else None
    lang = optional_field(row, "lang", place, problems) or only
    document = optional_field(row, "document", place, problems)
    split = optional_field(row, "split", place, problems)
    tell_misspelt(row, FIELDS, place, problems)
    if text_id is not None:
        check_id(problems, place, "_id", text_id)
    if text is not None:
        check_text(problems, place, "text", text)
    if lang is None:
        problems.error(place, "lang", "no language", "the text has no language", "write its ISO 639-1 code")
    else:
        check_language(problems, place, lang, languages)
    if split and split not in PUBLISHED_PARTS:
        message = f"expected one of {', '.join(PUBLISHED_PARTS)}, found {split!r}"
        problems.error(place, "split", "unknown part", message, "correct it, or leave it out")
    scores = _checked_scores(row.get("scores"), kind, dimensions, place, problems)
    if problems.n_errors > errors or text_id is None or text is None or lang is None:
        return None
    part = PUBLISHED_PARTS[split] if split else None
    return ScoredText(text_id, text, lang, document or text_id, scores, part)


def _checked_scores(
    given: Any, kind: ScoredKind, dimensions: Sequence[Dimension], place: Place, problems: Problems
) -> tuple[float, ...]:
    if not isinstance(given, Mapping):
        found = "nothing" if given is None else type(given).__name__
        names = ", ".join(f'"{d.name}": 1.0' for d in dimensions)
        problems.error(
            place, "scores", "no scores", f"expected an object, found {found}", f"write {{{names}}}"
        )
        return ()
    names = [d.name for d in dimensions]
    for name in given:
        if name not in names:
            problems.error(
                place, f"scores.{name}", "unknown dimension", f"no dimension of the set.{near_miss(str(name), names)}",
                f"the dimensions are {', '.join(names)}",
            )  # fmt: skip
    return tuple(_checked_score(given.get(d.name), kind, d, place, problems) for d in dimensions)


def _checked_score(
    value: Any, kind: ScoredKind, dimension: Dimension, place: Place, problems: Problems
) -> float:
    field = f"scores.{dimension.name}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        message = f"expected a finite number, found {value!r}"
        problems.error(place, field, "no number", message, "every text needs a number for every dimension")
        return math.nan
    if kind is ScoredKind.LABELS and value not in (0, 1):
        problems.error(place, field, "no label", f"expected 0 or 1, found {value!r}", "write 0 or 1")
    low, high = dimension.low, dimension.high
    if (low is not None and value < low) or (high is not None and value > high):
        message = f"{value:g} is outside the scale from {low} to {high}"
        problems.error(place, field, "outside the scale", message, f"correct it, or the scale in {CARD}")
    return float(value)


def _dimension(entry: Any) -> Dimension:
    if isinstance(entry, str):
        return Dimension(entry)
    low, high = entry.get("low"), entry.get("high")
    return Dimension(
        str(entry["name"]),
        str(entry.get("description") or ""),
        None if low is None else float(low),
        None if high is None else float(high),
    )


def _read_card(path: Path, problems: Problems) -> dict[str, Any]:
    place = Place(str(path))
    try:
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.error(place, "", "invalid YAML", f"not YAML: {error}", "correct the file")
        return {}
    if not isinstance(card, dict):
        message = "expected fields (key: value)"
        problems.error(place, "", "invalid YAML", message, f"fields: {', '.join(CARD_KEYS)}")
        return {}
    for key in card:
        if key not in CARD_KEYS:
            problems.error(
                place, str(key), "unknown key", f"no field of {CARD}.{near_miss(str(key), CARD_KEYS)}",
                f"fields: {', '.join(CARD_KEYS)}",
            )  # fmt: skip
    if card.get("kind") not in list(ScoredKind):
        message = f"expected one of {', '.join(ScoredKind)}, found {card.get('kind')!r}"
        problems.error(place, "kind", "unknown kind", message, "choose one")
    languages = card.get("languages")
    if not isinstance(languages, list) or not languages or not all(map(is_language, languages)):
        message = f"expected a list of ISO 639-1 codes, found {languages!r}"
        problems.error(place, "languages", "unknown language", message, "for example [en, fr]")
    _check_dimensions(card.get("dimensions"), place, problems)
    return card


def _check_dimensions(given: Any, place: Place, problems: Problems) -> None:
    def wrong(found: str) -> None:
        message = f"expected a list of names, or of objects with {', '.join(DIMENSION_KEYS)}; found {found}"
        problems.error(place, "dimensions", "bad dimension", message, "for example [{name: joy, low: 0, high: 10}]")

    if not isinstance(given, list) or not given:
        wrong(repr(given))
        return
    names = []
    for entry in given:
        if isinstance(entry, str) and entry:
            names.append(entry)
            continue
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
            wrong(repr(entry))
            continue
        names.append(entry["name"])
        if unknown := [key for key in entry if key not in DIMENSION_KEYS]:
            wrong(f"{unknown[0]!r}.{near_miss(str(unknown[0]), DIMENSION_KEYS)}")
        ends = [entry.get(end) for end in ("low", "high")]
        if any(e is not None and (isinstance(e, bool) or not isinstance(e, int | float)) for e in ends):
            wrong(f"the scale {ends}")
        elif None not in ends and ends[0] >= ends[1]:
            wrong(f"a scale from {ends[0]} to {ends[1]}")
    if len(set(names)) < len(names):
        wrong(f"a name twice: {', '.join(names)}")
