"""Removes the top r principal components of the vector's language.

Right singular vectors of the matrix whose rows are that language's vectors, which is not centred first. Language
Information Removal: Yang, Yang, Cer and Darve (2021), A Simple and Effective Method To Eliminate the Self Language Bias
in Multilingual Representations, arXiv:2109.04727.
"""

from __future__ import annotations

import numpy as np

from xlembed.models.removal import Method, Removal, Sums, principal


def fit(sums: Sums, components: int) -> Removal:
    """Directions alone."""
    return Removal(np.zeros_like(sums.mean), principal(sums.squares / sums.n, components))


METHOD = Method("lir", "+lirR", fit, components=1, by_language=True, source="Yang 2021")
