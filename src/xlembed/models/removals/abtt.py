"""Subtracts the mean of all documents, and the projection on the top D principal components of the centred documents.

As in the paper it is the vector as it comes that is projected, not the centred one. No language enters. Mu and
Viswanath (2018), All-but-the-Top: Simple and Effective Postprocessing for Word Representations, algorithm 1,
arXiv:1702.01417.
"""

from __future__ import annotations

import numpy as np

from xlembed.models.removal import Method, Removal, Sums, principal


def fit(sums: Sums, components: int) -> Removal:
    """Mean and directions."""
    covariance = sums.squares / sums.n - np.outer(sums.mean, sums.mean)
    return Removal(sums.mean, principal(covariance, components))


METHOD = Method(
    "abtt",
    "+abttD",
    fit,
    components=None,
    by_language=False,
    meaning=" (projects the vector as it comes)",
    source="Mu and Viswanath 2018",
)
