"""report.json of a fine-tuning in memory: scores of the model after each stage, found by what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.stats.scorebook import (
    CROSS_LINGUAL,
    MACROS,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
)
from xlembed.words import Lang

Report = Mapping[str, Any]
"""Content of finetuned/NAME/report.json."""
BASE = "base"
"""What the model is called before the first stage."""
PLACES = {
    MONOLINGUAL: ("mono",),
    CROSS_LINGUAL: ("cross",),
    TRUE_CROSS_ALL: ("true_cross", "all"),
    TRUE_CROSS_TARGET: ("true_cross", "target"),
}
"""Where a macro stands in a headline (results/TASK/MODEL.json)."""


def score_of(
    headline: Mapping[str, Any], macro: Macro, lang: Lang | None = None, measure: str | None = None
) -> Estimate | None:
    """A macro average, or one language of it; None where the headline does not have it.

    Args:
        headline: what one task's evaluation returned.
        macro: mode and pool.
        lang: None is the macro average.
        measure: default: the primary one.
    """
    found: Any = headline["scores"]
    for key in (*PLACES[macro], lang or "macro", measure or headline["primary_measure"]):
        found = found.get(key) if isinstance(found, Mapping) else None
    if found is None:
        return None
    return Estimate(
        value=float(found["value"]),
        ci_low=found["ci_low"],
        ci_high=found["ci_high"],
        n_units=int(found["n_units"]),
        n_needs=int(found["n_needs"]),
        n_clusters=int(found["n_clusters"]),
    )


def macros_of(headline: Mapping[str, Any]) -> list[Macro]:
    """Those with a primary score, in the usual order."""
    return [m for m in MACROS if score_of(headline, m) is not None]


def tasks_of(report: Report) -> list[str]:
    """Names of the tasks that the model was evaluated on."""
    return list(report["evaluations"][0]["tasks"]) if report["evaluations"] else []


def sets_of(report: Report) -> list[str]:
    """Names of the scored sets."""
    return list(report["evaluations"][0]["sts"]) if report["evaluations"] else []
