"""Sorts by the rank within the document's language, then by score, then by id: round robin over the languages.

The oldest merging of rankings from several collections: Voorhees, Gupta and Johnson-Laird (1995), The Collection Fusion
Problem (TREC-3); its use between languages: Savoy (2003), Cross-Language Information Retrieval (CLEF 2002).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xlembed.models.rescoring import Candidates, Floats, Rescoring, by_position


def rescore(found: Candidates, number: int) -> Floats:
    """Minus the rank in the merged ranking."""
    ranks = np.broadcast_to(found.ranks, found.scores.shape)
    ranks = np.where(np.isfinite(found.scores), ranks, np.iinfo(np.int64).max)
    return by_position(np.lexsort((found.places, -found.scores, ranks), axis=1))


def fetch(k: int, number: int, sizes: Sequence[int]) -> int:
    """The least depth at which all languages together hold k documents."""
    depth, left = 0, sorted(size for size in sizes if size)
    while left and k > 0:
        step = min(left[0] - depth, -(-k // len(left)))
        depth, k = depth + step, k - step * len(left)
        left = [size for size in left if size > depth]
    return depth


RESCORING = Rescoring("interleave", "+interleave", rescore, number=0, source="Voorhees 1995", fetch=fetch)
