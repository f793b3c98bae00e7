"""Takes at most Q of each ten documents from one language, the best first; relaxed when other languages are exhausted.

A constraint on exposure as in fair ranking: Zehlike et al. (2017), FA*IR: A Fair Top-k Ranking Algorithm,
arXiv:1706.06368.
"""

from __future__ import annotations

import numpy as np

from xlembed.models.rescoring import Candidates, Floats, Rescoring

TEN = 10


def rescore(found: Candidates, number: int) -> Floats:
    """Minus the rank in the merged ranking; -inf for what was not retrieved."""
    n_queries, n_columns = found.scores.shape
    starts = np.searchsorted(found.langs, np.arange(found.n_languages))
    ends = np.append(starts[1:], n_columns)
    head = np.tile(starts, (n_queries, 1))  # per query and language, the best column that is not placed yet
    result = np.full(found.scores.shape, -np.inf)
    rows = np.arange(n_queries)
    for position in range(n_columns):
        if position % TEN == 0:
            used = np.zeros_like(head)
        column = np.minimum(head, n_columns - 1)
        scores = np.where(head < ends, np.take_along_axis(found.scores, column, axis=1), -np.inf)
        within = np.where(used < number, scores, -np.inf)
        free = np.isfinite(within).any(axis=1, keepdims=True)
        chosen = _best(np.where(free, within, scores), np.take_along_axis(found.places, column, axis=1))
        some = np.isfinite(scores[rows, chosen])
        if not some.any():
            break
        at, lang = rows[some], chosen[some]
        result[at, head[at, lang]] = -(position + 1.0)
        head[at, lang] += 1
        used[at, lang] += 1
    return result


def _best(scores: Floats, places: np.ndarray) -> np.ndarray:
    """Column of the highest score of each row, the first id where several have it."""
    tied = scores == scores.max(axis=1, keepdims=True)
    return np.asarray(np.where(tied, places, np.iinfo(np.int64).max).argmin(axis=1))


def check(number: int, n_languages: int) -> str:
    """Ten places must be filled."""
    if number * n_languages >= TEN:
        return ""
    return (
        f"{number} of each ten from each of {n_languages} languages fill fewer than ten places; take "
        f"+quota{-(-TEN // n_languages)} or more"
    )


RESCORING = Rescoring(
    "quota",
    "+quotaQ",
    rescore,
    number=None,
    source="after FA*IR, Zehlike 2017",
    fetch=lambda k, number, sizes: k,
    check=check,
)
