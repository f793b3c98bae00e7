"""Standardises each score by mean and standard deviation of the query's K best scores in the document's language.

Z-score normalisation of merged result lists: Savoy (2005), Comparative Study of Monolingual and Multilingual Search
Models for Use with Asian Languages (ACM TALIP).
"""

from __future__ import annotations

import numpy as np

from xlembed.models.rescoring import DECIMALS, Candidates, Floats, Rescoring, level

LEAST_DEVIATION = 10.0**-DECIMALS
"""Below it all scores are equal up to rounding."""


def rescore(found: Candidates, number: int) -> Floats:
    """Standard deviations above the language's own level for the query."""
    scores = found.scores.copy()
    for lang in range(found.n_languages):
        own = found.of_language(lang)
        mean, deviation = level(own, number)
        scores[:, found.langs == lang] = (own - mean) / np.maximum(deviation, LEAST_DEVIATION)
    return np.round(scores, DECIMALS)


RESCORING = Rescoring("z", "+zK", rescore, number=50, source="Savoy 2005", least=2)
