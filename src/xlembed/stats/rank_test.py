"""Spearman's rank correlation over a handful of models, one-sided, by permutations (Spearman 1904; Pitman 1937)."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

EXACT_UP_TO = 9
"""With more values than this, 10! orders and more, permutations are drawn."""
N_PERMUTATIONS = 99_999
SEED = 42
TIE = 1e-9
"""Sums of rank products this close are equal: ranks are halves, so real differences are far larger."""


@dataclass(frozen=True)
class RankTest:
    """Is rho above 0?

    Attributes:
        rho: Spearman's, with midranks; NaN if one side is constant or there are fewer than 2 values.
        p_value: one-sided, share of the orders with a rho at least this large; never 0; None without rho.
        n: values.
        is_exact: every order was counted, none drawn.
    """

    rho: float
    p_value: float | None
    n: int
    is_exact: bool

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded to 1e-6 (p to 8 digits)."""
        return {
            "rho": None if math.isnan(self.rho) else round(self.rho, 6),
            "p_value": None if self.p_value is None else round(self.p_value, 8),
            "n": self.n,
            "exact": self.is_exact,
        }


def rank_test(x: ArrayLike, y: ArrayLike) -> RankTest:
    """Test rho(x, y) > 0 against the null hypothesis that every order of y is as likely.

    Up to 9 values all n! orders are counted, ties and all, so the level is exact; above that
    p = (b + 1) / (B + 1) from B = 99,999 seeded ones (Phipson & Smyth 2010).

    Raises:
        ValueError: unless both are finite, of one shape (n,).

    >>> found = rank_test([1, 2, 3], [10, 20, 40])
    >>> found.rho, round(found.p_value * 6)
    (1.0, 1)
    """
    a, b = (np.asarray(v, dtype=np.float64) for v in (x, y))
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two lists of values of one length, found {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite: leave out what has none")
    n = len(a)
    exact = n <= EXACT_UP_TO
    if n < 2:
        return RankTest(math.nan, None, n, exact)
    left, right = (rankdata(v) - (n + 1) / 2 for v in (a, b))
    spread = math.sqrt(float(left @ left) * float(right @ right))
    if not spread:
        return RankTest(math.nan, None, n, exact)
    observed = float(left @ right)
    if exact:
        p_value = float(np.mean(right[_orders(n)] @ left >= observed - TIE))
    else:
        drawn = np.random.default_rng(SEED).permuted(np.tile(right, (N_PERMUTATIONS, 1)), axis=1)
        p_value = (int((drawn @ left >= observed - TIE).sum()) + 1) / (N_PERMUTATIONS + 1)
    return RankTest(round(observed / spread, 12), p_value, n, exact)


@functools.lru_cache(maxsize=4)
def _orders(n: int) -> NDArray[np.int8]:
    """Every order of n things, shape (n!, n)."""
    return np.array(list(itertools.permutations(range(n))), dtype=np.int8)
