"""Weighted sums of macro averages: hand-counted values, shares of first places, and what may not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stats.hit_tables import HIT, hits, units
from xlembed.stats.utility import Macros, macro_draws, rank

MONO = "monolingual/target"


def mono(**right: int) -> pd.DataFrame:
    found = units({lang: hits(20, n) for lang, n in right.items()}, "monolingual", "target")
    return found.assign(n_relevant=1)


def macros(value: float, draws: list[float], n_clusters: int = 20) -> Macros:
    """Every cluster adds as much to the value, as if all units were equal."""
    ids = tuple(f"c{i:02d}" for i in range(n_clusters))
    parts = np.full(n_clusters, value / n_clusters)
    return Macros({MONO: value}, {MONO: np.array(draws)}, n_clusters, {}, ids, {MONO: parts})


def hit(*right: int, n: int = 60) -> Macros:
    """Of n needs, the ones from right[0] on to right[1] are answered."""
    found = units({"en": [float(right[0] <= i < right[1]) for i in range(n)]}, "monolingual", "target")
    return macro_draws(found.assign(n_relevant=1), ["en"], HIT, 400)


def test_only_cells_of_the_wanted_languages_count() -> None:
    table = mono(en=10, tr=4, de=20)
    assert macro_draws(table, ["en", "tr"], HIT, 200).values == {MONO: pytest.approx(0.35)}
    assert macro_draws(table, ["de"], HIT, 200).values == {MONO: 1.0}
    assert macro_draws(table, ["fr"], HIT, 200).values == {}


def test_every_model_is_resampled_alike() -> None:
    """Equal models are equal in every resample, whatever the order of their rows."""
    table = mono(en=10, tr=4)
    shuffled = table.sample(frac=1, random_state=np.random.RandomState(0))
    first, second = (macro_draws(t, ["en", "tr"], HIT, 300).draws[MONO] for t in (table, shuffled))
    assert np.array_equal(first, second) and first.std() > 0.01


def test_intervals_are_those_of_the_score_tables() -> None:
    """Wilson's, since the measure is 0 or 1: at a score of 1 a percentile interval would have no width."""
    found = macro_draws(mono(en=20), ["en"], HIT, 200)
    low, high = found.ends[MONO] or (0.0, 0.0)
    assert (low, high) == (pytest.approx(20 / (20 + 1.959964**2)), 1.0)  # n / (n + z^2) at p = 1
    few = units({"en": hits(9, 4)}, "monolingual", "target").assign(n_relevant=1)
    assert macro_draws(few, ["en"], HIT, 200).ends[MONO] is None


def test_points_are_the_weighted_sum_and_the_best_comes_first() -> None:
    models = {"a": macros(0.5, [0.4, 0.6, 0.5, 0.5]), "b": macros(0.6, [0.7, 0.5, 0.6, 0.6])}
    places = rank(models, {"a": 0.0, "b": 0.01}, {MONO: 0.9})
    assert [p.name for p in places] == ["b", "a"]
    assert places[0].points == pytest.approx(0.55) and places[1].behind == pytest.approx(0.10)
    # b - a in the four resamples: 0.28, -0.08, 0.10, 0.10.
    assert (places[0].first, places[1].first) == (0.75, 0.25)
    # They lie evenly around 0.10, so Student's t: squares 0.18^2 + 0.18^2 over 3, x 20 / 19, t(0.975, 19) = 2.09302.
    half = 2.09302 * (2 * 0.18**2 / 3 * 20 / 19) ** 0.5
    low, high = places[1].behind_low, places[1].behind_high
    assert (low, high) == (pytest.approx(0.1 - half, abs=1e-6), pytest.approx(0.1 + half, abs=1e-6))
    assert (places[0].behind, places[0].behind_low, places[0].behind_high) == (0.0, 0.0, 0.0)


def test_what_does_not_vary_decides_where_queries_do_not() -> None:
    same = macros(0.5, [0.4, 0.6])
    places = rank({"slow": same, "fast": same}, {"slow": 0.1, "fast": 0.2}, {MONO: 0.5})
    assert [(p.name, p.first) for p in places] == [("fast", 1.0), ("slow", 0.0)]


def test_few_clusters_give_no_certainty_and_equal_models_keep_their_names_order() -> None:
    places = rank({"b": macros(0.5, [0.5], 9), "a": macros(0.5, [0.5], 9)}, {"a": 0, "b": 0}, {MONO: 1})
    assert [p.name for p in places] == ["a", "b"]
    assert all(p.first is None and p.behind_low is None and p.with_best is None for p in places)
    assert [p.place for p in places] == [1, 1]


def test_equal_models_share_the_first_place_and_its_share() -> None:
    """The alphabet decides nothing: in each resample the two that are equal have half of it."""
    twin, other = hit(0, 40), hit(0, 10)
    places = rank({"b": twin, "a": twin, "c": other}, {"a": 0, "b": 0, "c": 0}, {MONO: 1})
    assert [(p.name, p.place, p.with_best) for p in places] == [
        ("a", 1, True),
        ("b", 1, True),
        ("c", 3, False),
    ]
    assert [p.first for p in places] == pytest.approx([0.5, 0.5, 0.0])


def test_who_is_not_told_apart_from_the_first() -> None:
    """Clusters answered by one of the two only: 6 against 0 (p = 2 / 64), 5 against 0 (2 / 32), 20 against 19."""
    best = hit(0, 40)
    models = {"best": best, "six less": hit(6, 40), "five less": hit(5, 40), "moved": hit(20, 59)}
    alone = {
        m: rank({"best": best, m: models[m]}, dict.fromkeys(models, 0), {MONO: 1})[1]
        for m in list(models)[1:]
    }
    assert {m: p.with_best for m, p in alone.items()} == {"six less": False, "five less": True, "moved": True}
    together = rank(models, dict.fromkeys(models, 0), {MONO: 1})
    assert all(p.with_best for p in together)  # Holm over three: 3 x 2 / 64 is above 0.05


def test_models_of_other_clusters_are_not_tested() -> None:
    places = rank({"a": hit(0, 40), "b": hit(0, 20, n=59)}, {"a": 0, "b": 0}, {MONO: 1})
    assert [p.with_best for p in places] == [True, None]


def test_points_that_do_not_vary_take_part_in_the_test() -> None:
    """Equal answers, one model faster: nothing about the queries can turn that round."""
    same = hit(0, 40)
    places = rank({"slow": same, "fast": same}, {"slow": 0.1, "fast": 0.2}, {MONO: 0.5})
    assert [(p.name, p.place, p.with_best) for p in places] == [("fast", 1, True), ("slow", 2, False)]
