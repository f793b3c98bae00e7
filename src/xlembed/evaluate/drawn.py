"""Figures of exactly these numbers that are there already: known by a hash, and not drawn again.

Drawing takes a third of a small evaluation. What was drawn is noted below the cache, `figures/KEY.json`: a hash of the
files. KEY is a hash of all that they follow from: the numbers, our own code, versions of libraries.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from xlembed.evaluate.reuse import code_digest, installed, json_digest
from xlembed.files import Record, write_json
from xlembed.models.digest import files_digest
from xlembed.words import UserError


class Drawn(Record):
    """A hash of the files."""

    digest: str


def draw_once(kind: ModuleType, scores: Mapping[str, Any], folder: Path, before: Path, cache: Path) -> None:
    """Every figure of a kind in `folder`: as `before` has it, if it was drawn of the same scores, else drawn."""
    key = json_digest([kind.__name__, scores, code_digest(), installed()])
    note = cache / "figures" / f"{key}.json"
    try:
        if _digest(before) == Drawn.read(note, "").digest:
            shutil.copytree(before, folder)
            return
    except (UserError, OSError):  # never drawn, or gone meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    from xlembed.show.figures.registry import write_figures  # matplotlib when it draws

    write_figures(kind, folder, scores)
    write_json(note, Drawn(digest=_digest(folder)).to_json())


def _digest(folder: Path) -> str:
    """Of a folder without any, or of none, where no figure applies to the scores, that of no files."""
    return files_digest(folder, folder.iterdir() if folder.is_dir() else ())
