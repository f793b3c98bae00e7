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

import yaml

from xlembed.corpus.checks import Place, Problems, check_text
from xlembed.corpus.languages import is_language, language_help
from xlembed.corpus.lines import read_json_lines
from xlembed.corpus.text_digest import text_digest
from xlembed.files import YamlError, atomic_folder, read_yaml
from xlembed.types import Choice, Lang, UserError, near_miss

CARD, ROWS = "pairs.yaml", "rows.jsonl"
CARD_KEYS = ("name", "kind", "languages", "source", "licence", "description", "notes")
Row = Mapping[str, Any]


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


@dataclass(frozen=True)
class PairSet:
    """One set, checked.

    Attributes:
        name: as recipes call it.
        languages: of its texts, in the order of the card.
        rows: texts by column, `COLUMN_lang`, perhaps `score` and `group`.
        folder: where it was read from.
    """

    name: str
    kind: Kind
    languages: tuple[Lang, ...]
    rows: tuple[Row, ...]
    folder: Path
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()

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


def list_pairs(data_dir: Path) -> list[str]:
    """Names of the sets under data/pairs."""
    return sorted(path.parent.name for path in (data_dir / "pairs").glob(f"[!.]*/{CARD}"))


def find_pairs(name: str, data_dir: Path) -> Path:
    """The folder of a set given by its name under data/pairs, or by its path.

    Raises:
        UserError: with the known sets and the near miss.
    """
    for folder in (data_dir / "pairs" / name, Path(name)):
        if (folder / CARD).is_file() and (folder / ROWS).is_file():
            return folder
    known = list_pairs(data_dir)
    listed = f"there are {', '.join(known)}" if known else "there are none yet"
    raise UserError(
        f"no pair set {name!r}: neither a name under {data_dir / 'pairs'} nor a folder with {CARD} and {ROWS}; "
        f"{listed}.{near_miss(name, known)} Make one: xlembed import pairs FILE --name {Path(name).name}"
    )


def load_pairs(name: str, data_dir: Path) -> PairSet:
    """A set by name or folder.

    Raises:
        UserError: it is not there, or lists everything wrong in it with file, line, field and what to do.
    """
    folder = find_pairs(name, data_dir)
    problems = Problems()
    card = _read_card(folder / CARD, problems)
    problems.raise_errors(f"pair set {name}")
    kind, languages = Kind(card["kind"]), tuple(card["languages"])
    rows = [
        row
        for place, raw in read_json_lines(folder / ROWS, problems)
        if (row := checked_row(raw, kind, languages, place, problems)) is not None
    ]
    if not rows and not problems.n_errors:
        problems.error(Place(str(folder / ROWS)), "", "no rows", "the file holds no rows", "import it again")
    problems.raise_errors(f"pair set {name}")
    return PairSet(
        name=str(card.get("name") or folder.name),
        kind=kind,
        languages=languages,
        rows=tuple(rows),
        folder=folder,
        source=str(card.get("source") or ""),
        licence=str(card.get("licence") or ""),
        description=str(card.get("description") or ""),
        notes=tuple(map(str, card.get("notes") or ())),
    )


def checked_row(
    raw: Row, kind: Kind, languages: Sequence[Lang], place: Place, problems: Problems
) -> dict[str, Any] | None:
    """The row with a language beside each text, or None with its errors told.

    Args:
        raw: as read.
        kind: says which texts there must be.
        languages: of the set; a row may leave out what is the only one.
        place: where the row stands.
        problems: takes what is wrong.
    """
    row: dict[str, Any] = {}
    errors = problems.n_errors
    for column in COLUMNS[kind]:
        text = raw.get(column)
        if not isinstance(text, str):
            found = "nothing" if text is None else type(text).__name__
            problems.error(
                place, column, "no text", f"expected a text, found {found}",
                f"a row of kind {kind} needs {', '.join(COLUMNS[kind])}",
            )  # fmt: skip
            continue
        check_text(problems, place, column, text)
        lang = raw.get(f"{column}_lang") or (languages[0] if len(languages) == 1 else None)
        if not is_language(lang):
            problems.error(
                place, f"{column}_lang", "no language", f"expected an ISO 639-1 code, found {lang!r}",
                language_help(lang) if isinstance(lang, str) else
                "write it into every row, or name that of the others with --lang (a set: one language in pairs.yaml)",
            )  # fmt: skip
        row |= {column: text, f"{column}_lang": lang}
    if kind is Kind.SCORED:
        score = raw.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            problems.error(
                place, "score", "no score", f"expected a finite number, found {score!r}", "correct the row"
            )
        else:
            row["score"] = float(score)
    group = raw.get("group")
    if group is not None:
        row["group"] = str(group)
    return row if problems.n_errors == errors else None


def write_pairs(found: PairSet, force: bool = False) -> None:
    """The set as a folder; rows that stand twice are written once.

    Raises:
        UserError: the folder is there and may not be replaced.
    """
    folder = found.folder
    if folder.exists() and not (folder / CARD).is_file():
        raise UserError(f"{folder} exists and is no pair set: choose another --name or --out")
    if folder.exists() and not force:
        raise UserError(f"{folder} exists: --force replaces it")
    card = {
        "name": found.name,
        "kind": str(found.kind),
        "languages": list(found.languages),
        "source": found.source,
        "licence": found.licence,
        "description": found.description,
        "notes": list(found.notes),
    }
    with atomic_folder(folder) as temporary:
        text = yaml.safe_dump({k: v for k, v in card.items() if v}, allow_unicode=True, sort_keys=False)
        (temporary / CARD).write_text(text, encoding="utf-8")
        lines = list(dict.fromkeys(map(_line, found.rows)))
        (temporary / ROWS).write_text("".join(lines), encoding="utf-8", newline="\n")


def describe_pairs(found: PairSet) -> str:
    """Sizes in a few lines, for people."""
    first, second = found.columns[:2]
    langs = Counter((row[f"{first}_lang"], row[f"{second}_lang"]) for row in found.rows)
    listed = ", ".join(f"{a}-{b} {n:,}" for (a, b), n in langs.most_common(8))
    more = f" and {len(langs) - 8} more" if len(langs) > 8 else ""
    return f"{found.name}: {len(found.rows):,} rows of kind {found.kind}; {listed}{more}"


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


def _read_card(path: Path, problems: Problems) -> dict[str, Any]:
    place = Place(str(path))
    try:
        card = read_yaml(path)
    except YamlError as error:
        at = Place(place.file, error.line)
        problems.error(at, "", "invalid YAML", error.problem, "correct the file")
        return {}
    if not isinstance(card, dict):
        problems.error(
            place, "", "invalid YAML", "expected fields (key: value)", f"fields: {', '.join(CARD_KEYS)}"
        )
        return {}
    for key in card:
        if key not in CARD_KEYS:
            problems.error(
                place, str(key), "unknown key", f"no field of {CARD}.{near_miss(str(key), CARD_KEYS)}",
                f"fields: {', '.join(CARD_KEYS)}",
            )  # fmt: skip
    if card.get("kind") not in list(Kind):
        problems.error(
            place,
            "kind",
            "unknown kind",
            f"expected one of {', '.join(Kind)}, found {card.get('kind')!r}",
            "choose one",
        )
    languages = card.get("languages")
    if not isinstance(languages, list) or not languages or not all(map(is_language, languages)):
        problems.error(
            place, "languages", "unknown language", f"expected a list of ISO 639-1 codes, found {languages!r}",
            "for example [en, tr]",
        )  # fmt: skip
    return card
