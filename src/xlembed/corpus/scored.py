"""Sets of scored texts under data/scored: each text with one number per dimension."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from xlembed.corpus.card import is_task_name
from xlembed.corpus.checks import Place, Problems, check_id, check_language, check_text
from xlembed.corpus.fields import id_field, optional_field, required_id, tell_misspelt, text_field
from xlembed.corpus.folders import tracked_folders
from xlembed.corpus.languages import is_language
from xlembed.corpus.lines import read_json_lines
from xlembed.corpus.tables import number_or_text
from xlembed.files import YamlError, atomic_folder, read_yaml
from xlembed.types import Choice, Lang, UserError, near_miss

CARD, ROWS = "scored.yaml", "texts.jsonl"
CARD_TEXTS = ("source", "licence", "description")
CARD_KEYS = ("name", "kind", "languages", "dimensions", *CARD_TEXTS, "notes")
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
    return sorted(path.parent.name for path in (data_dir / "scored").glob(f"[!.]*/{CARD}"))


def absent_scored(data_dir: Path) -> dict[str, Path]:
    """Name -> .dvc file of the sets that DVC tracks and that are not there."""
    present = list_scored(data_dir)
    tracked = tracked_folders(data_dir / "scored", data_dir)
    return {name: dvc for name, dvc in tracked.items() if name not in present}


def find_scored(name: str, data_dir: Path) -> Path:
    """The folder of a set given by its name under data/scored, or by its path.

    Raises:
        UserError: with the known sets and the near miss; or with the `dvc pull` that brings the folder.
    """
    for folder in (data_dir / "scored" / name, Path(name)):
        if (folder / CARD).is_file() and (folder / ROWS).is_file():
            return folder
    absent = absent_scored(data_dir)
    if name in absent:
        raise UserError(
            f"the scored texts {name!r} are tracked by DVC but not here yet; fetch them with: dvc pull {absent[name]}"
        )
    known = [*list_scored(data_dir), *absent]
    listed = f"there are {', '.join(known)}" if known else "there are none yet"
    raise UserError(
        f"no set of scored texts {name!r}: neither a name under {data_dir / 'scored'} nor a folder with {CARD} and "
        f"{ROWS}; {listed}.{near_miss(name, known)} Make one: xlembed import scored FILE --name {Path(name).name}"
    )


def read_scored_card(folder: Path, problems: Problems) -> dict[str, Any]:
    """The card of a set as it stands there, with what is wrong told; empty when it cannot be read."""
    place = Place(str(folder / CARD))
    try:
        card = read_yaml(folder / CARD)
    except YamlError as error:
        at = Place(place.file, error.line)
        problems.error(at, "", "invalid YAML", error.problem, "correct the file")
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
    _check_languages(card.get("languages"), place, problems)
    _check_dimensions(card.get("dimensions"), place, problems)
    _check_words(card, place, problems)
    return card


def _check_languages(given: Any, place: Place, problems: Problems) -> None:
    if not isinstance(given, list) or not given or not all(map(is_language, given)):
        message = f"expected a list of ISO 639-1 codes, found {given!r}"
        fix = 'write "no" in quotes' if isinstance(given, list) and False in given else "for example [en, fr]"
        problems.error(place, "languages", "unknown language", message, fix)
    elif len(set(given)) < len(given):
        message = f"a language twice: {', '.join(given)}"
        problems.error(place, "languages", "repeated language", message, "list it once")


def _check_words(card: Mapping[str, Any], place: Place, problems: Problems) -> None:
    """Name, texts and notes."""
    name = card.get("name")
    if "name" in card and not (isinstance(name, str) and is_task_name(name)):
        message = f"expected letters, digits, '.', '_', '+', '-', found {name!r}"
        problems.error(place, "name", "bad name", message, "write the name of the folder")
    for key in CARD_TEXTS:
        if not isinstance(card.get(key) or "", str):
            message = f"expected a text, found {card[key]!r}"
            problems.error(place, key, "mistyped field", message, "write a text in quotes")
    notes = card.get("notes")
    if notes is not None and not (isinstance(notes, list) and all(isinstance(n, str) for n in notes)):
        message = f"expected a list of texts, found {notes!r}"
        problems.error(place, "notes", "mistyped field", message, "write each note behind a hyphen")


def load_scored(name: str, data_dir: Path) -> ScoredSet:
    """A set by name or folder.

    Raises:
        UserError: it is not there, or lists everything wrong in it with file, line, field and what to do.
    """
    folder = find_scored(name, data_dir)
    problems = Problems()
    card = read_scored_card(folder, problems)
    elsewhere = not problems.n_errors and card.get("name", folder.name) != folder.name
    if elsewhere and folder.parent == data_dir / "scored":
        message = f"the set in {folder} calls itself {card['name']!r}, so its results would be filed there"
        place = Place(str(folder / CARD))
        problems.error(place, "name", "bad name", message, f"write name: {folder.name}")
    problems.raise_errors(f"scored texts {name}")
    kind, languages = ScoredKind(card["kind"]), tuple(card["languages"])
    dimensions = tuple(_dimension(entry) for entry in card["dimensions"])
    rows = read_json_lines(folder / ROWS, problems)
    texts = checked_texts(rows, kind, languages, dimensions, problems)
    if not texts and not problems.n_errors:
        problems.error(Place(str(folder / ROWS)), "", "no rows", "the file holds no rows", "import it again")
    problems.raise_errors(f"scored texts {name}")
    return ScoredSet(
        name=str(card.get("name") or folder.name),
        kind=kind,
        languages=languages,
        dimensions=dimensions,
        texts=tuple(texts),
        folder=folder,
        source=card.get("source") or "",
        licence=card.get("licence") or "",
        description=card.get("description") or "",
        notes=(*(card.get("notes") or ()), *problems.notes()),
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
    seen: dict[str, tuple[Place, ScoredText]] = {}
    for place, row in rows:
        text = _checked_text(row, kind, languages, dimensions, place, problems)
        if text is None:
            continue
        if text.text_id in seen:
            earlier, other = seen[text.text_id]
            message = f"the id {text.text_id!r} stands in {earlier} too"
            if text == other:
                problems.warn(place, "_id", "repeated text", f"{message}, with the same row", "counted once")
                continue
            problems.error(place, "_id", "repeated id", message, "give each text its own id")
            continue
        seen[text.text_id] = (place, text)
        found.append(text)
    return found


def check_scored_target(name: str, folder: Path, force: bool = False) -> None:
    """Nothing when a set called `name` may be written to `folder`.

    Raises:
        UserError: the name cannot be a folder's, or the folder is there and may not be replaced.
    """
    if not is_task_name(name):
        raise UserError(f"--name: expected letters, digits, '.', '_', '+', '-', found {name!r}")
    if folder.exists() and not (folder / CARD).is_file():
        raise UserError(f"{folder} exists and is no set of scored texts: choose another --name or --out")
    if folder.exists() and not force:
        raise UserError(f"{folder} exists: --force replaces it")


def write_scored(found: ScoredSet, force: bool = False) -> None:
    """The set as a folder.

    Raises:
        UserError: as `check_scored_target`.
    """
    check_scored_target(found.name, found.folder, force)
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
    with atomic_folder(found.folder) as temporary:
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
    text_id = required_id(row, "_id", place, problems)
    text = text_field(row, "text", place, problems)
    lang = optional_field(row, "lang", place, problems)
    if row.get("lang") is None and languages and len(languages) == 1:
        lang = languages[0]
    document = id_field(row, "document", place, problems)
    split = optional_field(row, "split", place, problems)
    tell_misspelt(row, FIELDS, place, problems)
    if text_id is not None:
        check_id(problems, place, "_id", text_id)
    if text is not None:
        check_text(problems, place, "text", text)
    if row.get("lang") is None and lang is None:
        problems.error(place, "lang", "no language", "the text has no language", "write its ISO 639-1 code")
    elif lang is not None:
        check_language(problems, place, lang, languages, CARD)
    if document is not None:
        _check_document(document, place, problems)
    if split is not None and split not in PUBLISHED_PARTS:
        message = f"expected one of {', '.join(PUBLISHED_PARTS)}, found {split!r}"
        problems.error(place, "split", "unknown part", message, "correct it, or leave it out")
    scores = _checked_scores(row.get("scores"), kind, dimensions, place, problems)
    if problems.n_errors > errors or text_id is None or text is None or lang is None:
        return None
    part = PUBLISHED_PARTS[split] if split else None
    return ScoredText(text_id, text, lang, document or text_id, scores, part)


def _check_document(document: str, place: Place, problems: Problems) -> None:
    if not document:
        fix = "name the document, or leave the field out where a text stands alone"
        problems.error(place, "document", "empty document", "the document has no name", fix)
    elif not document.isprintable():
        message = f"{document!r} holds an invisible or broken character"
        problems.error(place, "document", "bad document", message, "remove it")


def _checked_scores(
    given: Any, kind: ScoredKind, dimensions: Sequence[Dimension], place: Place, problems: Problems
) -> tuple[float, ...]:
    if not isinstance(given, Mapping):
        found = "nothing" if given is None else type(given).__name__
        example = ", ".join(f'"{d.name}": 1.0' for d in dimensions)
        problems.error(
            place, "scores", "no scores", f"expected an object, found {found}", f"write {{{example}}}"
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
    if not _is_number(value):
        found = "nothing" if value is None or value == "" else repr(value)
        message = f"expected a finite number, found {found}"
        problems.error(place, field, "no number", message, _number_help(value))
        return math.nan
    if kind is ScoredKind.LABELS and value not in (0, 1):
        problems.error(place, field, "no label", f"expected 0 or 1, found {value!r}", "write 0 or 1")
    low, high = dimension.low, dimension.high
    if (low is not None and value < low) or (high is not None and value > high):
        message = f"{value:g} is outside the scale from {_end(low)} to {_end(high)}"
        fix = f"correct it, or the scale (low and high in {CARD}; --scale of an import)"
        problems.error(place, field, "outside the scale", message, fix)
    return float(value)


def _end(value: float | None) -> str:
    return "anything" if value is None else f"{value:g}"


def _is_number(value: Any) -> bool:
    """A finite number that float64 can hold; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number_help(value: Any) -> str:
    if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value.strip()):
        return f"write decimals with a point: {value.strip().replace(',', '.')}"
    if isinstance(value, str) and isinstance(number_or_text(value), float):
        return f"write it without quotation marks: {value.strip()}"
    return "every text needs a number for every dimension"


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


def _check_dimensions(given: Any, place: Place, problems: Problems) -> None:
    def wrong(found: str) -> None:
        message = f"expected a list of names, or of objects with {', '.join(DIMENSION_KEYS)}; found {found}"
        problems.error(
            place, "dimensions", "bad dimension", message, "for example [{name: joy, low: 0, high: 10}]"
        )

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
        if not isinstance(entry.get("description") or "", str):
            wrong(f"the description {entry['description']!r}")
        low, high = entry.get("low"), entry.get("high")
        if any(end is not None and not _is_number(end) for end in (low, high)):
            wrong(f"a scale from {low!r} to {high!r}")
        elif low is not None and high is not None and low >= high:
            wrong(f"a scale from {low} to {high}")
    if len(set(names)) < len(names):
        wrong(f"a name twice: {', '.join(names)}")
