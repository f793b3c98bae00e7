"""The catalogue: one YAML file per model under models/cards/; and the card of vectors that were made elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import pydantic

from xlembed.files import read_record, read_yaml
from xlembed.models.card import ModelCard
from xlembed.words import UserError, near_miss

CARDS = Path(__file__).parent / "cards"


def catalogue() -> Mapping[str, ModelCard]:
    """Name -> card, in alphabetical order; read once per process.

    Raises:
        UserError: names the file and the field that is wrong.
    """
    return _read_all(CARDS)


@lru_cache(maxsize=4)
def _read_all(folder: Path) -> Mapping[str, ModelCard]:
    return MappingProxyType({path.stem: read_card(path) for path in sorted(folder.glob("*.yaml"))})


def read_card(path: Path) -> ModelCard:
    """One card; its name is the file's.

    Raises:
        UserError: names the file and the field that is wrong.
    """
    fields = read_yaml(path)
    if not isinstance(fields, dict):
        raise UserError(
            f"{path}: expected fields of a model card (key: value), found {type(fields).__name__}"
        )
    if fields.setdefault("name", path.stem) != path.stem:
        raise UserError(f"{path}: name: expected {path.stem!r} like the file, found {fields['name']!r}")
    try:
        return ModelCard.model_validate(fields)
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {explain(error)}") from None


def explain(error: pydantic.ValidationError) -> str:
    """What is wrong with a card's fields, with the near miss of an unknown one."""
    known = list(ModelCard.model_fields)
    lines = []
    for problem in error.errors():
        field = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            lines.append(
                f"{field}: no field of a model card.{near_miss(field, known)} Fields: {', '.join(known)}"
            )
        else:
            lines.append(
                f"{field}: {problem['msg'].removeprefix('Value error, ')} (found {problem['input']!r})"
            )
    return "; ".join(lines)


SPELLING = "vectors:"
"""Before the folder."""
AGAIN = "xlembed import-vectors writes such a folder (docs/vectors.md)"


def given_card(folder: Path) -> ModelCard:
    """The card of the vectors in a folder, under the folder's name and a mark of their content.

    Raises:
        UserError: the folder holds no vectors.
    """
    manifest = read_record(folder / "manifest.json", AGAIN, {"files": dict, "dim": int})
    content = json.dumps(manifest["files"], sort_keys=True)
    name = re.sub(r"[^A-Za-z0-9._-]", "-", folder.resolve().name)
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    languages = tuple(manifest.get("languages", ()))
    return ModelCard(name=f"{name}-{mark}", given=True, dim=manifest["dim"], languages=languages)
