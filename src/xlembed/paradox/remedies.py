"""Does a variant of a model mend what the model loses across languages, at no cost within them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.stats.comparison import ComparisonRow
from xlembed.stats.conditions import Margins
from xlembed.stats.margins import Status
from xlembed.words import Mode, Pool


@dataclass(frozen=True)
class Remedy:
    """What a variant does to the model it is a variant of.

    Attributes:
        variant: its name.
        base: the model's.
        monolingual: whether a fall of the margin is excluded.
        cross_lingual: likewise.
        true_cross: whether the score across languages, pool = all, rises (Holm).
        share_mended: 1 - loss_strong with / loss_strong without; None without a loss.
        reason: why it is not said whether it mends; empty: it is.
    """

    variant: str
    base: str
    monolingual: Status
    cross_lingual: Status
    true_cross: Status
    share_mended: float | None
    reason: str = ""

    @property
    def mends(self) -> str:
        """yes, no, undecided, or not judged."""
        kept = {self.monolingual, self.cross_lingual} - {Status.NOT_APPLICABLE}
        if self.reason:
            return "not judged"
        if kept <= {Status.SHOWN} and self.true_cross is Status.SHOWN:
            return "yes"
        return "no" if Status.VIOLATED in {*kept, self.true_cross} else "undecided"

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded."""
        return {
            "variant": self.variant,
            "base": self.base,
            "monolingual": str(self.monolingual),
            "cross_lingual": str(self.cross_lingual),
            "true_cross_all": str(self.true_cross),
            "share_mended": None if self.share_mended is None else round(self.share_mended, 6),
            "mends": self.mends,
            "reason": self.reason,
        }


def remedies(
    rows: Sequence[ComparisonRow],
    losses: Mapping[str, float | None],
    not_judged: Mapping[str, str],
    margins: Margins,
    alpha: float = 0.05,
) -> list[Remedy]:
    """One per variant that was tested against its model, from the macros of the paired tests.

    Args:
        rows: variant (A) minus model (B), one family over all variants.
        losses: model or variant -> loss_strong.
        not_judged: model -> why it is not; with nothing to lose nothing is mended.
        margins: `mono` of them.
        alpha: level of the adjusted tests.
    """
    found: dict[tuple[str, str], dict[tuple[str, str | None], ComparisonRow]] = {}
    for row in rows:
        c = row.adjusted.comparison
        if c.cell is None:
            found.setdefault((c.model_a, c.model_b), {})[c.mode, c.pool] = row
    mono, cross = (str(Mode.MONOLINGUAL), str(Pool.TARGET)), (str(Mode.CROSS_LINGUAL), str(Pool.ALL))
    across = (str(Mode.TRUE_CROSS_LINGUAL), str(Pool.ALL))
    return [
        Remedy(
            variant,
            base,
            _kept(of.get(mono), margins.mono),
            _kept(of.get(cross), margins.mono),
            _rises(of.get(across), alpha),
            _mended(losses.get(variant), losses.get(base)),
            not_judged.get(base, ""),
        )
        for (variant, base), of in found.items()
    ]


def _kept(row: ComparisonRow | None, margin: float) -> Status:
    """Whether the unadjusted interval excludes a fall of the margin; a score that does not change is no evidence."""
    if row is None or not row.difference.n_discordant:
        return Status.NOT_APPLICABLE
    low, high = row.difference.ci_low, row.difference.ci_high
    if low is None or high is None or low <= -margin <= high:
        return Status.UNDECIDED
    return Status.SHOWN if low > -margin else Status.VIOLATED


def _rises(row: ComparisonRow | None, alpha: float) -> Status:
    if row is None:
        return Status.NOT_APPLICABLE
    if row.verdict(alpha) == f"{row.adjusted.comparison.model_a} better":
        return Status.SHOWN
    return Status.VIOLATED if row.verdict(alpha).endswith(" better") else Status.UNDECIDED


def _mended(with_remedy: float | None, without: float | None) -> float | None:
    return None if with_remedy is None or not without or without <= 0 else 1 - with_remedy / without
