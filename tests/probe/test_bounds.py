"""Predictions stay inside the scale of the task: in the report, in its files, and where they are served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fakes.scored_toy import make_scored_checkout
from xlembed.data.scored import load_scored, write_scored
from xlembed.params import load_settings
from xlembed.probe.base import Bounds, clipped_note
from xlembed.probe.job import Probed, open_probing, probe
from xlembed.probe.served import Scorer
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

SCALE = Bounds(((1.0, 5.0), (0.0, None), (None, None)))
SCORES = np.array([[0.5, -2.0, -9.0], [6.0, 99.0, 9.0], [1.0, 0.0, 0.0], [3.25, 1.0, 1.0]])


def test_what_lies_outside_is_set_to_the_nearer_end() -> None:
    expected = [[1.0, 0.0, -9.0], [5.0, 99.0, 9.0], [1.0, 0.0, 0.0], [3.25, 1.0, 1.0]]
    np.testing.assert_array_equal(SCALE.clip(SCORES), expected)
    assert SCALE.n_outside(SCORES) == 3  # ends are inside
    assert SCALE.n_outside(SCALE.clip(SCORES)) == 0


def test_the_note_names_the_systems_that_were_clipped() -> None:
    assert clipped_note([("mean", 0), ("a:ridge", 0)], 12) == []
    (note,) = clipped_note([("mean", 0), ("a:ridge", 1200), ("b", 2)], 5000)
    assert note.endswith("set to its nearer end, of 5,000 each: a:ridge 1,200, b 2.")


def test_served_scores_stay_inside_too() -> None:
    scorer = Scorer(SimpleNamespace(predict=lambda texts: SCORES[: len(texts)]), ("a", "b", "c"), None, SCALE)
    assert scorer.predict(["x", "y"]).to_numpy().tolist() == [[1.0, 0.0, -9.0], [5.0, 99.0, 9.0]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Moods as they are, and again on a scale that is too narrow for what is predicted of the test texts."""
    root = make_scored_checkout(tmp_path_factory.mktemp("checkout"))
    scored = load_scored("moods", root / "data")
    ends = np.quantile([t.scores for t in scored.texts], [0.2, 0.8], axis=0)
    dimensions = tuple(
        replace(d, low=float(low), high=float(high))
        for d, low, high in zip(scored.dimensions, *ends, strict=True)
    )
    texts = tuple(replace(t, scores=tuple(np.clip(t.scores, *ends).tolist())) for t in scored.texts)
    folder = root / "data" / "scored" / "narrow"
    write_scored(replace(scored, name="narrow", dimensions=dimensions, texts=texts, folder=folder))
    return root


def probed(root: Path, task: str) -> Probed:
    changes = {
        "models.toy": {"source": str(root / "toy_model"), "languages": ["en"]},
        "probe.probes": ("ridge", "mlp", "lightgbm"),
    }
    place = Workspace(load_settings(root / "params.yaml", changes), root, root / f"out-{task}")
    return probe(open_probing(task, ["toy"], place), place)


def test_every_system_of_a_run_stays_inside_and_the_report_says_how_often(root: Path) -> None:
    found = probed(root, "narrow")
    table = pd.read_parquet(found.folder / "predictions.parquet")
    for dimension in found.report["dimensions"]:
        own = table[table["dimension"] == dimension["name"]]
        assert own["predicted"].between(dimension["low"], dimension["high"]).all()
    counts = {s["name"]: s["n_clipped"] for s in found.report["systems"]}
    assert counts["mean"] == 0 and counts["toy:ridge"] > 0
    # what was clipped lies on an end now, and nothing else does
    ends = {(d["name"], d[end]) for d in found.report["dimensions"] for end in ("low", "high")}
    own = table[table["system"] == "toy:ridge"]
    assert sum((row.dimension, row.predicted) in ends for row in own.itertuples()) == counts["toy:ridge"]
    (note,) = [n for n in found.report["notes"] if "outside their scale" in n]
    assert f"toy:ridge {counts['toy:ridge']}" in note and "mean" not in note
    assert note in (found.pages / "report.md").read_text(encoding="utf-8").replace("\\_", "_")
    mae = next(r for r in found.report["scores"] if (r["system"], r["lang"]) == ("toy:ridge", None))
    assert mae["value"] == pytest.approx((own["predicted"] - own["true"]).abs().mean(), abs=1e-6)


def test_labels_are_left_as_they_are(root: Path) -> None:
    found = probed(root, "signs")
    assert {s["n_clipped"] for s in found.report["systems"]} == {0}
    assert found.bounds == Bounds(((None, None), (None, None)))
