"""Errors of predictions against scikit-learn and scipy, tests against exact ones, verdicts with known answers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr, t
from sklearn.metrics import (
    f1_score,
    mean_absolute_error,
    precision_score,
    recall_score,
    root_mean_squared_error,
)

from xlembed.probe.predictions import Predictions, comparison_rows, error_rows
from xlembed.probe.replaceable import Outcome, judge, rule
from xlembed.stats.signflip import sign_flip_tests

N, DIMENSIONS = 240, ("joy", "fear")


def noisy(**noise: float) -> Predictions:
    """Systems that add so much noise to the truth; documents of four texts, two languages."""
    rng = np.random.default_rng(11)
    truth = rng.normal(5, 2, size=(N, 2))
    systems = {name: truth + size * rng.normal(size=truth.shape) for name, size in noise.items()}
    systems["mean"] = np.tile(truth.mean(axis=0), (N, 1))
    languages = tuple("en" if i < 160 else "tr" for i in range(N))
    return Predictions(truth, systems, None, DIMENSIONS, languages, tuple(f"d{i // 4}" for i in range(N)))


def labelled() -> Predictions:
    rng = np.random.default_rng(2)
    truth = (rng.random((N, 2)) < 0.3).astype(float)
    systems = {
        name: np.clip(truth + size * rng.normal(size=truth.shape), 0, 1)
        for name, size in (("a", 0.3), ("b", 0.8))
    }
    thresholds = {"a": np.array([0.5, 0.4]), "b": np.array([0.6, 0.5])}
    return Predictions(
        truth, systems, thresholds, DIMENSIONS, ("en",) * N, tuple(f"d{i // 4}" for i in range(N))
    )


def row(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    (found,) = [r for r in rows if all(r[key] == value for key, value in wanted.items())]
    return found


def test_values_are_those_of_scikit_learn_and_scipy() -> None:
    found = noisy(a=1.0)
    rows = error_rows(found)
    truth, predicted = found.truth, found.systems["a"]
    turkish = np.array(found.languages) == "tr"
    overall = {"system": "a", "dimension": None, "lang": None}
    assert row(rows, measure="MAE", **overall)["value"] == pytest.approx(
        mean_absolute_error(truth, predicted), abs=1e-6
    )
    assert row(rows, measure="RMSE", **overall)["value"] == pytest.approx(
        root_mean_squared_error(truth, predicted), abs=1e-6
    )
    rhos = [spearmanr(truth[:, d], predicted[:, d]).statistic for d in (0, 1)]
    assert row(rows, measure="Spearman", **overall)["value"] == pytest.approx(np.mean(rhos), abs=1e-6)
    one = {"system": "a", "dimension": "fear", "lang": "tr"}
    assert row(rows, measure="MAE", **one)["value"] == pytest.approx(
        mean_absolute_error(truth[turkish, 1], predicted[turkish, 1]), abs=1e-6
    )
    assert row(rows, measure="Spearman", **one)["value"] == pytest.approx(
        spearmanr(truth[turkish, 1], predicted[turkish, 1]).statistic, abs=1e-6
    )
    assert row(rows, measure="MAE", **one)["n"] == 80 and row(rows, measure="MAE", **one)["n_clusters"] == 20
    assert row(rows, measure="Spearman", system="mean", dimension=None, lang=None)["value"] is None


def test_labels_are_those_of_scikit_learn() -> None:
    found = labelled()
    rows = error_rows(found)
    yes = found.systems["b"] >= found.thresholds["b"] if found.thresholds else None
    for measure, peer in (("F1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        expected = [peer(found.truth[:, d], yes[:, d]) for d in (0, 1)]
        assert row(rows, system="b", measure=measure, dimension="fear", lang=None)["value"] == pytest.approx(
            expected[1], abs=1e-6
        )
        assert row(rows, system="b", measure=measure, dimension=None, lang=None)["value"] == pytest.approx(
            np.mean(expected), abs=1e-6
        )


def test_the_interval_is_that_of_resampled_documents() -> None:
    """A slow bootstrap with other random numbers agrees; documents make it wider than texts would."""
    rng = np.random.default_rng(1)
    truth, shift = np.zeros((N, 1)), np.repeat(rng.normal(size=N // 8), 8)[:, None]
    clusters = tuple(f"d{i // 8}" for i in range(N))
    found = Predictions(truth, {"a": shift}, None, ("x",), ("en",) * N, clusters)
    mae = row(error_rows(found), system="a", measure="MAE")
    errors = np.abs(shift[::8, 0])
    n = len(errors)
    slow = np.array([errors[rng.integers(0, n, n)].mean() for _ in range(20_000)])
    half = t.ppf(0.975, n - 1) * slow.std() * np.sqrt(n / (n - 1))
    low, high = np.quantile(slow, [0.025, 0.975])  # too narrow, and not skewed as far
    assert mae["ci_low"] == pytest.approx(errors.mean() - half, abs=0.01) and mae["ci_low"] < low
    # one document of 30 is far off: the upper end moves
    assert errors.mean() + half < mae["ci_high"] < errors.mean() + 3 * half and mae["ci_high"] > high
    assert mae["method"] == "skewed_t"
    assert mae["dimension"] is None and mae["n_clusters"] == N // 8


def test_few_documents_have_no_interval() -> None:
    truth = np.arange(18.0)[:, None]
    clusters = tuple(f"d{i % 9}" for i in range(18))
    found = Predictions(truth, {"a": truth + 1, "b": truth}, None, ("x",), ("en",) * 18, clusters)
    rows = error_rows(found)
    assert all(r["ci_low"] is None and r["method"].startswith("none") for r in rows)
    assert comparison_rows(found)[0]["ci_low"] is None
    assert judge(found, "b", "a", None).outcome is Outcome.UNDECIDED
    assert judge(found, "a", "b", None).outcome is judge(found, "b", "b", None).outcome is Outcome.FAILS


def test_the_test_of_mae_is_the_sign_flip_test() -> None:
    found = noisy(a=1.0, b=1.1)
    tested = row(comparison_rows(found), a="a", b="b")
    errors = {name: np.abs(found.systems[name] - found.truth).mean(axis=1) for name in ("a", "b")}
    parts = (errors["a"] - errors["b"]).reshape(-1, 4).sum(axis=1)[:, None]
    (peer,) = sign_flip_tests(parts, np.random.default_rng(0), 100_000)
    assert tested["p"] == pytest.approx(peer.p_value, abs=0.01)
    assert tested["difference"] == pytest.approx(parts.sum() / N, abs=1e-6)


def test_the_test_of_f1_is_the_exact_one() -> None:
    """Six documents: all 64 exchanges by hand."""
    rng = np.random.default_rng(4)
    n, documents = 24, 6
    truth = (rng.random((n, 1)) < 0.4).astype(float)
    a, b = truth.copy(), (rng.random((n, 1)) < 0.5).astype(float)
    a[:3] = 1 - a[:3]
    half = np.array([0.5])
    clusters = tuple(f"d{i // 4}" for i in range(n))
    found = Predictions(truth, {"a": a, "b": b}, {"a": half, "b": half}, ("x",), ("en",) * n, clusters)

    def difference(swapped: tuple[int, ...]) -> float:
        turn = np.repeat(swapped, 4)[:, None] == 1
        return float(f1_score(truth, np.where(turn, b, a)) - f1_score(truth, np.where(turn, a, b)))

    every = [difference(swapped) for swapped in product((0, 1), repeat=documents)]
    exact = np.mean([abs(d) >= abs(every[0]) - 1e-12 for d in every])
    tested = comparison_rows(found)[0]
    assert tested["p"] == pytest.approx(exact, abs=0.02)
    assert tested["difference"] == pytest.approx(every[0], abs=1e-6)


def test_all_pairs_are_one_family() -> None:
    rows = comparison_rows(noisy(a=1.0, b=1.05, c=2.0))
    assert len(rows) == 6 and all(r["p_holm"] >= r["p"] for r in rows)
    best = min(rows, key=lambda r: r["p"])
    assert best["p_holm"] == pytest.approx(min(1, 6 * best["p"]), rel=1e-3)
    assert row(rows, a="a", b="c")["p_holm"] < 0.01 and row(rows, a="a", b="b")["p_holm"] > 0.05


def test_equal_systems_are_never_told_apart() -> None:
    found = noisy(a=1.0)
    twins = Predictions(
        found.truth, {"a": found.systems["a"], "b": found.systems["a"].copy()}, None, *(
            (found.dimensions, found.languages, found.clusters)
        )
    )  # fmt: skip
    (tested,) = comparison_rows(twins)
    assert tested["p"] == 1.0 and tested["difference"] == tested["ci_low"] == tested["ci_high"] == 0


@pytest.mark.parametrize(
    ("noise", "outcome"),
    [
        (0.95, Outcome.CLOSES),  # better than the rival
        (1.01, Outcome.CLOSES),
        (1.17, Outcome.PARTIAL),
        (1.60, Outcome.NO_IMPROVEMENT),
        (1.26, Outcome.UNDECIDED),
        (4.00, Outcome.FAILS),
    ],
)
def test_the_verdict_is_by_the_interval_of_the_missing_share(noise: float, outcome: Outcome) -> None:
    """The truth's spread is 2, so the floor's error is 1.6 and a noise of s errs by 0.8 s."""
    rng = np.random.default_rng(8)
    n = 6000
    truth = rng.normal(5, 2, size=(n, 1))
    # Equal noise of other size: the shares are known nearly without error.
    shared = rng.normal(size=(n, 1))
    systems = {
        "mean": np.full((n, 1), truth.mean()),
        "rival": truth + shared,
        "probe": truth + noise * shared,
    }
    found = Predictions(truth, systems, None, ("x",), ("en",) * n, tuple(f"d{i // 4}" for i in range(n)))
    verdict = judge(found, "probe", "mean", "rival")
    assert verdict.outcome is outcome, verdict
    if outcome not in (Outcome.FAILS,):
        assert verdict.fraction == pytest.approx(noise - 1, abs=0.06)
        assert verdict.ci_low is not None and verdict.ci_high is not None
        assert verdict.ci_low <= verdict.fraction <= verdict.ci_high
    assert verdict.to_json()["outcome"] == str(outcome)


def test_without_a_rival_that_beats_the_floor_nothing_is_comparable() -> None:
    found = noisy(a=1.0, weak=4.0)
    assert judge(found, "a", "mean", None).outcome is Outcome.NOT_COMPARABLE
    assert judge(found, "a", "mean", "weak").outcome is Outcome.NOT_COMPARABLE
    assert judge(found, "weak", "mean", "a").outcome is Outcome.FAILS


def test_verdicts_of_labels_count_what_f1_lacks() -> None:
    found = labelled()
    guess = {**found.systems, "mean": np.full((N, 2), 0.3)}
    thresholds = {**(found.thresholds or {}), "mean": np.array([0.3, 0.3])}
    told = Predictions(found.truth, guess, thresholds, DIMENSIONS, found.languages, found.clusters)
    verdict = judge(told, "b", "mean", "a")
    assert verdict.outcome is Outcome.NO_IMPROVEMENT and verdict.floor_difference < 0
    assert "1 - F1" in rule("F1") and "MAE" in rule("MAE")
