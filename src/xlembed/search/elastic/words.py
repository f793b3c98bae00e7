"""BM25 on the server: texts found by the words they share with a query."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from xlembed.search.analysis import LONE, searchable
from xlembed.search.base import Hits, Rows, id_places, ranks_of, significant
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import MARGIN, MOST, Plan, Planned, best, id_order_of, ids_only, read_hits
from xlembed.search.elastic.layout import SIMILARITY, lettered, letters_field, text_field
from xlembed.words import Lang

SCHEME = 2
"""Raised when the same words come to mean other scores."""


def words_fingerprint(analyzers: Mapping[Lang, str], server_major: int) -> str:
    """Hash of all that determines BM25 scores of given texts: an analyzer may change with the server's major version.

    >>> words_fingerprint({"de": "german"}, 8) == words_fingerprint({"de": "standard"}, 8)
    False
    """
    ingredients = {
        "scheme": SCHEME,
        "similarity": SIMILARITY,
        "analyzers": dict(analyzers),
        "server_major": server_major,
        "document": "title, new line, text",
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


class ElasticWords(Planned[Sequence[int]]):
    """The queries of a task, searched by their words in a complete index of all its texts.

    A text that shares no word with the query (score 0) is not retrieved. Scores are computed from the whole index's
    statistics, so shards do not change them. `languages` are those that have a field, `texts` those of the queries.
    """

    header: ClassVar[Mapping[str, Any]] = {"search_type": "dfs_query_then_fetch"}
    ties = "BM25 score", "lower the depth"

    def __init__(
        self,
        server: Server,
        name: str,
        doc_ids: Sequence[str],
        langs: Sequence[Lang],
        languages: Sequence[Lang],
        texts: Sequence[str],
    ) -> None:
        self.server, self.name = server, name
        self._languages, self._texts = tuple(languages), texts
        self._row_of = {doc_id: row for row, doc_id in enumerate(doc_ids)}
        self._place = id_places(doc_ids)
        self._sizes: dict[Lang | None, int] = {None: len(doc_ids)}
        self._sizes |= {lang: langs.count(lang) for lang in set(langs)}
        self.n_queries = len(texts)
        self.exact = len(doc_ids) <= MOST

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Search.full_ranks`: fetches every text that shares a word."""
        if not self.exact:
            raise NotImplementedError(f"more than {MOST:,} documents cannot be fetched")
        hits = self.search(queries, self._sizes[None], lang)
        return ranks_of(hits.rows, rows)

    def plan(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Plan:
        """Documents that share a word with each query."""
        return self.widening(queries, k, lang, self._sizes.get(lang, 0), MARGIN)

    def order(
        self, queries: Sequence[int], answers: Sequence[Mapping[str, Any]], fetch: int, k: int
    ) -> tuple[Hits, bool]:
        """By the server's scores in six digits, ties by id."""
        rows, scores = read_hits(answers, fetch, self._row_of, f"{self.server.url}: {self.name}")
        scores = significant(scores)
        lowest = scores[:, -1].copy()  # -inf where everything that matches was fetched
        order = id_order_of(rows, self._place)
        hits = best(np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1), k)
        return hits, bool((np.isfinite(lowest) & (lowest >= hits.scores[:, -1])).any())

    def request(self, query: int, size: int, lang: Lang | None) -> dict[str, Any]:
        """Body of one search: in one language's field, or in all of them, each with its own analyzer.

        Any shared word will do; a word of one letter is looked for among letters as well (`lettered`). A document has
        one field of words only, so that the best field (`best_fields`) is its only one, and what other types of
        multi_match add up or blend across fields is nothing.
        """
        text = searchable(self._texts[query])
        letters = LONE.findall(unicodedata.normalize("NFKC", text))
        common = {"operator": "or", "zero_terms_query": "none"}
        match: dict[str, Any]
        if lang is not None:
            match = {"match": {text_field(lang): {"query": text, **common}}}
        else:
            fields = [text_field(name) for name in self._languages]
            how = {"type": "best_fields", "tie_breaker": 0.0}
            match = {"multi_match": {"query": text, "fields": fields, **how, **common}}
        if letters:
            langs = lettered([lang] if lang else self._languages)
            found = [
                {"match": {letters_field(name): {"query": " ".join(letters), **common}}} for name in langs
            ]
            match = {"bool": {"should": [match, *found]}}
        return {"query": match, **ids_only(size)}
