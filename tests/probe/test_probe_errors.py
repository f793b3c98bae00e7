"""Errors by score, length and prediction, counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from probe.probe_fakes import fake, labels
from xlembed.probe.figures_data import ProbeBook, read_probes
from xlembed.probe.probe_errors import (
    calibration,
    error_table,
    length_bins,
    mean_errors,
    quantile_edges,
    running_median,
    said_labels,
    score_bins,
    score_edges,
    truncation_series,
)
from xlembed.words import UserError


def book(rows: list[tuple[Any, ...]], kind: str = "scores", **system: Any) -> ProbeBook:
    """Rows: system, text, document, length, dimension, true, predicted."""
    table = pd.DataFrame(
        rows, columns=["system", "text_id", "document", "n_chars", "dimension", "true", "predicted"]
    ).assign(lang="en")
    dimensions = [{"name": d, "low": 0.0, "high": 4.0} for d in table["dimension"].unique()]
    entry = {"kind": "probe", "model": "m", "probe": "ridge", "thresholds": {"joy": 0.4}}
    report = {
        "task": "t",
        "kind": kind,
        "dimensions": dimensions,
        "languages": ["en"],
        "split": {"kind": "documents", "parts": []},
        "measures": ["MAE"],
        "primary": "MAE",
        "systems": [entry | {"name": name} | system for name in table["system"].unique()],
        "scores": [],
    }
    return read_probes(report, table, None)


FOUR = [
    ("a", "t1", "d1", 10, "joy", 0.0, 1.0),
    ("a", "t2", "d1", 20, "joy", 3.2, 2.7),
    ("a", "t3", "d2", 30, "joy", 3.6, 1.6),
    ("a", "t4", "d2", 40, "joy", 4.0, 4.0),
    ("b", "t1", "d1", 10, "joy", 0.0, 0.5),
    ("b", "t2", "d1", 20, "joy", 3.2, 3.2),
    ("b", "t3", "d2", 30, "joy", 3.6, 3.5),
]


def test_errors_are_of_the_texts_that_all_systems_have() -> None:
    table = error_table(book(FOUR), ["a", "b", "not there"])
    assert list(table["text_id"]) == ["t1", "t2", "t3"]
    assert table["a"].tolist() == pytest.approx([1.0, 0.5, 2.0])
    assert table["b"].tolist() == pytest.approx([0.5, 0.0, 0.1])


def test_bins_of_the_true_score_have_one_width() -> None:
    found = book(FOUR)
    table = error_table(found, ["a"])
    bins = score_bins(found, table)
    assert bins.names[0] == "0 to <0.5" and bins.names[-1] == "3.5 to 4" and len(bins.names) == 8
    assert bins.places.tolist() == [0, 6, 7, 7]
    means = mean_errors(found, table, ["a"], bins)["a"]
    assert [None if m is None else round(m.value, 6) for m in means] == [1.0, *[None] * 5, 0.5, 1.0]
    last = means[-1]
    assert last is not None and (last.n, last.n_texts, last.n_clusters, last.interval) == (2, 2, 1, None)


def test_scales_that_differ_are_put_on_shares() -> None:
    rows = [("a", "t", "d", 9, "joy", 1.0, 1.0), ("a", "t", "d", 9, "size", 50.0, 40.0)]
    found = book(rows)
    found.report["dimensions"][1].update(low=0.0, high=100.0)
    bins = score_bins(found, error_table(found, ["a"]))
    assert bins.what == "true score, % of the scale"
    assert [bins.names[i] for i in bins.places] == ["20 to <30", "50 to <60"]


@pytest.mark.parametrize(
    ("ends", "n"), [((0, 10), 10), ((1, 5), 8), ((-1, 1), 10), ((0, 100), 10), ((0, 1), 10), ((1, 7), 6)]
)
def test_edges_are_round_and_few(ends: tuple[float, float], n: int) -> None:
    edges = score_edges(*ends)
    assert len(edges) - 1 == n and edges[0] == ends[0] and edges[-1] >= ends[1]
    assert np.allclose(np.diff(edges), edges[1] - edges[0])


def test_bins_of_length_hold_the_same_number_of_texts() -> None:
    found = book(FOUR)
    bins = length_bins(error_table(found, ["a"]), 2)
    assert bins.names == ("10 to 20", "21 to 40") and bins.places.tolist() == [0, 0, 1, 1]


def test_equal_values_stay_in_one_bin() -> None:
    assert quantile_edges([7, 7, 7], 3).tolist() == [] and quantile_edges([], 3).tolist() == []
    assert quantile_edges([1, 1, 2, 2, 3, 3], 6).tolist() == [1, 2]


def test_wrong_labels_follow_the_threshold_of_the_dimension() -> None:
    rows = [
        ("a", "t1", "d1", 10, "joy", 1.0, 0.45),
        ("a", "t2", "d2", 10, "joy", 0.0, 0.45),
        ("a", "t3", "d3", 10, "spam", 1.0, 0.45),
    ]
    found = book(rows, kind="labels")
    assert said_labels(found, found.predictions).tolist() == [True, True, False]
    table = error_table(found, ["a"])
    assert dict(zip(table["text_id"], table["a"], strict=True)) == {"t1": 0.0, "t2": 1.0, "t3": 1.0}
    assert score_bins(found, table).names == ("0 (no)", "1 (yes)")


def test_calibration_compares_mean_with_mean() -> None:
    rows = [("a", f"t{i}", f"d{i}", 9, "joy", float(i >= 15), i / 30) for i in range(30)]
    low, high = calibration(book(rows), "a", "joy")
    assert low.predicted == pytest.approx(7 / 30) and low.true.value == 0.0 and low.true.n == 15
    assert high.predicted == pytest.approx(22 / 30) and high.true.value == 1.0
    assert high.true.interval == pytest.approx((15 / (15 + 1.959964**2), 1.0))  # Wilson's of 15 of 15
    assert calibration(book(rows), "b", "joy") == []


def test_intervals_of_shares_stay_within_them() -> None:
    rows = [("a", f"t{i}", f"d{i}", 9, "joy", 1.0, 0.9) for i in range(30)]
    (only,) = calibration(book(rows, kind="labels"), "a", "joy")
    assert only.true.value == 1.0 and only.true.interval is not None
    low, high = only.true.interval
    assert 0.85 < low < 0.95 and high == 1.0


def test_running_median_of_a_line_is_the_line() -> None:
    found = running_median(range(100), [2 * x for x in range(100)])
    assert found.x[0] == 9.5 and found.median[0] == 19.0 and found.x[-1] == 89.5
    assert np.allclose(found.median, 2 * found.x) and (found.low < found.median).all()
    assert len(running_median([], []).x) == 0 and running_median([1, 2, 3], [5, 9, 7]).median.tolist() == [7]


def test_intervals_resample_documents_and_not_texts() -> None:
    """Ten texts of a document that are all alike say no more than one."""
    once = [("a", f"t{i}", f"d{i}", 9, "joy", 2.0, 2.0 + i % 4) for i in range(20)]
    tenfold = [(s, f"{t}.{k}", *rest) for s, t, *rest in once for k in range(10)]
    found = []
    for rows in (once, tenfold):
        one = book(rows)
        table = error_table(one, ["a"])
        found.append(mean_errors(one, table, ["a"], score_bins(one, table))["a"][0])
    first, second = found
    assert first is not None and second is not None and first.interval == pytest.approx(second.interval)
    assert (first.n, second.n, second.n_clusters) == (20, 200, 20)


def test_a_truncation_study_is_found_by_names() -> None:
    study = fake(n_texts=60, study=True, dimensions=("joy",), models=("e5_small",))
    series = truncation_series(read_probes(study.report, study.predictions, None))
    assert set(series) == {("e5_small", p) for p in ("lightgbm", "mlp", "ridge")}
    cuts = series["e5_small", "ridge"]
    assert [c.max_tokens for c in cuts] == [128, 256, 512]
    assert [c.system for c in cuts] == ["e5_small+max128:ridge", "e5_small+max256:ridge", "e5_small:ridge"]
    assert [c.truncated_share for c in cuts] == [0.62, 0.31, 0.04]
    plain = labels()
    assert truncation_series(read_probes(plain.report, plain.predictions, None)) == {}


def test_what_is_no_report_is_refused() -> None:
    good = labels()
    with pytest.raises(UserError, match=r"report\.json of probes: systems missing"):
        read_probes({k: v for k, v in good.report.items() if k != "systems"}, good.predictions, None)
    with pytest.raises(UserError, match="columns true missing"):
        read_probes(good.report, good.predictions.drop(columns="true"), None)
