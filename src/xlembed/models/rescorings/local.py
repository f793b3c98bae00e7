"""Takes the mean of the query's K best scores in the document's language away from each score.

The query's half of cross-domain similarity local scaling: Conneau, Lample, Ranzato, Denoyer and Jégou (2018), Word
Translation Without Parallel Data, arXiv:1710.04087. The documents' half would need a search per document.
"""

from __future__ import annotations

import numpy as np

from xlembed.models.rescoring import DECIMALS, Candidates, Floats, Rescoring, level


def rescore(found: Candidates, number: int) -> Floats:
    """Scores above the language's own level for the query."""
    scores = found.scores.copy()
    for lang in range(found.n_languages):
        own = found.of_language(lang)
        scores[:, found.langs == lang] = own - level(own, number)[0]
    return np.round(scores, DECIMALS)


RESCORING = Rescoring("local", "+localK", rescore, number=5, source="after CSLS, Conneau 2018")
