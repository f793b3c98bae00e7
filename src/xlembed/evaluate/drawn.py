"""Figures of exactly these numbers that are there already: known by a hash, and not drawn again.

Drawing takes a third of a small evaluation. What was drawn is noted below the cache, `figures/KEY.json`: the sha256 of
the files. KEY is a hash of all that they follow from: the numbers, our own code, versions of libraries.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from xlembed.evaluate.reuse import code_digest, installed
from xlembed.files import Record, write_json
from xlembed.models.digest import file_digest
from xlembed.words import UserError


class Drawn(Record):
    """Figures by their file's name -> sha256."""

    files: Mapping[str, str]


def draw_once(kind: ModuleType, scores: Mapping[str, Any], folder: Path, before: Path, cache: Path) -> None:
    """Every figure of a kind in `folder`: as `before` has it, if it was drawn of the same scores, else drawn."""
    known = json.dumps([kind.__name__, scores, code_digest(), installed()], sort_keys=True)
    note = cache / "figures" / f"{hashlib.sha256(known.encode()).hexdigest()}.json"
    try:
        if _files(before) == Drawn.read(note, "").files:
            shutil.copytree(before, folder)
            return
    except (UserError, OSError):  # never drawn, or gone meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    from xlembed.show.figures.registry import write_figures  # matplotlib when it draws

    write_figures(kind, folder, scores)
    write_json(note, Drawn(files=_files(folder)).to_json())


def _files(folder: Path) -> dict[str, str]:
    return {path.name: file_digest(path) for path in folder.iterdir()} if folder.is_dir() else {}
