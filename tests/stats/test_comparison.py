"""When a difference is called one: at the level, and at the fewest clusters with which the test can reject at all."""

from __future__ import annotations

import pytest

from stats.hit_tables import HIT, hits, units
from xlembed.evaluate.tables import labelled_table
from xlembed.stats.comparison import ComparisonRow, Evaluated, compare_models
from xlembed.stats.holm import Adjusted, Comparison, Family, FamilyKind
from xlembed.stats.power import discordant_needed
from xlembed.stats.scores import CiMethod, Difference

ENOUGH = discordant_needed(0.05)


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
    comparison = Comparison("a", "b", "accuracy@1", "monolingual", p_adjusted, "target")
    adjusted = Adjusted(comparison, Family(FamilyKind.PRIMARY, "accuracy@1", 1), p_adjusted)
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
    row = ComparisonRow(adjusted, difference, (), "sign-flip", None)
    assert row.verdict(0.05) == verdict
    assert (row.to_json(0.05)["query_lang"], row.to_json(0.05)["difference"]) == (None, value)


def test_languages_on_no_card_are_tested_apart_and_called_exploratory() -> None:
    """English-only models on a Turkish task: nothing to decide on, and what was found is not hidden."""
    label = {"tr": "English-only model"}
    a, b = (Evaluated(name, units({"tr": hits(40, n)}), label) for name, n in (("a", 30), ("b", 5)))
    found = compare_models([a, b], [HIT], HIT)
    assert found.rows == () and len(found.untested) == 1
    (macro, cell) = [row.to_json(0.05) for row in found.labelled]
    assert (macro["difference"], macro["family"], macro["verdict"]) == (0.625, "exploratory", "a higher")
    assert cell["query_lang"] == "tr"
    labels = {"a": label, "b": label}
    grid = labelled_table({"task": "t", "labels": labels, "labelled": [macro, cell]})
    assert grid is not None and "exploratory" in grid.title
    assert [[cell.text for cell in row.cells][-1] for row in grid.rows] == ["", "A higher"]
    assert any("English-only model (tr); invalid for a decision" in note for note in grid.notes)
    c = Evaluated("c", units({"tr": hits(40, 30)}), {})
    assert compare_models([c, Evaluated("d", units({"tr": hits(40, 5)}), {})], [HIT], HIT).labelled == ()
