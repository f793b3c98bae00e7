"""Figures are drawn once of the same numbers, and anew where anything that they follow from is another."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from xlembed.evaluate import drawn
from xlembed.evaluate.drawn import draw_once
from xlembed.evaluate.figures import runs


@pytest.fixture
def pens(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Scores that were drawn; a figure says them."""
    found: list[Any] = []

    def write(kind: ModuleType, folder: Path, scores: Any) -> None:
        folder.mkdir()
        (folder / "a.png").write_text(f"{kind.__name__} {scores}", encoding="utf-8")
        found.append(scores)

    monkeypatch.setattr("xlembed.show.figures.registry.write_figures", write)
    return found


def test_the_same_numbers_are_drawn_once(pens: list[Any], tmp_path: Path) -> None:
    cache, one, two = tmp_path / "cache", tmp_path / "1", tmp_path / "2"
    draw_once(runs, {"scores": [0.5]}, one, tmp_path / "none", cache)
    draw_once(runs, {"scores": [0.5]}, two, one, cache)
    assert len(pens) == 1
    assert (one / "a.png").read_bytes() == (two / "a.png").read_bytes()


def test_another_number_another_file_and_other_code_are_drawn(pens: list[Any], tmp_path: Path) -> None:
    cache, one = tmp_path / "cache", tmp_path / "1"
    scores = {"scores": [0.5]}
    draw_once(runs, scores, one, tmp_path / "none", cache)
    draw_once(runs, {"scores": [0.6]}, tmp_path / "2", one, cache)
    assert len(pens) == 2
    with mock.patch.object(drawn, "code_digest", lambda: "another"):
        draw_once(runs, scores, tmp_path / "3", one, cache)
    assert len(pens) == 3
    (one / "a.png").write_text("touched", encoding="utf-8")
    draw_once(runs, scores, tmp_path / "4", one, cache)
    assert len(pens) == 4 and "0.5" in (tmp_path / "4" / "a.png").read_text(encoding="utf-8")


def test_a_damaged_note_is_drawn_over(pens: list[Any], tmp_path: Path) -> None:
    cache, one = tmp_path / "cache", tmp_path / "1"
    draw_once(runs, {}, one, tmp_path / "none", cache)
    (note,) = (cache / "figures").iterdir()
    note.write_text("{", encoding="utf-8")
    draw_once(runs, {}, tmp_path / "2", one, cache)
    draw_once(runs, {}, tmp_path / "3", one, cache)
    assert len(pens) == 2


def test_no_figure_that_applies_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("xlembed.show.figures.registry.write_figures", lambda *_: None)
    for _ in range(2):
        draw_once(runs, {}, tmp_path / "1", tmp_path / "none", tmp_path / "cache")
        assert not (tmp_path / "1").exists()
