"""BM25 in memory: texts found by the words they share with a query, without any server."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

import bm25s
import numpy as np

from xlembed.search.analysis import analyse, analyser_name, characters, is_unspaced
from xlembed.search.base import EachByItself, Hits, Rows, Scores, id_places, ranks_of, significant
from xlembed.words import Lang

PARAMETERS = {"type": "BM25", "variant": "lucene", "k1": 1.2, "b": 0.75}
"""Robertson et al. 1994, "Okapi at TREC-3", with Lucene's idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never
negative (Kamphuis et al. 2020, "Which BM25 do you mean?"); the same k1 and b as on the server."""
LIBRARIES = ("bm25s", "PyStemmer", "regex")
SCHEME = 2
"""Raised when the same words come to mean other scores."""
REMEMBERED = 4096
"""Rankings that are kept: a query's full ranks are asked for right after its search."""


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
    shares no word with the query (score 0) is not retrieved. The full ranking is known. A word of one letter in a
    script without spaces, which texts hold as pairs of letters, is looked for in the texts' letters.

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
            self._parts[lang] = _part(rows, [analyse(documents[row], lang) for row in rows])
        self._ranking = lru_cache(maxsize=REMEMBERED)(self._rank)

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
            found, score = self._ranking(query, lang)
            n = min(width, len(found))
            rows[i, :n], scores[i, :n] = found[:n], score[:n]
            ties[i] = int((score[width:] == score[width - 1]).sum()) if 0 < width < len(score) else 0
        return Hits(rows, scores, ties)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `retrieval.searcher.Searcher.full_ranks`."""
        return ranks_of([self._ranking(query, lang)[0] for query in queries], rows)

    def _rank(self, query: int, lang: Lang | None) -> tuple[Rows, Scores]:
        """Rows and scores of all that shares a word, in order."""
        langs = list(self._parts) if lang is None else [lang] if lang in self._parts else []
        found = []
        for name in langs:
            words = analyse(self._queries[query], name)
            letters = [word for word in words if len(word) == 1 and is_unspaced(word)]
            found.append(self._parts[name].scores([word for word in words if word not in letters]))
            if letters:
                found.append(self._letters_of(name).scores(letters))
        if not found:
            return np.empty(0, dtype=np.int64), np.empty(0)
        rows, places = np.unique(np.concatenate([rows for rows, _ in found]), return_inverse=True)
        total = np.bincount(places, np.concatenate([scores for _, scores in found]), len(rows))
        scores = significant(total.astype(np.float64))
        order = np.lexsort((self._places[rows], -scores))
        return rows[order], scores[order]

    def _letters_of(self, lang: Lang) -> _Part:
        """Made when it is first asked for: few queries have such words."""
        if lang not in self._letters:
            rows = self._rows[lang]
            self._letters[lang] = _part(rows, [characters(self._documents[row], lang) for row in rows])
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

    def scores(self, words: Sequence[str]) -> tuple[Rows, Scores]:
        """Rows that share a word, and their scores."""
        known = self.index.get_tokens_ids(list(words)) if self.index else []
        if self.index is None or not known:
            return np.empty(0, dtype=np.int64), np.empty(0)
        scores = self.index.get_scores_from_ids(known)
        shares = np.flatnonzero(scores > 0)
        return self.rows[shares], scores[shares].astype(np.float64)


def _part(rows: Sequence[int], words: Sequence[list[str]]) -> _Part:
    """Documents without words count neither as documents nor for the mean length, as in Lucene."""
    some = [i for i, found in enumerate(words) if found]
    if not some:
        return _Part(np.empty(0, dtype=np.int64), None)
    index = bm25s.BM25(
        k1=PARAMETERS["k1"], b=PARAMETERS["b"], method=str(PARAMETERS["variant"]), dtype="float64"
    )
    index.index([words[i] for i in some], create_empty_token=False, show_progress=False)
    return _Part(np.array([rows[i] for i in some], dtype=np.int64), index)
