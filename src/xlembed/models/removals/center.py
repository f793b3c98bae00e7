"""Subtracts the mean of the vector's language.

Libovický, Rosa and Fraser (2020), On the Language Neutrality of Pre-trained Multilingual Representations,
arXiv:2004.05160.
"""

from __future__ import annotations

import numpy as np

from xlembed.models.removal import Method, Removal, Sums


def fit(sums: Sums, components: int) -> Removal:
    """The mean alone."""
    return Removal(sums.mean, np.zeros((len(sums.mean), 0)))


METHOD = Method("center", "+center", fit, components=0, by_language=True, source="Libovický 2020")
