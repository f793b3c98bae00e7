"""The house rules: imports point one way, and heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "xlembed"
ROOMS = (
    *("corpus", "models", "embeddings", "index", "retrieval", "metrics", "stats", "report"),
    *("tracking", "stages", "cli"),
)
SIDE_ROOMS = {"finetune": "models", "analysis": "stats", "probe": "stats"}
"""Rooms beside the line: they may use what the room named here may use."""
ONLY_IN = {
    "mlflow": {"tracking"},
    "torch": {"models", "embeddings", "finetune", "probe"},
    "sentence_transformers": {"models", "embeddings", "finetune"},
    "peft": {"models", "finetune", "probe"},
    "lightgbm": {"probe"},
    "datasets": {"finetune"},
    "faiss": {"index", "analysis"},
    "bm25s": {"index"},
    "Stemmer": {"index"},
    "elasticsearch": {"index"},
    "matplotlib": {"report"},
    "docx": {"report"},
    "click": {"cli"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(file: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names


def room_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(file: Path) -> None:
    room = room_of(file)
    for name in imported(file):
        parts = name.split(".")
        if parts[0] != "xlembed" or len(parts) < 3:
            continue
        target = parts[1]
        if not room or target == room or target not in (*ROOMS, *SIDE_ROOMS):
            continue
        if room == "cli":
            continue  # the last room may use every other
        if room == "stages" and target in SIDE_ROOMS:
            continue  # stages are where all rooms meet
        place = ROOMS.index(SIDE_ROOMS.get(room, room))
        assert target in ROOMS and ROOMS.index(target) <= place, f"{room} must not import {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_heavy_libraries_stay_in_their_rooms(file: Path) -> None:
    for name in imported(file):
        library = name.split(".")[0]
        assert room_of(file) in ONLY_IN.get(library, {room_of(file)}), (
            f"{library} does not belong into {file.name}"
        )


def test_the_rooms_exist() -> None:
    assert {room_of(f) for f in FILES} - {""} == {*ROOMS, *SIDE_ROOMS}
