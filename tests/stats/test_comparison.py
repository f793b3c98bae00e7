"""When a difference is called one: at the level, and at the fewest clusters with which the test can reject at all."""

from __future__ import annotations

from typing import Any

import pytest

from stats.hit_tables import HIT, hits, units
from xlembed.evaluate.tables import labelled_table
from xlembed.stats.comparison import Evaluated, Uncorrected, compare_models, corrected
from xlembed.stats.power import discordant_needed
from xlembed.stats.scores import CiMethod, Difference

ENOUGH = discordant_needed(0.05)


def of_pair(
    a: str, b: str, p: float, value: float = 0.1, n_clusters: int = ENOUGH, **other: Any
) -> Uncorrected:
    difference = Difference(
        value=value,
        ci_low=None,
        ci_high=None,
        ci_method=CiMethod.NONE,
        se=None,
        n_units=40,
        n_needs=40,
        n_clusters=40,
        n_discordant=n_clusters,
        n_discordant_clusters=n_clusters,
    )
    about: dict[str, Any] = {"kind": "monolingual", "pool": "target", "measure": "accuracy@1"}
    return Uncorrected(a, b, **about | other, difference=difference, p_value=p)


@pytest.mark.parametrize(
    ("p_adjusted", "n_clusters", "value", "verdict"),
    [
        (0.05, ENOUGH, 0.1, "no difference shown"),
        (0.0499, ENOUGH, 0.1, "a better"),
        (0.0499, ENOUGH, -0.1, "b better"),
        (0.0499, ENOUGH - 1, 0.1, "this test cannot reject"),
    ],
)
def test_verdicts_at_the_boundaries(p_adjusted: float, n_clusters: int, value: float, verdict: str) -> None:
    (row,) = corrected([of_pair("a", "b", p_adjusted, value, n_clusters)], "accuracy@1", 0.05)
    assert row.verdict == verdict
    assert (row.to_json()["query_lang"], row.to_json()["difference"]) == (None, value)


def test_families() -> None:
    across = {"kind": "true_cross_lingual"}
    results = corrected(
        [
            of_pair("a", "b", 0.01),
            of_pair("a", "b", 0.04, **across, pool="all", langs=("de", "en")),
            of_pair("a", "b", 0.02, **across, pool="all"),
            of_pair("a", "b", 0.01, **across, pool="target", langs=("de", "en")),
            of_pair("a", "b", 0.03, measure="MRR@10"),
            of_pair("a", "c", 0.2, **across, pool="target"),
        ],
        "accuracy@1",
        0.05,
    )
    primary = [r for r in results if r.family == "primary"]
    assert [r.p_adjusted for r in primary] == pytest.approx([0.03, 0.04, 0.2])
    assert {r.family_size for r in primary} == {3}
    cells, mrr = results[1], results[4]
    assert (cells.family_name, cells.family_size) == ("accuracy@1, true_cross_lingual", 2)
    assert (cells.family, cells.query_lang, cells.doc_lang) == ("exploratory", "de", "en")
    assert (results[3].p_adjusted, cells.p_adjusted) == pytest.approx((0.02, 0.04))
    assert (mrr.family_name, mrr.p_adjusted) == ("MRR@10, monolingual", pytest.approx(0.03))
    assert [r.p_value for r in results] == [0.01, 0.04, 0.02, 0.01, 0.03, 0.2]


def test_another_primary_measure_and_nothing_tested() -> None:
    (result,) = corrected([of_pair("a", "b", 0.03, measure="MRR@10")], "MRR@10", 0.05)
    assert result.family == "primary"
    assert corrected([], "accuracy@1", 0.05) == ()


@pytest.mark.parametrize("other", [("b", "a"), ("a", "b"), ("c", "c")])
def test_one_question_may_be_asked_once(other: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="found again"):
        corrected([of_pair("a", "b", 0.1), of_pair(*other, 0.1)], "accuracy@1", 0.05)


def test_languages_on_no_card_are_tested_apart_and_called_exploratory() -> None:
    """English-only models on a Turkish task: nothing to decide on, and what was found is not hidden."""
    label = {"tr": "English-only model"}
    a, b = (Evaluated(name, units({"tr": hits(40, n)}), label) for name, n in (("a", 30), ("b", 5)))
    found = compare_models([a, b], [HIT], HIT)
    assert found.rows == () and len(found.untested) == 1
    (macro, cell) = [row.to_json() for row in found.labelled]
    assert (macro["difference"], macro["family"], macro["verdict"]) == (0.625, "exploratory", "a higher")
    assert cell["query_lang"] == "tr"
    labels = {"a": label, "b": label}
    grid = labelled_table({"task": "t", "labels": labels, "labelled": [macro, cell]})
    assert grid is not None and "exploratory" in grid.title
    assert [[cell.text for cell in row.cells][-1] for row in grid.rows] == ["", "A higher"]
    assert any("English-only model (tr); invalid for a decision" in note for note in grid.notes)
    c = Evaluated("c", units({"tr": hits(40, 30)}), {})
    assert compare_models([c, Evaluated("d", units({"tr": hits(40, 5)}), {})], [HIT], HIT).labelled == ()


def test_pairs_that_are_tested_together_are_tested_as_each_alone() -> None:
    """One of four knows no German: pairs with it are compared on other units, in between."""
    models = [
        Evaluated(
            name,
            units({"tr->en": hits(40, n), "tr->de": hits(40, m), "en->tr": hits(40, n - 3)}),
            {"de": "language not supported"} if name == "b" else {},
        )
        for name, n, m in (("a", 30, 20), ("b", 22, 18), ("c", 25, 24), ("d", 12, 13))
    ]
    together = compare_models(models, [HIT], HIT).rows
    assert [(r.a, r.b) for r in together] == sorted((r.a, r.b) for r in together)
    named = {m.name: m for m in models}
    for pair in {(r.a, r.b) for r in together}:
        alone = compare_models([named[name] for name in pair], [HIT], HIT).rows
        mine = [r for r in together if (r.a, r.b) == pair]
        assert [(r.cells, r.difference, r.p_value) for r in mine] == [
            (r.cells, r.difference, r.p_value) for r in alone
        ]
        assert {r.test for r in mine} == {"sign-flip", "McNemar exact"}
        (macro,) = compare_models([named[name] for name in pair], [HIT], HIT, cells=False).rows
        assert macro.p_value == mine[0].p_value and macro.query_lang is None
