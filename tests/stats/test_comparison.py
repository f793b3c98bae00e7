"""When a difference is called one: at the level, and at the fewest clusters with which the test can reject at all."""

from __future__ import annotations

import pytest

from xlembed.stats.comparison import ComparisonRow
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
