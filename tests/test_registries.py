"""A figure or a probe from outside the package is one file: it is found and used, and nothing else is edited.

Others stand beside what they are entries of: readers (data/test_registries.py), engines and index types
(search/elastic/test_index_type.py), losses and heads (finetune/test_recipe_registries.py), post-processings
(models/test_removals.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fakes.report_fakes import scores
from xlembed.evaluate.figures import runs
from xlembed.probe import kinds
from xlembed.probe.base import Batch, find_probe, probe_names
from xlembed.show.figures.registry import draw

FIGURE = """
from matplotlib.figure import Figure

from xlembed.show.figures.registry import Registered


def blank(scores):
    return Figure(figsize=(1, 2))


FIGURE = Registered(blank, applies=lambda scores: True)
"""
PROBE = """
from xlembed.probe.kinds.mean import PROBE as MEAN

PROBE = MEAN
"""


def test_a_figure_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blank.py").write_text(FIGURE, encoding="utf-8")
    monkeypatch.setattr(runs, "__path__", [*runs.__path__, str(tmp_path)])
    drawn = draw(runs, scores())
    sys.modules.pop(f"{runs.__name__}.blank")
    assert tuple(drawn["blank"].get_size_inches()) == (1, 2) and len(drawn) > 1


def test_a_probe_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "middle.py").write_text(PROBE, encoding="utf-8")
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    probe_names.cache_clear()
    try:
        probe = find_probe("middle")
    finally:
        probe_names.cache_clear()
        sys.modules.pop(f"{kinds.__name__}.middle", None)
    batch = Batch(np.zeros((3, 2), np.float32), np.array([[1.0], [2.0], [6.0]]))
    assert probe is find_probe("mean") and batch.scores.mean() == 3
