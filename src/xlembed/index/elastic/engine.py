"""Search on the server: it finds candidates, float64 scores of the stored vectors decide, as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from elastic_transport import TransportError
from elasticsearch import ApiError

from xlembed.index.base import Hits, Rows, exact_scores, id_order, top_k
from xlembed.index.elastic.connection import Server, cause, refusal
from xlembed.index.elastic.layout import GRAPHS, VECTOR
from xlembed.types import Lang, UserError, Vectors

MOST = 10_000
"""Documents that one search can fetch (index.max_result_window, and the limit of num_candidates)."""
MARGIN = 32
"""Candidates fetched beyond k, because the server's scores may swap or merge near neighbours."""
SLACK = 5e-6
"""More than float32 scores squeezed into 0..1 can be off."""
BATCH = 64
"""Searches in one request."""
CONCURRENT = 4
ANSWER_PARTS = "responses.status,responses.error,responses.timed_out,responses._shards.failed," + (
    "responses.hits.hits._score,responses.hits.hits.fields"
)
"""Of each answer, what is read: the rest is most of the bytes."""


class ElasticIndex:
    """A complete index on a server, searched by vector.

    With type `flat` nothing can be missed as long as a search can fetch the whole pool, and `exact` says so.

    Args:
        server: where it is.
        name: of the index or its alias.
        doc_ids: all documents of the task, in its order.
        langs: their languages.
        vectors: float32, shape (n, dim), the ones that were indexed; may be memory-mapped.
        type: of the index.
        num_candidates: per shard; raised to k where it is smaller.
        oversample: rescored candidates per wanted one, for quantised types.
        margin: documents fetched beyond k; 0 asks exactly as an application does.
    """

    def __init__(
        self,
        server: Server,
        name: str,
        doc_ids: Sequence[str],
        langs: Sequence[Lang],
        vectors: Vectors,
        *,
        type: str,
        num_candidates: int,
        oversample: float | None = None,
        margin: int = MARGIN,
    ) -> None:
        self._server, self.name = server, name
        self.doc_ids = doc_ids
        self._vectors = vectors
        self._candidates, self._oversample, self._margin = num_candidates, oversample, margin
        self._row_of = {doc_id: row for row, doc_id in enumerate(doc_ids)}
        self._place = np.empty(len(doc_ids), dtype=np.int64)  # of each row, in the order of ids
        self._place[id_order(doc_ids)] = np.arange(len(doc_ids))
        directed = np.array([bool(row.any()) for row in vectors]) if len(vectors) else np.empty(0, dtype=bool)
        self._sizes: dict[Lang | None, int] = {None: int(directed.sum())}
        for lang in sorted(set(langs)):
            self._sizes[lang] = int(directed[np.asarray(langs) == lang].sum())
        self._graph = type in GRAPHS
        self.exact = type == "flat" and self._sizes[None] <= MOST

    def exercised(self, k: int, lang: Lang | None = None) -> bool:
        """Whether a search goes through the graph: a pool of at most num_candidates is scanned, so nothing is lost."""
        return self._graph and self._sizes.get(lang, 0) > max(self._candidates, k + self._margin)

    def search(self, queries: Vectors, k: int, lang: Lang | None = None) -> Hits:
        """See `VectorIndex.search`.

        Raises:
            UserError: the server refuses or answers in part, or k is more than it can fetch.
        """
        size = self._sizes.get(lang, 0)
        k = min(k, size)
        if k > MOST:
            raise UserError(
                f"{k:,} documents per query are wanted, Elasticsearch gives at most {MOST:,}; lower the depth"
            )
        fetch = min(k + self._margin, size, MOST)
        if not len(queries) or not fetch:
            shape = (len(queries), 0)
            none = np.zeros(len(queries), dtype=np.int64)
            return Hits(np.empty(shape, dtype=np.int64), np.empty(shape), none)
        parts = [self._batch(queries[i : i + BATCH], k, fetch, lang) for i in range(0, len(queries), BATCH)]
        return Hits(
            np.concatenate([p.rows for p in parts]),
            np.concatenate([p.scores for p in parts]),
            np.concatenate([p.boundary_ties for p in parts]),
        )

    def full_ranks(self, queries: Vectors, rows: Sequence[Rows], lang: Lang | None = None) -> list[Rows]:
        """See `VectorIndex.full_ranks`: fetches the whole pool."""
        if not self.exact:
            raise NotImplementedError("an approximate index does not know the full ranking")
        hits = self.search(queries, self._sizes.get(lang, 0), lang)
        ranks = []
        for ranking, wanted in zip(hits.rows, rows, strict=True):
            rank_of = {int(row): rank for rank, row in enumerate(ranking, 1)}
            # A zero vector is not indexed and ranks behind everything.
            ranks.append(np.array([rank_of.get(int(r), len(ranking) + 1) for r in wanted], dtype=np.int64))
        return ranks

    def _batch(self, queries: Vectors, k: int, fetch: int, lang: Lang | None) -> Hits:
        """Fetch and score again; wider where a document left behind might tie with the last one."""
        size = self._sizes.get(lang, 0)
        while True:
            rows, coarse = self._fetch(queries, fetch, lang)
            hits = self._decide(queries, rows, k)
            if fetch >= size or self._graph:
                return hits
            # What was not fetched scores at most as the last one that was.
            unsafe = coarse[:, -1] >= hits.scores[:, -1] - SLACK
            if not unsafe.any():
                return hits
            if fetch == MOST:
                raise UserError(
                    f"more than {MOST:,} documents have the same score, more than Elasticsearch can fetch; "
                    "use --index exact"
                )
            fetch = min(2 * fetch, size, MOST)

    def _decide(self, queries: Vectors, rows: Rows, k: int) -> Hits:
        """Candidates scored in float64, best first, ties by id; a graph may have found fewer than k."""
        order = np.argsort(np.where(rows < 0, len(self.doc_ids), self._place[rows]), axis=1, kind="stable")
        rows = np.take_along_axis(rows, order, axis=1)
        scores = np.stack(
            [
                exact_scores(q[None], self._vectors[np.maximum(r, 0)])[0]
                for q, r in zip(queries, rows, strict=True)
            ]
        )
        scores[rows < 0] = -np.inf
        hits = top_k(scores, rows, k)
        full = np.isfinite(hits.scores[:, -1])
        return Hits(hits.rows, hits.scores, np.where(full, hits.boundary_ties, 0))

    def _fetch(
        self, queries: Vectors, fetch: int, lang: Lang | None
    ) -> tuple[Rows, np.ndarray[Any, np.dtype[np.float64]]]:
        """Rows and cosines as the server has them, shape (n_queries, fetch); -1 and -inf where it found fewer."""
        rows = np.full((len(queries), fetch), -1, dtype=np.int64)
        scores = np.full(rows.shape, -np.inf)
        searches: list[Mapping[str, Any]] = []
        for query in queries:
            searches += [{}, self.request(query, fetch, lang)]
        answers = msearch(self._server, self.name, searches)
        for i, answer in enumerate(answers):
            hits = answer.get("hits", {}).get("hits", ())
            ids = [hit["fields"]["id"][0] for hit in hits]
            try:
                rows[i, : len(ids)] = [self._row_of[doc_id] for doc_id in ids]
            except KeyError as error:
                raise UserError(
                    f"{self._server.url}: {self.name} holds a document {error.args[0]!r} that the task has not"
                ) from None
            scores[i, : len(ids)] = [2 * hit["_score"] - 1 for hit in hits]
        if not self._graph and (rows < 0).any():
            raise UserError(
                f"{self._server.url}: {self.name} gave fewer documents than it holds; is it still loading?"
            )
        return rows, scores

    def request(self, query: Vectors, k: int, lang: Lang | None) -> dict[str, Any]:
        """Body of one search."""
        knn: dict[str, Any] = {
            "field": VECTOR,
            "query_vector": np.ascontiguousarray(query, dtype=np.float32),
            "k": k,
            "num_candidates": min(MOST, max(self._candidates, k)),
        }
        if self._oversample:
            knn["rescore_vector"] = {"oversample": min(self._oversample, MOST / k)}
        if lang is not None:
            knn["filter"] = {"term": {"lang": lang}}
        return {"knn": knn, **ids_only(k)}


def ids_only(size: int) -> dict[str, Any]:
    """The part of a request that asks for ids and scores and nothing else."""
    return {
        "size": size,
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": ["id"],
        "track_total_hits": False,
    }


def msearch(server: Server, index: str, searches: Sequence[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Answers in the order of the requests, each of them whole.

    Raises:
        UserError: the request failed, or one of the searches failed, timed out or missed a shard: a part of an
            answer is no answer in an evaluation.
    """
    try:
        answers: list[Mapping[str, Any]] = server.client.msearch(
            index=index, searches=searches, max_concurrent_searches=CONCURRENT, filter_path=ANSWER_PARTS
        ).body["responses"]
    except (ApiError, TransportError) as error:
        raise refusal(error, server.url) from None
    for answer in answers:
        if "error" in answer:
            kind, reason = cause(answer)
            raise UserError(f"{server.url}: search of {index}: {answer.get('status')} {kind}: {reason}")
        if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
            raise UserError(
                f"{server.url}: a search of {index} timed out or missed a shard; nothing was evaluated"
            )
    return answers
