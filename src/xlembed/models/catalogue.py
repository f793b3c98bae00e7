"""The catalogue: one YAML file per model under models/cards/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pydantic

from xlembed.files import read_yaml
from xlembed.models.card import ModelCard
from xlembed.words import UserError, near_miss

CARDS = Path(__file__).parent / "cards"


def catalogue() -> Mapping[str, ModelCard]:
    """Name -> card, in alphabetical order; a card is read when it is asked for, once per process.

    What reads a card raises a UserError that names the file and the field that is wrong.
    """
    return _of_folder(CARDS)


@lru_cache(maxsize=4)
def _of_folder(folder: Path) -> Mapping[str, ModelCard]:
    return _Cards({path.stem: path for path in sorted(folder.glob("*.yaml"))})


class _Cards(Mapping[str, ModelCard]):
    """A folder of cards: reading all of them takes longer than searching a small task."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._read: dict[str, ModelCard] = {}

    def __getitem__(self, name: str) -> ModelCard:
        if name not in self._read:
            self._read[name] = read_card(self._paths[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


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
