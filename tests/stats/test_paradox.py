"""The paradox test: the verdict's truth table, and conditions of constructed models."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from xlembed.metrics.measures import parse_measure
from xlembed.stats.comparison import Evaluated
from xlembed.stats.margins import Least, Status, judge
from xlembed.stats.paradox import (
    READING,
    Margins,
    Outcome,
    breaks,
    correlate,
    correlation_text,
    decide,
    judge_models,
    rule_lines,
    smallest_undecided,
)
from xlembed.types import UserError

HIT = parse_measure("accuracy@1")
S, V, U = Status.SHOWN, Status.VIOLATED, Status.UNDECIDED


def units(mono: list[float], crossed: list[float], crossed_target: list[float] | None = None) -> pd.DataFrame:
    """Two languages, one need per cluster; hits of each need in its own language and in the other one."""
    rows = []
    target = crossed if crossed_target is None else crossed_target
    modes = (
        ("monolingual", "target", True, mono),
        ("cross_lingual", "all", True, mono),
        ("true_cross_lingual", "all", False, crossed),
        ("true_cross_lingual", "target", False, target),
    )
    for (mode, pool, same, hits), lang in itertools.product(modes, ("en", "de")):
        other = lang if same else ("de" if lang == "en" else "en")
        rows += [
            {
                "query_id": f"q{i}-{lang}",
                "need_id": f"n{i}",
                "cluster": f"c{i:04d}",
                "query_lang": lang,
                "doc_lang": other,
                "mode": mode,
                "pool": pool,
                "hit@1": hit,
            }
            for i, hit in enumerate(hits)
        ]
    return pd.DataFrame(rows)


def model(name: str, mono: list[float], crossed: list[float], target: list[float] | None = None) -> Evaluated:
    return Evaluated(name, units(mono, crossed, target), {})


def hits(n: int, share: float) -> list[float]:
    """The first `share` of n needs hit."""
    return [float(i < round(share * n)) for i in range(n)]


def least(values: list[float], se: float = 0.01, n_clusters: int = 100) -> Least:
    """Normal resamples with quantiles at their places."""
    steps = [NormalDist().inv_cdf((i + 0.5) / 4000) for i in range(4000)]
    return Least(
        np.array(values),
        np.array([[v + se * x for x in steps] for v in values]),
        np.full(len(values), se),
        np.full(len(values), 50),
        n_clusters,
    )


# The verdict


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((S, S, S), Outcome.SOME),
        ((S, V, S), Outcome.SOME),
        ((S, S, V), Outcome.PARTLY),  # loss_weak only
        ((S, S, U), Outcome.PARTLY),
        ((S, U, U), Outcome.PARTLY),  # one shown, the other undecided
        ((U, U, S), Outcome.PARTLY),
        ((U, V, S), Outcome.PARTLY),
        ((S, U, V), Outcome.NONE),
        ((S, V, V), Outcome.NONE),
        ((V, S, S), Outcome.NONE),
        ((V, U, U), Outcome.NONE),
        ((U, S, V), Outcome.NONE),
        ((U, U, U), Outcome.UNDECIDED),
        ((U, S, U), Outcome.UNDECIDED),
    ],
)
def test_what_one_model_does(statuses: tuple[Status, Status, Status], outcome: Outcome) -> None:
    assert breaks(*statuses) is outcome


@pytest.mark.parametrize(
    ("models", "outcome", "named"),
    [
        ({"a": (V, V, V), "b": (S, S, S), "c": (U, U, U)}, Outcome.SOME, ("b",)),
        ({"a": (S, S, V), "b": (V, V, V)}, Outcome.PARTLY, ("a",)),
        ({"a": (S, S, S), "b": (S, S, V)}, Outcome.SOME, ("a",)),
        ({"a": (S, V, V), "b": (V, S, S)}, Outcome.NONE, ("a", "b")),
        ({"a": (S, V, V), "b": (U, U, U)}, Outcome.UNDECIDED, ()),
        ({}, Outcome.UNDECIDED, ()),
    ],
)
def test_what_they_do_together(models: dict, outcome: Outcome, named: tuple[str, ...]) -> None:
    verdict = decide(models)
    assert (verdict.outcome, verdict.models) == (outcome, named)
    assert READING[outcome] in verdict.text and all(name in verdict.text for name in named)


def test_the_rule_says_its_margins() -> None:
    text = " ".join(rule_lines(Margins(0.02, 0.1), "nDCG@10"))
    assert "above -2 points" in text and "below 10 points" in text and "nDCG@10" in text and "95 %" in text


# Conditions


def test_models_from_their_units() -> None:
    """`good` loses nothing; `apart` is as good within languages and finds nothing across; `weak` is bad at both."""
    n = 400
    good = model("good", hits(n, 0.8), hits(n, 0.8))
    apart = model("apart", hits(n, 0.8), hits(n, 0.0))
    weak = model("weak", hits(n, 0.4), hits(n, 0.4))
    found = judge_models([good, apart, weak], [good, apart, weak], HIT, Margins(), n_resamples=2000)
    assert {name: c.statuses for name, c in found.items()} == {
        "good": (S, S, S),
        "apart": (S, V, V),
        "weak": (V, S, S),
    }
    assert found["good"].monolingual.value == 0 and found["weak"].monolingual.value == pytest.approx(-0.4)
    assert found["apart"].loss_strong.value == pytest.approx(0.8)
    assert decide({name: c.statuses for name, c in found.items()}).models == ("good",)
    assert smallest_undecided(found) is None


def test_losses_tell_the_pools_apart() -> None:
    n = 400
    found = judge_models(
        [m := model("m", hits(n, 0.8), hits(n, 0.1), hits(n, 0.8))], [m], HIT, Margins(), n_resamples=1000
    )["m"]
    assert (found.loss_weak.status, found.loss_strong.status) == (S, V)
    assert found.monolingual.value == 0  # the only model is the best one


def test_margins_decide() -> None:
    n = 400
    models = [model("a", hits(n, 0.8), hits(n, 0.7)), model("b", hits(n, 0.7), hits(n, 0.6))]
    strict = judge_models(models, models, HIT, Margins(0.03, 0.03), n_resamples=1000)
    lax = judge_models(models, models, HIT, Margins(0.2, 0.2), n_resamples=1000)
    assert (strict["a"].loss_strong.status, strict["b"].monolingual.status) == (V, V)
    assert (lax["a"].loss_strong.status, lax["b"].monolingual.status) == (S, S)


def test_few_clusters_decide_nothing() -> None:
    models = [model("a", hits(9, 1), hits(9, 1)), model("b", hits(9, 0), hits(9, 0))]
    found = judge_models(models, models, HIT, Margins(), n_resamples=500)
    assert {c.statuses for c in found.values()} == {(U, U, U)}
    assert found["a"].loss_strong.ci_low is None and found["a"].loss_strong.detectable is None
    assert smallest_undecided(found) is None


def test_undecided_says_what_could_have_been_seen() -> None:
    rng = np.random.default_rng(0)
    a, b = ((rng.random(60) < 0.5).astype(float).tolist() for _ in range(2))
    models = [model("a", a, b), model("b", b, a)]
    found = judge_models(models, models, HIT, Margins(), n_resamples=1000)
    detectable = smallest_undecided(found)
    assert detectable is not None and detectable > 0.1


def test_monolingual_units_alone_are_not_enough() -> None:
    table = units(hits(20, 0.5), hits(20, 0.5))
    only = Evaluated("a", table[table["mode"] == "monolingual"], {})
    with pytest.raises(UserError, match=r"loss_weak .* all three modes"):
        judge_models([only], [only], HIT, Margins(), n_resamples=100)


def test_holm_goes_down_step_by_step() -> None:
    """se 0.01: one-sided z of 2.24 is needed at alpha / 2 = 0.025, of 1.96 at 0.05."""
    near = judge({"a": least([0.0])}, -0.021, above=True)["a"]
    assert near.status is S and near.level == pytest.approx(0.95)
    both = judge({"a": least([0.0]), "b": least([0.0005])}, -0.021, above=True)
    assert [j.status for j in both.values()] == [
        U,
        U,
    ]  # 2.15 < 2.24 for the nearer one, which ends the descent
    after = judge({"a": least([0.0]), "b": least([0.005])}, -0.021, above=True)
    assert [j.status for j in after.values()] == [S, S]
    assert after["b"].level == pytest.approx(0.975) and after["a"].level == pytest.approx(0.95)


def test_the_best_of_several_rivals_costs_the_violated_side_only() -> None:
    """z = 2 beyond the margin shows it for one rival, not for the best of five."""
    one, five = least([-0.0505]), least([-0.0505] * 5)
    assert judge({"m": one}, -0.03, above=True)["m"].status is V
    assert judge({"m": five}, -0.03, above=True)["m"].status is U
    assert five.bounds(0.05) is not None and five.bounds(0.05)[0] == one.bounds(0.05)[0]  # type: ignore[index]


def test_without_a_discordant_unit_the_rule_of_three() -> None:
    same = Least(np.zeros(1), np.zeros((1, 10)), np.zeros(1), np.zeros(1, dtype=np.int64), 100)
    bounds = same.bounds(0.05)
    assert bounds is not None and bounds == pytest.approx((-0.03, 0.03), abs=1e-4)
    assert judge({"m": same}, 0.02, above=False)["m"].status is U
    assert judge({"m": same}, 0.04, above=False)["m"].status is S
    assert same.p_value(0.04) == pytest.approx(math.exp(-4))


def test_bounds_and_p_say_the_same() -> None:
    found = least([0.01, 0.03])
    p = found.p_value(-0.01)
    for alpha, excluded in ((p * 1.2, True), (p * 0.8, False)):
        low, high = found.bounds(alpha)  # type: ignore[misc]
        assert (not low <= -0.01 <= high) is excluded


def test_false_violations_against_the_best_of_equal_rivals() -> None:
    """The true difference to each of four rivals lies at the margin: at most alpha / 2 may be called violated."""
    rng = np.random.default_rng(1)
    n, wrong, worlds = 200, 0, 400
    for _ in range(worlds):
        rivals = rng.random((4, n)) < 0.53
        mine = rng.random(n) < 0.50
        delta = mine.astype(float) - rivals
        weights = rng.multinomial(n, np.full(n, 1 / n), size=400) / n
        found = Least(
            delta.mean(axis=1), delta @ weights.T, delta.std(axis=1) / math.sqrt(n), np.full(4, 9), n
        )
        wrong += judge({"m": found}, -0.03, above=True)["m"].status is V
    assert wrong / worlds <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / worlds)


# Correlations


def test_under_five_models_there_is_rho_without_p() -> None:
    found = correlate([0.1, 0.2, 0.3, 0.4], {"monolingual": [1, 2, 3, 4]})
    assert found[0].test.rho == 1 and found[0].test.p_value is None and found[0].p_adjusted is None
    assert not found[0].is_shown
    assert correlation_text(found) == "too few models: 4 base models, a test needs 5"


def test_holm_over_the_three() -> None:
    """p = 1/120, 5/120 and 1: times 3, 2 and 1."""
    scores = {"a": [1, 2, 3, 4, 5], "b": [2, 1, 3, 4, 5], "c": [5, 4, 3, 2, 1]}
    found = correlate([1, 2, 3, 4, 5], scores)
    assert [c.p_adjusted for c in found] == pytest.approx([3 / 120, 10 / 120, 1])
    assert [c.is_shown for c in found] == [True, False, False]
    assert correlation_text(found) == "part of the paradox is seen: more separation goes along with a only"


def test_a_constant_score_counts_as_one() -> None:
    found = correlate(range(6), {"a": [1] * 6, "b": range(6), "c": range(6)})  # type: ignore[arg-type]
    assert [c.p_adjusted for c in found] == pytest.approx([1, 3 / 720, 3 / 720])
    assert correlation_text(found[1:]) == "the paradox is seen: more separation goes along with all three"
    assert "not shown" in correlation_text(found[:1])
