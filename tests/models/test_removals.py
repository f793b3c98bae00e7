"""A post-processing from outside the package is one file: a model's name has its suffix, and it is fitted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

METHOD = """
import numpy as np

from xlembed.models.removal import Method, Removal


def fit(sums, components):
    return Removal(sums.mean / 2, np.zeros((len(sums.mean), 0)))


METHOD = Method("half", "+half", fit, components=0, by_language=False)
"""
USE = """
import sys
import xlembed.models.removals as removals
removals.__path__.append(sys.argv[1])
import numpy as np
from xlembed.models.postprocess import fit
from xlembed.models.spec import resolve_model
ref = resolve_model("static_multilingual+half")
rows = np.tile([[0.6, 0.8]], (9, 1)).astype(np.float32)
fitted = fit(lambda: [rows], ["en"] * 9, ref.variation.steps)
print(ref.slug, [round(x, 3) for x in fitted.steps[0].everyone.mean.tolist()])
"""


def test_a_post_processing_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(METHOD, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", USE, tmp_path], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split(" ", 1) == ["static_multilingual+half", "[0.3, 0.4]\n"]
