"""BM25 in memory: texts found by the words they share with a query, without any server."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import bm25s
import numpy as np

from xlembed.search.analysis import analyse, analyser_name, characters, is_unspaced
from xlembed.search.base import EachByItself, Hits, Rows, Scores, id_places, significant
from xlembed.words import Lang

PARAMETERS = {"type": "BM25", "variant": "lucene", "k1": 1.2, "b": 0.75}
"""Robertson et al. 1994, "Okapi at TREC-3", with Lucene's idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never
negative (Kamphuis et al. 2020, "Which BM25 do you mean?"); the same k1 and b as on the server."""
LIBRARIES = ("bm25s", "PyStemmer", "regex")
SCHEME = 2
"""Raised when the same words come to mean other scores."""
ROUNDING = 2e-5
"""More of a score than rounding to six significant digits changes: two that differ by more keep their order."""


def library_versions() -> dict[str, str]:
    """Of what computes words and scores."""
    return {name: version(name) for name in LIBRARIES}


def bm25_fingerprint(languages: Collection[Lang]) -> str:
    """Hash of all that determines BM25 scores of given texts: analysis, parameters, and the libraries' versions.

    Example:
        >>> bm25_fingerprint(["de"]) == bm25_fingerprint(["de", "tr"])
        False
    """
    ingredients = {
        "scheme": SCHEME,
        "parameters": PARAMETERS,
        "analysers": {lang: analyser_name(lang) for lang in sorted(languages)},
        "libraries": library_versions(),
        "unicode": unicodedata.unidata_version,
        "document": "title, new line, text",
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


class Bm25Words(EachByItself):
    """The queries of a task, searched by their words in all its texts.

    Every language has statistics of its own. Searched in one language, a query is read by that language's analysis;
    searched in all, it is read by each language's analysis and matched against that language's documents. A text that
    shares no word with the query (score 0) is not retrieved. The full ranking is known, and never kept: ranks are
    counted, and of scores there are one query's at a time. A word of one letter in a script without spaces, which
    texts hold as pairs of letters, is looked for in the texts' letters.

    Args:
        doc_ids: all documents, different from each other.
        langs: their languages.
        documents: their texts.
        queries: texts of the queries.

    Raises:
        ValueError: if ids, languages and texts are not one each.
    """

    exact = True

    def __init__(
        self,
        doc_ids: Sequence[str],
        langs: Sequence[Lang],
        documents: Sequence[str],
        queries: Sequence[str],
    ) -> None:
        if not len(doc_ids) == len(langs) == len(documents):
            raise ValueError(
                f"{len(doc_ids)} ids, {len(langs)} languages and {len(documents)} texts: one each"
            )
        self.n_queries = len(queries)
        self._queries, self._documents = queries, documents
        self._places = id_places(doc_ids)
        self._sizes: dict[Lang | None, int] = {None: len(doc_ids)}
        self._parts: dict[Lang, _Part] = {}
        self._letters: dict[Lang, _Part] = {}
        self._rows: dict[Lang, list[int]] = {}
        for lang in sorted(set(langs)):
            rows = [row for row, other in enumerate(langs) if other == lang]
            self._sizes[lang] = len(rows)
            self._rows[lang] = rows
            self._parts[lang] = _part(rows, (analyse(documents[row], lang) for row in rows))

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """Texts that share a word, best first; equal scores in the order of ids.

        Args:
            queries: rows of the queries.
            k: documents per query; fewer columns come back if the pool holds fewer.
            lang: search only documents of this language; None searches all.

        Returns:
            Hits: scores in six significant digits, above 0; -1 and -inf where nothing else shares a word.
        """
        width = min(k, self._sizes.get(lang, 0))
        rows = np.full((len(queries), width), -1, dtype=np.int64)
        scores = np.full((len(queries), width), -np.inf)
        ties = np.zeros(len(queries), dtype=np.int64)
        for i, query in enumerate(queries):
            found, score = self._best(self._scores(query, lang), width)
            n = min(width, len(found))
            rows[i, :n], scores[i, :n] = found[:n], score[:n]
            ties[i] = len(found) - n
        return Hits(rows, scores, ties)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Searcher.full_ranks`: counts the documents that score above, or equal with a smaller id."""
        return [
            self._ranks(self._scores(query, lang), wanted)
            for query, wanted in zip(queries, rows, strict=True)
        ]

    def _best(self, scores: Scores, k: int) -> tuple[Rows, Scores]:
        """The k best rows and their rounded scores, in order, and behind them all that equal the last of these."""
        rows = np.flatnonzero(scores)
        if 0 < k < len(rows):
            last = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
            rows = rows[scores[rows] >= last * (1 - ROUNDING)]
        found = significant(scores[rows])
        order = np.lexsort((self._places[rows], -found))
        rows, found = rows[order], found[order]
        n = np.searchsorted(-found, -found[k - 1], side="right") if 0 < k < len(rows) else len(rows)
        return rows[:n], found[:n]

    def _ranks(self, scores: Scores, wanted: Rows) -> Rows:
        """Rank from 1 of each wanted row, 0 where it shares no word."""
        ranks = np.zeros(len(wanted), dtype=np.int64)
        for i, row in enumerate(wanted):
            if target := scores[row]:
                above = np.count_nonzero(scores > target * (1 + ROUNDING))
                near = np.flatnonzero(np.abs(scores - target) <= target * ROUNDING)
                rounded, own = significant(scores[near]), significant(scores[row : row + 1])
                first = (rounded > own) | (rounded == own) & (self._places[near] < self._places[row])
                ranks[i] = 1 + above + np.count_nonzero(first)
        return ranks

    def _scores(self, query: int, lang: Lang | None) -> Scores:
        """Of all documents, shape (n_documents,); 0 where they share no word."""
        scores = np.zeros(len(self._places))
        for name in self._parts if lang is None else [lang] if lang in self._parts else []:
            words = analyse(self._queries[query], name)
            letters = [word for word in words if len(word) == 1 and is_unspaced(word)]
            self._parts[name].add([word for word in words if word not in letters], scores)
            if letters:
                self._letters_of(name).add(letters, scores)
        return scores

    def _letters_of(self, lang: Lang) -> _Part:
        """Made when it is first asked for: few queries have such words."""
        if lang not in self._letters:
            rows = self._rows[lang]
            self._letters[lang] = _part(rows, (characters(self._documents[row], lang) for row in rows))
        return self._letters[lang]


@dataclass(frozen=True)
class _Part:
    """One language's documents that have words.

    Attributes:
        rows: of the documents, shape (n,).
        index: of their words; None where there are none.
    """

    rows: Rows
    index: bm25s.BM25 | None

    def add(self, words: Sequence[str], scores: Scores) -> None:
        """Its scores, to those of all documents."""
        if self.index and (known := self.index.get_tokens_ids(list(words))):
            scores[self.rows] += self.index.get_scores_from_ids(known)


def _part(rows: Sequence[int], texts: Iterable[list[str]]) -> _Part:
    """Documents without words count neither as documents nor for the mean length, as in Lucene."""
    vocabulary: dict[str, int] = {}
    # Each word is held once.
    words = [[vocabulary.setdefault(word, len(vocabulary)) for word in found] for found in texts]
    some = [i for i, found in enumerate(words) if found]
    if not some:
        return _Part(np.empty(0, dtype=np.int64), None)
    index = bm25s.BM25(
        k1=PARAMETERS["k1"], b=PARAMETERS["b"], method=str(PARAMETERS["variant"]), dtype="float64"
    )
    index.index(([words[i] for i in some], vocabulary), create_empty_token=False, show_progress=False)
    return _Part(np.array([rows[i] for i in some], dtype=np.int64), index)
