"""The catalogue: one YAML file per model under models/cards/; and the card of vectors that were made elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from xlembed.fields import checked
from xlembed.files import read_record, read_yaml
from xlembed.models.card import ModelCard
from xlembed.words import UserError

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
    if isinstance(fields, dict) and fields.setdefault("name", path.stem) != path.stem:
        raise UserError(f"{path}: name: expected {path.stem!r} like the file, found {fields['name']!r}")
    return checked(ModelCard, fields, path)


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
