"""Places of models: ties, the group not told apart from the best, and models that could not be tested."""

from __future__ import annotations

from dataclasses import replace

from stats.hit_tables import HIT, hits, units
from xlembed.evaluate.order import order_grid, order_note
from xlembed.stats.comparison import Evaluated, compare_models
from xlembed.stats.order import orders, places


def model(name: str, right: int, n: int = 60) -> Evaluated:
    return Evaluated(name, units({"en": hits(n, right), "de": hits(n, right)}), {})


def ordered(*models: Evaluated) -> list:
    outcome = compare_models(models, [HIT], HIT, n_resamples=200)
    (found,) = orders(outcome.rows, models)
    return [(p.model, p.place, round(p.behind, 6), p.with_best) for p in found.places]


def test_equal_models_share_a_place_and_the_group_is_marked() -> None:
    """Of 60 needs: 40, 40, 38 (two discordant clusters: cannot reject) and 10."""
    found = ordered(model("low", 10), model("twin b", 40), model("near", 38), model("twin a", 40))
    assert found == [
        ("twin a", 1, 0.0, True),
        ("twin b", 1, 0.0, True),
        ("near", 3, 0.033333, True),
        ("low", 4, 0.5, False),
    ]


def test_the_order_does_not_depend_on_the_order_given() -> None:
    models = [model("a", 40), model("b", 38), model("c", 10)]
    assert ordered(*models) == ordered(*reversed(models))


def test_models_without_a_language_are_not_placed() -> None:
    english = replace(model("english", 60), unsupported={"de": "English-only model"})
    assert [row[0] for row in ordered(model("a", 40), english, model("b", 10))] == ["a", "b"]


def test_not_tested_is_not_a_verdict() -> None:
    found = places({"a": 0.9, "b": 0.8, "c": 0.1}, [frozenset("ac")], [frozenset("ac")])
    assert [(p.model, p.with_best) for p in found] == [("a", True), ("b", None), ("c", False)]


def test_told_apart_from_one_of_two_equal_first_ones_only() -> None:
    pairs = [frozenset("ac"), frozenset("bc")]
    found = places({"a": 0.9, "b": 0.9, "c": 0.8}, pairs[:1], pairs)
    assert [(p.model, p.place, p.with_best) for p in found] == [
        ("a", 1, True),
        ("b", 1, True),
        ("c", 3, True),
    ]


def test_in_words() -> None:
    models = [model("good", 40), model("twin", 40), model("near", 38), model("low", 10)]
    outcome = compare_models(models, [HIT], HIT, n_resamples=200)
    english = {"english": {"de": "English-only model"}}
    report = {
        "primary_measure": "accuracy@1",
        "labels": english,
        "order": [o.to_json() for o in orders(outcome.rows, models)],
    }
    grid = order_grid(report)
    assert grid is not None
    assert [cell.text for cell in grid.rows[0].cells] == ["cross", "good, twin", "near (−3.3)", "low (−50.0)"]
    assert grid.notes[-1] == "Not placed: english: English-only model (de)."
    assert order_note(report).endswith("(paired tests, Holm): cross: good, twin, near.")
    assert order_grid({**report, "order": []}) is None and order_note(None) == ""
