"""Takes the mean of the query's K best scores in the document's language away from each score.

The query's half of cross-domain similarity local scaling: Conneau, Lample, Ranzato, Denoyer and Jégou (2018), Word
Translation Without Parallel Data, arXiv:1710.04087. The documents' half would need a search per document.
"""

from __future__ import annotations

import numpy as np

from xlembed.models.rescoring import DECIMALS, Candidates, Floats, Rescoring, best_of


def rescore(found: Candidates, number: int) -> Floats:
    """Scores above the language's own level for the query."""
    scores = found.scores.copy()
    for lang in range(found.n_languages):
        own = found.of_language(lang)
        with np.errstate(invalid="ignore"):
            level = np.nansum(best_of(own, number), axis=1) / np.isfinite(own[:, :number]).sum(axis=1)
            scores[:, found.langs == lang] = own - level[:, None]
    return np.round(scores, DECIMALS)


RESCORING = Rescoring("local", "+localK", rescore, number=5, source="after CSLS, Conneau 2018")
