"""The scale of a task: predicted scores stay inside it, where it has ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlembed.data.scored import Scores

End = float | None
"""None: open."""


@dataclass(frozen=True)
class Bounds:
    """Ends of the scale of each dimension.

    Attributes:
        ends: low and high, in the order of the dimensions.
    """

    ends: tuple[tuple[End, End], ...]

    def clip(self, scores: Scores) -> Scores:
        """The scores, shape (n, n_dimensions); what lies outside is set to the nearer end."""
        low, high = self._arrays()
        clipped: Scores = np.clip(scores, low, high)
        return clipped

    def n_outside(self, scores: Scores) -> int:
        """How many of the scores `clip` would change."""
        low, high = self._arrays()
        return int(((scores < low) | (scores > high)).sum())

    def _arrays(self) -> tuple[Scores, Scores]:
        low = np.array([-np.inf if low is None else low for low, _ in self.ends])
        high = np.array([np.inf if high is None else high for _, high in self.ends])
        return low, high


def clipped_note(clipped: Sequence[tuple[str, int]], n: int) -> list[str]:
    """A sentence on the predictions that were set to an end of the scale, if there are any.

    Args:
        clipped: systems, and how many of their predictions lay outside.
        n: predictions of each system.
    """
    told = [f"{name} {count:,}" for name, count in clipped if count]
    if not told:
        return []
    return [f"Predictions outside their scale were set to its nearer end, of {n:,} each: {', '.join(told)}."]
