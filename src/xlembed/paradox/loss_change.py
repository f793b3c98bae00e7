"""Does a variant lose less across languages than its base? Paired differences of loss_weak and loss_strong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.comparison import Evaluated, align, supported
from xlembed.stats.evaluation import cell_layout, difference_json, paired_units
from xlembed.stats.holm import holm
from xlembed.stats.layout import Floats
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import discordant_needed
from xlembed.stats.scores import Difference
from xlembed.stats.signflip import N_FLIPS, cluster_contributions, flips_needed, sign_flip_tests

KINDS = ("loss_weak", "loss_strong")


@dataclass(frozen=True)
class LossChange:
    """Loss of the variant minus loss of its base, macro; below 0 the variant loses less.

    The interval is unadjusted, p of a two-sided sign-flip test, adjusted by Holm over all variants and both losses.
    """

    variant: str
    base: str
    kind: str
    difference: Difference
    p_value: float
    p_adjusted: float

    def verdict(self, alpha: float) -> str:
        """In words, from the adjusted p only."""
        if self.difference.n_discordant_clusters < discordant_needed(alpha):
            return "this test cannot reject"
        if self.p_adjusted >= alpha:
            return "no difference shown"
        return "smaller loss" if self.difference.value < 0 else "larger loss"

    def to_json(self, alpha: float) -> dict[str, Any]:
        """Flat, with floats rounded to 1e-6 (p-values to 8 digits)."""
        return {
            "variant": self.variant,
            "base": self.base,
            "kind": self.kind,
            **difference_json(self.difference),
            "p_value": round(self.p_value, 8),
            "p_adjusted": round(self.p_adjusted, 8),
            "verdict": self.verdict(alpha),
        }


def loss_changes(
    pairs: Sequence[tuple[Evaluated, Evaluated]],
    measure: Measure,
    alpha: float = 0.05,
    n_resamples: int = N_RESAMPLES,
) -> list[LossChange]:
    """Test every variant's losses against those of its base, corrected together; both exploratory.

    Pairs of (variant, base) are on the same units; cells in a language that one of them lacks are left out. The level
    decides the number of sign flips. Two changes come back per pair, fewer where a loss has no units.

    Raises:
        UserError: the units of a pair differ.
    """
    n_flips = max(N_FLIPS, flips_needed(max(1, 2 * len(pairs)), alpha))
    found: list[tuple[str, str, str, Difference, float]] = []
    for variant, base in pairs:
        (after, before), _ = align([variant, base], intersect=False)
        for kind in KINDS:
            change = _change(after, before, measure, kind, n_resamples, n_flips)
            if change is not None:
                found.append((variant.name, base.name, kind, *change))
    adjusted = holm([p_value for *_, p_value in found])
    return [LossChange(*row, float(p)) for row, p in zip(found, adjusted, strict=True)]


def _change(
    after: Evaluated, before: Evaluated, measure: Measure, kind: str, n_resamples: int, n_flips: int
) -> tuple[Difference, float] | None:
    clusters = sorted(set(after.units["cluster"]))
    lacking = {**after.unsupported, **before.unsupported}
    first, second = (paired_units(m.units, [measure.column], kind) for m in (after, before))
    keep = supported(first, lacking)
    if not keep.any():
        return None
    cells = cell_layout(first[keep], clusters, ("kind", "pool"))
    after_loss, before_loss = (_losses(table, measure)[keep] for table in (first, second))
    table = difference_cells(cells.layout, after_loss, before_loss, cells.macros, n_resamples)
    ((macro, line),) = table.macros.items()
    if line[0] is None:
        return None
    rng = np.random.default_rng(cluster_seed(clusters) + 1)  # + 1: not the stream of the bootstrap weights
    parts = cluster_contributions(cells.layout, after_loss - before_loss, cells.macros[macro])
    return line[0], sign_flip_tests(parts, rng, n_flips)[0].p_value


def _losses(pairs: pd.DataFrame, measure: Measure) -> Floats:
    """Loss of each pair of units, shape (n_pairs, 1)."""
    losses = pairs[f"{measure.column}_first"] - pairs[f"{measure.column}_second"]
    return losses.to_numpy(dtype=np.float64)[:, None]
