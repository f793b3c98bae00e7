"""Is a paired difference of macro averages beyond a margin? Read from the intervals of `difference_cells`.

A condition is *shown* when the interval of level 1 - alpha lies on its side of the margin. Where it is about several
differences at once (to every rival), all of them must: that needs no correction (Berger 1982, intersection-union). It
is *violated* when one interval lies on the other side at alpha / (conditions of the model x differences of the
condition), Bonferroni: to violate any is enough for "does not break the paradox".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xlembed.files import rounded
from xlembed.stats.bootstrap import N_RESAMPLES
from xlembed.stats.evaluation import CellLayout, numbers
from xlembed.stats.layout import Floats
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import detectable_difference
from xlembed.stats.scores import Difference
from xlembed.words import Choice


class Status(Choice):
    """What the intervals say of a condition."""

    SHOWN = "shown"
    VIOLATED = "violated"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, eq=False)
class Contrast:
    """first - second on the same units, a column per difference; the macro average over all cells is what counts.

    Both have the shape (n_units, n_columns); the differences are to be multiplied by `unit`.
    """

    cells: CellLayout
    first: Floats
    second: Floats
    unit: float = 1.0

    def at(self, level: float, n_resamples: int = N_RESAMPLES) -> list[Difference]:
        """The macro of each column with its interval of that level; none under 10 clusters."""
        members = list(range(len(self.cells.cells)))
        table = difference_cells(
            self.cells.layout, self.first, self.second, {"macro": members}, n_resamples, level
        )
        return [_times(d, self.unit) for d in table.macros["macro"] if d is not None]


def _times(found: Difference, unit: float) -> Difference:
    low, high, se = (None if x is None else x * unit for x in (found.ci_low, found.ci_high, found.se))
    return replace(found, value=found.value * unit, ci_low=low, ci_high=high, se=se)


@dataclass(frozen=True)
class Condition:
    """One condition of one model.

    Attributes:
        status: shown, violated, undecided, or not applicable where there is nothing to compare with.
        margin: what the difference is compared with.
        difference: the one nearest to failing, with its unadjusted interval; None if not applicable.
        against: the rival it is about, if there are rivals.
        detectable: smallest distance from the margin that would be decided with 80 %; None under 10 clusters.
    """

    status: Status
    margin: float
    difference: Difference | None = None
    against: str = ""
    detectable: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded to 1e-6."""
        told = {} if self.difference is None else numbers(self.difference)
        found = {
            **{key: told.get(key) for key in ("value", "ci_low", "ci_high", "n_clusters")},
            "detectable": self.detectable,
            "margin": self.margin,
            "against": self.against or None,
            "status": str(self.status),
        }
        return dict(rounded(found, 6))


def judge(
    contrast: Contrast,
    columns: Mapping[str, Mapping[str, int]],
    margin: float,
    *,
    above: bool,
    n_conditions: int,
    alpha: float = 0.05,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Condition]:
    """Judge one condition, "above the margin" or else "below", for every model.

    Args:
        contrast: the differences.
        columns: model -> rival (or "") -> column of the contrast; a model without any: not applicable.
        margin: what they are compared with.
        above: which of the two.
        n_conditions: of a model, one of which would be enough to fail.
        alpha: two-sided.
        n_resamples: of the bootstrap.
    """
    usual = contrast.at(1 - alpha, n_resamples)
    shown = {
        name for name, of in columns.items() if all(_beyond(usual[i], margin, above) for i in of.values())
    }
    wide = {
        k: contrast.at(1 - alpha / (n_conditions * k), n_resamples)
        for k in {len(of) for name, of in columns.items() if name not in shown}
    }
    found = {}
    for name, of in columns.items():
        if not of:
            found[name] = Condition(Status.NOT_APPLICABLE, margin)
            continue
        status = Status.SHOWN if name in shown else Status.UNDECIDED
        if name not in shown and any(_beyond(wide[len(of)][i], margin, not above) for i in of.values()):
            status = Status.VIOLATED
        sign = 1 if above else -1
        against = min(of, key=lambda rival: sign * _nearest_end(usual[of[rival]], above))
        power = detectable_difference(usual[of[against]], n_conditions * len(of), alpha)
        detectable = None if power is None else power.detectable
        found[name] = Condition(status, margin, usual[of[against]], against, detectable)
    return found


def _beyond(found: Difference, margin: float, above: bool) -> bool:
    end = found.ci_low if above else found.ci_high
    return end is not None and (end > margin if above else end < margin)


def _nearest_end(found: Difference, above: bool) -> float:
    end = found.ci_low if above else found.ci_high
    return found.value if end is None else end
