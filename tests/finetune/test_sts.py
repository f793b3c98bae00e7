"""STS of a model whose word vectors are written by hand: cosines and ranks can be counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes.toy import save_toy_model, write_toy
from xlembed.data.loading import open_task
from xlembed.data.pairs import Kind, PairSet
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.finetune.sts import measure_sts, retrieval_against_sts, sts_change
from xlembed.models.spec import ModelRef
from xlembed.settings import Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

ROWS: list[dict[str, Any]] = [
    {"text1": "boat", "text2": "boot", "score": 4.0},  # cosine 0.8
    {"text1": "cat", "text2": "katze", "score": 5.0},  # 0.6
    {"text1": "boat", "text2": "cat", "score": 0.0},  # 0
    {"text1": "katze", "text2": "haus", "score": 1.0},  # 0.8
    {"text1": "qqq", "text2": "boat", "score": 2.0},  # no vector: 0
]


def pair_set(rows: list[dict[str, Any]] = ROWS, kind: Kind = Kind.SCORED) -> PairSet:
    return PairSet(name="toy_sts", kind=kind, languages=("en",), rows=tuple(rows), folder=Path())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("sts")
    write_toy(root / "data" / "toy")
    save_toy_model(root / "model")
    return Workspace(Settings.model_validate({"evaluate": {"resamples": 200}}), root, root)


@pytest.fixture(scope="module")
def model(workspace: Workspace) -> ModelRef:
    return open_model(workspace, str(workspace.root / "model"))


def test_cosines_and_rho_by_hand(workspace: Workspace, model: ModelRef) -> None:
    found = measure_sts(model, pair_set(), workspace)
    np.testing.assert_allclose(found.cosines, [0.8, 0.6, 0.0, 0.8, 0.0], atol=1e-6)
    assert found.cosines.dtype == np.float64
    # Cosines 0.8 may differ in last bits, so their ranks are 4.5 each or 4 and 5 in some order.
    assert found.correlation.value == pytest.approx(0.3, abs=0.11)
    told = found.to_json()
    assert (told["ci_low"], told["n"], told["n_clusters"]) == (None, 5, 5)


def test_a_cut_model_is_cut_before_its_cosines(workspace: Workspace) -> None:
    cut = open_model(workspace, str(workspace.root / "model"), dim=1)
    # One dimension: boat and boot are 1, the others nothing.
    np.testing.assert_allclose(measure_sts(cut, pair_set(), workspace).cosines, [1, 0, 0, 0, 0], atol=1e-6)


def test_groups_are_clusters(workspace: Workspace, model: ModelRef) -> None:
    rows = [{**row, "group": "g" if i < 3 else None} for i, row in enumerate(ROWS)]
    assert measure_sts(model, pair_set(rows), workspace).correlation.n_clusters == 3


def test_change_against_itself(workspace: Workspace, model: ModelRef) -> None:
    found = measure_sts(model, pair_set(), workspace)
    change = sts_change(found, found)
    assert (change["difference"], change["p_value"], change["n"]) == (0.0, 1.0, 5)
    other = measure_sts(model, pair_set(ROWS[:3]), workspace)
    with pytest.raises(ValueError, match="not of the same pairs"):
        sts_change(found, other)


def test_what_cannot_be_measured(workspace: Workspace, model: ModelRef) -> None:
    with pytest.raises(UserError, match="expected scored rows"):
        measure_sts(model, pair_set(kind=Kind.PAIRS), workspace)
    with pytest.raises(UserError, match="no vectors to compare"):
        measure_sts(open_model(workspace, "bm25"), pair_set(), workspace)


def test_queries_that_gain_where_similarity_gains(workspace: Workspace, model: ModelRef) -> None:
    """Cut to one dimension, boats stay and everything else is lost."""
    task = open_task(workspace, "toy")
    cut = open_model(workspace, str(workspace.root / "model"), dim=1)
    for ref in (model, cut):
        encode(task, ref, workspace)
        index(task, ref, workspace)
        evaluate(task, ref, workspace)
    found = retrieval_against_sts(task, pair_set(), model, cut, workspace)
    assert set(found) == {"spearman", "ci_low", "ci_high", "n_queries", "n_clusters"}
    assert found["n_queries"] == 6
    assert found["ci_low"] is None  # three clusters
    # Fewer pairs than ten neighbours: every query has the same gain, so there is nothing to correlate.
    assert found["spearman"] is None
