"""How near two documents are: by the vectors of one reference model, and by the words of a query that they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache

import numpy as np

from xlembed.data.task import Task
from xlembed.embeddings.document_vectors import document_vectors
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.texts import document_text
from xlembed.models.spec import ModelRef
from xlembed.search.base import exact_scores
from xlembed.search.bm25 import Bm25Words
from xlembed.search.local_words import open_local_words
from xlembed.words import Lang, Vectors
from xlembed.workspace import Watch, Workspace

SAMPLE = 1000
"""Documents of each language whose pairs the percentile is taken of, at most."""
SEED = 42


class NearCopies:
    """Pairs of documents that are as near to each other as few pairs of the same two languages.

    Args:
        langs: of all documents.
        rows: of the documents with vectors.
        vectors: float32, shape (len(rows), dim), unit length, or zeros.
        percentile: of the cosines of pairs of different documents in the same two languages, from which on two are
            near; above 0, below 100.

    Example:
        >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
        >>> near = NearCopies(["en"] * 3, [0, 1, 2], vectors, 50)  # cosines .8, 0, .6
        >>> near.threshold("en", "en"), near(0, 1), near(2, 1), near(0, 2)
        (0.6, True, True, False)
    """

    def __init__(
        self, langs: Sequence[Lang], rows: Sequence[int], vectors: Vectors, percentile: float
    ) -> None:
        self._langs, self._vectors, self._percentile = langs, vectors, percentile
        self._place = {row: i for i, row in enumerate(rows)}
        self._sample = sample_rows(langs)
        self.threshold = lru_cache(maxsize=None)(self._threshold)

    def cosine(self, a: int, b: int) -> float:
        """Of two documents by their rows; below -1 where one of them has no direction."""
        one, other = (self._vectors[self._place[row] :][:1] for row in (a, b))
        return float(min(exact_scores(one, other)[0, 0], exact_scores(other, one)[0, 0]))

    def __call__(self, a: int, b: int) -> bool:
        """Whether two different documents are near copies."""
        first, second = sorted((self._langs[a], self._langs[b]))
        return self.cosine(a, b) >= self.threshold(first, second)

    def _threshold(self, a: Lang, b: Lang) -> float:
        """The percentile of a pair of languages; infinite where there is no pair."""
        rows, others = self._sample[a], self._sample[b]
        one, other = (self._vectors[[self._place[row] for row in part]] for part in (rows, others))
        cosines = exact_scores(one, other)
        different = np.asarray(rows)[:, None] != np.asarray(others)[None, :]
        found = cosines[different]
        return float(np.round(np.percentile(found, self._percentile), 6)) if len(found) else float("inf")


def sample_rows(langs: Sequence[Lang]) -> dict[Lang, list[int]]:
    """Language -> documents whose pairs are looked at: all, or as many as `SAMPLE`, drawn with a seed."""
    of_document = np.asarray(langs)
    found = {}
    for lang in sorted(set(langs)):
        rows = np.flatnonzero(of_document == lang)
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(SEED).choice(rows, SAMPLE, replace=False))
        found[lang] = rows.tolist()
    return found


def near_copies(
    task: Task, wanted: Collection[int], ref: ModelRef, workspace: Workspace, watch: Watch
) -> NearCopies:
    """Vectors by the reference model of the wanted documents and of the sample.

    Raises:
        UserError: the model cannot be loaded, or has no vector of a text.
    """
    langs = [d.lang for d in task.documents]
    rows = sorted({*wanted, *(row for part in sample_rows(langs).values() for row in part)})
    texts = [document_text(ref.card, task.documents[row]) for row in rows]
    vectors = document_vectors(open_encoding(ref, workspace), texts, ref, watch, "near copies")
    return NearCopies(langs, rows, vectors, workspace.settings.explore.near_copy_percentile)


class Overlap:
    """BM25 of a query and a document of one language; the texts are indexed when it is first asked for.

    Args:
        task: with queries and documents.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._sizes = Counter(d.lang for d in task.documents)
        self._of_query = lru_cache(maxsize=8)(self._scores)

    def __call__(self, query: int, row: int) -> float:
        """Score in six significant digits; 0 where they share no word."""
        return self._of_query(query, self._task.documents[row].lang).get(row, 0.0)

    @cached_property
    def _words(self) -> Bm25Words:
        return open_local_words(self._task, [q.text for q in self._task.queries])[0]

    def _scores(self, query: int, lang: Lang) -> dict[int, float]:
        hits = self._words.search([query], self._sizes[lang], lang)
        found = hits.rows[0] >= 0
        return dict(zip(hits.rows[0][found].tolist(), hits.scores[0][found].tolist(), strict=True))
