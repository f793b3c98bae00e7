"""A model that this machine cannot have: stages skip it in writing, where DVC expects their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlembed.files import atomic_folder, write_json
from xlembed.models.packaged import why_not_here
from xlembed.models.spec import ModelRef
from xlembed.workspace import Workspace

MARK = "skipped.json"


def why_skipped(ref: ModelRef) -> str | None:
    """Why a model, or what ranks anew for it, cannot be had here; None if both can be tried."""
    cards = [ref.card, *([ref.reranker.card] if ref.reranker else [])]
    return next((reason for card in cards if (reason := why_not_here(card))), None)


def write_skipped(model: str, reason: str, places: Sequence[Path]) -> None:
    """Say so in place of a stage's outputs: a JSON file as such, a folder by a file inside."""
    for place in places:
        if place.suffix == ".json":
            write_json(place, {"model": model, "skipped": reason})
            continue
        with atomic_folder(place) as folder:
            write_json(folder / MARK, {"model": model, "skipped": reason})


def split_skipped(workspace: Workspace, task: str, models: Sequence[str]) -> tuple[list[str], list[str]]:
    """Models that were not skipped on this task, and those that were."""
    skipped = [m for m in models if (workspace.run_folder(task, m) / MARK).is_file()]
    return [m for m in models if m not in skipped], skipped
