"""Standardises each score by mean and standard deviation of the query's K best scores in the document's language.

Z-score normalisation of merged result lists: Savoy (2005), Comparative Study of Monolingual and Multilingual Search
Models for Use with Asian Languages (ACM TALIP).
"""

from __future__ import annotations

import warnings

import numpy as np

from xlembed.models.rescoring import DECIMALS, Candidates, Floats, Rescoring, best_of

LEAST_DEVIATION = 10.0**-DECIMALS
"""Below it all scores are equal up to rounding."""


def rescore(found: Candidates, number: int) -> Floats:
    """Standard deviations above the language's own level for the query."""
    scores = found.scores.copy()
    for lang in range(found.n_languages):
        own = found.of_language(lang)
        best = best_of(own, number)
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # a query that retrieves nothing in the language
            level, deviation = np.nanmean(best, axis=1), np.nanstd(best, axis=1)
            scores[:, found.langs == lang] = (own - level[:, None]) / np.maximum(deviation, LEAST_DEVIATION)[
                :, None
            ]
    return np.round(scores, DECIMALS)


RESCORING = Rescoring("z", "+zK", rescore, number=50, source="Savoy 2005", least=2)
