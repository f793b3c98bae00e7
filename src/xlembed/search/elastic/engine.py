"""Search on the server: it finds candidates, float64 scores of the stored vectors decide, as everywhere."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from xlembed.search.base import (
    Hits,
    Rows,
    Scores,
    exact_scores,
    id_places,
    nothing_found,
    ranks_of,
    stack,
    top_k,
)
from xlembed.search.elastic.connection import Server, cause
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.layout import VECTOR
from xlembed.search.elastic.trouble import Trouble, ask, judge, pauses
from xlembed.words import Lang, UserError, Vectors

MOST = 10_000
"""Documents that one search can fetch (index.max_result_window, and the limit of num_candidates)."""
MARGIN = 32
"""Candidates fetched beyond k, because the server's scores may swap or merge near neighbours."""
SLACK = 5e-6
"""More than float32 scores squeezed into 0..1 can be off."""
NO_ROWS: Rows = np.empty(0, dtype=np.int64)
ZERO_SCORE = -2.0
"""Of a document without a direction, see `exact_scores`."""
BATCH = 64
"""Searches in one request."""
CONCURRENT = 4
TOO_LONG = ("too many clauses", "maxClauseCount")
"""What servers say of a query with too many words, each of which is looked for in the field of every language."""
ANSWER_PARTS = "responses.status,responses.error,responses.timed_out,responses._shards.failed," + (
    "responses.hits.hits._score,responses.hits.hits.fields"
)
"""Of each answer, what is read: the rest is most of the bytes."""

Search = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Header and body, as msearch takes them."""
Plan = Generator[list[Search], list[Mapping[str, Any]], Hits]
"""A search as a conversation: it yields the searches of a round, is sent their answers, and returns what was found.

So that searches of different kinds can share their requests (`converse`)."""


Q = TypeVar("Q", Vectors, Sequence[int])


class Planned(ABC, Generic[Q]):
    """A search on a server that is carried out as a plan, a batch of queries at a time."""

    server: Server
    name: str
    header: ClassVar[Mapping[str, Any]] = {}
    """Of each search, beside the index."""
    ties = "score", "use --index exact"
    """What is equal where more documents tie than can be fetched, and what to do."""

    @abstractmethod
    def plan(self, queries: Q, k: int, lang: Lang | None = None) -> Plan:
        """The conversation that finds the k best of each query."""

    @abstractmethod
    def request(self, query: Any, k: int, lang: Lang | None) -> dict[str, Any]:
        """Body of one search."""

    @abstractmethod
    def order(
        self, queries: Q, answers: Sequence[Mapping[str, Any]], fetch: int, k: int
    ) -> tuple[Hits, bool]:
        """The k best of what was fetched, and whether a document left behind might tie with the last of them."""

    def widening(self, queries: Q, k: int, lang: Lang | None, size: int, margin: int) -> Plan:
        """Fetch and order; more where something left behind might tie. `size`: of the pool.

        Raises:
            UserError: more is wanted, or ties, than a search gives.
        """
        k = min(k, size)
        check_depth(k)
        fetch = min(k + margin, size, MOST)
        if not len(queries) or not fetch:
            return nothing_found(len(queries))
        while True:
            header = {"index": self.name, **self.header}
            answers = yield [(header, self.request(query, fetch, lang)) for query in queries]
            hits, may_tie = self.order(queries, answers, fetch, k)
            if fetch >= size or not may_tie:
                return hits
            if fetch == MOST:
                same, advice = self.ties
                raise UserError(
                    f"more than {MOST:,} documents have the same {same}, more than Elasticsearch can fetch; {advice}"
                )
            fetch = min(2 * fetch, size, MOST)

    def search(self, queries: Q, k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`; equal scores in `doc_id` order.

        Raises:
            UserError: the server refuses or answers in part, or k is more than it can fetch.
        """
        return self.search_each(queries, k, (lang,))[0]

    def search_each(self, queries: Q, k: int, langs: Sequence[Lang | None]) -> list[Hits]:
        """See `Search.search_each`: one request holds the searches of all languages for a batch of queries.

        Raises:
            UserError: as `search`.
        """
        batches = [queries[i : i + BATCH] for i in range(0, len(queries), BATCH)]
        found = [converse(self.server, [self.plan(batch, k, lang) for lang in langs]) for batch in batches]
        return [stack(parts) for parts in zip(*found, strict=True)] or [nothing_found(0) for _ in langs]


class ElasticIndex(Planned[Vectors]):
    """A complete index on a server, searched by vector.

    Without a graph (`flat`) nothing can be missed as long as a search can fetch the whole pool, and `exact` says so.

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
        self.server, self.name = server, name
        self.doc_ids = doc_ids
        self._vectors = vectors
        self._candidates, self._oversample, self._margin = num_candidates, oversample, margin
        self._row_of = {doc_id: row for row, doc_id in enumerate(doc_ids)}
        self._place = id_places(doc_ids)
        directed = np.array([bool(row.any()) for row in vectors]) if len(vectors) else np.empty(0, dtype=bool)
        self._pools: dict[Lang | None, tuple[Rows, Rows]] = {}
        by_id = np.argsort(self._place)
        for lang in (None, *sorted(set(langs))):
            pool = by_id if lang is None else by_id[np.asarray(langs)[by_id] == lang]
            self._pools[lang] = pool[directed[pool]], pool[~directed[pool]]
        self._sizes: dict[Lang | None, int] = {lang: len(pool[0]) for lang, pool in self._pools.items()}
        self._graph = find_type(type).graph
        self.exact = not self._graph and self._sizes[None] <= MOST

    def exercised(self, k: int, lang: Lang | None = None) -> bool:
        """Whether a search goes through the graph: a pool of at most num_candidates is scanned, so nothing is lost."""
        return self._graph and self._sizes.get(lang, 0) > max(self._candidates, k + self._margin)

    def full_ranks(self, queries: Vectors, rows: Sequence[Rows], lang: Lang | None = None) -> list[Rows]:
        """See `Search.full_ranks`: fetches the whole pool."""
        if not self.exact:
            raise NotImplementedError("an approximate index does not know the full ranking")
        hits = self.search(queries, sum(map(len, self._pools.get(lang, ()))), lang)
        return ranks_of(hits.rows, rows)

    def plan(self, queries: Vectors, k: int, lang: Lang | None = None) -> Plan:
        """Ask the server for what has a direction; the rest has its place by rule, see `ExactIndex`."""
        asked = np.flatnonzero(np.asarray(queries).any(axis=1))
        hits = yield from self.widening(queries[asked], k, lang, self._sizes.get(lang, 0), self._margin)
        return self._complete(hits, asked, len(queries), k, lang)

    def _complete(self, found: Hits, asked: Rows, n_queries: int, k: int, lang: Lang | None) -> Hits:
        """Zero vectors are not indexed: as documents they rank behind all others, as queries they score all alike."""
        directed, zero = self._pools.get(lang, (NO_ROWS, NO_ROWS))
        everything = np.concatenate([directed, zero])
        flat = np.where(np.arange(len(everything)) < len(directed), 0.0, ZERO_SCORE)
        k = min(k, len(everything))
        if k == 0:
            return nothing_found(n_queries)
        rows, scores = np.tile(everything[:k], (n_queries, 1)), np.tile(flat[:k], (n_queries, 1))
        ties = np.full(n_queries, int((flat[k:] == flat[k - 1]).sum()), dtype=np.int64)
        width = min(found.rows.shape[1], k)
        rows[asked, :width], scores[asked, :width] = found.rows[:, :width], found.scores[:, :width]
        if width == k:
            ties[asked] = found.boundary_ties
        elif width:  # behind a ranking with gaps nothing is appended: the graph missed what comes before
            gaps = asked[found.rows[:, -1] < 0]
            rows[gaps, width:], scores[gaps, width:], ties[gaps] = -1, -np.inf, 0
        return Hits(rows, scores, ties)

    def order(
        self, queries: Vectors, answers: Sequence[Mapping[str, Any]], fetch: int, k: int
    ) -> tuple[Hits, bool]:
        """Candidates scored in float64, ties by id; a graph may have found fewer than k, and nothing ties behind it."""
        where = f"{self.server.url}: {self.name}"
        rows, coarse = read_hits(answers, fetch, self._row_of, where)
        if not self._graph and (rows < 0).any():
            raise UserError(f"{where} gave fewer documents than it holds; is it still loading?")
        rows = np.take_along_axis(rows, id_order_of(rows, self._place), axis=1)
        scores = np.stack(
            [
                exact_scores(q[None], self._vectors[np.maximum(r, 0)])[0]
                for q, r in zip(queries, rows, strict=True)
            ]
        )
        scores[rows < 0] = -np.inf
        hits = best(scores, rows, k)
        # What was not fetched scores at most as the last one that was.
        lowest = 2 * coarse[:, -1] - 1
        return hits, not self._graph and bool((lowest >= hits.scores[:, -1] - SLACK).any())

    def request(self, query: Vectors, k: int, lang: Lang | None) -> dict[str, Any]:
        """Body of one search."""
        vector = np.ascontiguousarray(query, dtype=np.float32)
        return {"knn": knn_clause(vector, k, lang, self._candidates, self._oversample), **ids_only(k)}


def id_order_of(rows: Rows, place: Rows) -> Rows:
    """The columns of each query's candidates in the order of their ids, empty ones (-1) last."""
    order: Rows = np.argsort(np.where(rows < 0, len(place), place[rows]), axis=1, kind="stable")
    return order


def best(scores: Scores, rows: Rows, k: int) -> Hits:
    """The k best of candidates in the order of ids; nothing ties with a place that is empty."""
    hits = top_k(scores, rows, k)
    full = np.isfinite(hits.scores[:, -1])
    return Hits(hits.rows, hits.scores, np.where(full, hits.boundary_ties, 0))


def knn_clause(
    vector: Any, k: int, lang: Lang | None, num_candidates: int, oversample: float | None
) -> dict[str, Any]:
    """The part of a request that searches by vector, within the server's limits; `vector` as JSON is to have it."""
    knn: dict[str, Any] = {
        "field": VECTOR,
        "query_vector": vector,
        "k": k,
        "num_candidates": min(MOST, max(num_candidates, k)),
    }
    if oversample is not None:
        knn["rescore_vector"] = {"oversample": min(oversample, MOST / k)}
    if lang is not None:
        knn["filter"] = {"term": {"lang": lang}}
    return knn


def ids_only(size: int) -> dict[str, Any]:
    """The part of a request that asks for ids and scores and nothing else."""
    return {
        "size": size,
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": ["id"],
        "track_total_hits": False,
    }


def check_depth(k: int) -> None:
    """Refuse more than a search can give.

    Raises:
        UserError: says what to lower.
    """
    if k > MOST:
        raise UserError(
            f"{k:,} documents per query are wanted, Elasticsearch gives at most {MOST:,}; lower the depth"
        )


def read_hits(
    answers: Sequence[Mapping[str, Any]], width: int, row_of: Mapping[str, int], where: str
) -> tuple[Rows, Scores]:
    """Rows and the server's scores, shape (n_answers, width); -1 and -inf where it found fewer.

    Raises:
        UserError: a document is not one of the task's.
    """
    rows = np.full((len(answers), width), -1, dtype=np.int64)
    scores = np.full(rows.shape, -np.inf)
    for i, answer in enumerate(answers):
        hits = answer.get("hits", {}).get("hits", ())
        ids = [hit["fields"]["id"][0] for hit in hits]
        try:
            rows[i, : len(ids)] = [row_of[doc_id] for doc_id in ids]
        except KeyError as error:
            raise UserError(f"{where} holds a document {error.args[0]!r} that the task has not") from None
        scores[i, : len(ids)] = [hit["_score"] for hit in hits]
    return rows, scores


def converse(server: Server, plans: Sequence[Plan]) -> list[Hits]:
    """Carry out several plans, one msearch per round for all of them together."""
    results: dict[int, Hits] = {}
    asked: dict[int, list[Search]] = {}

    def go_on(i: int, answers: list[Mapping[str, Any]] | None) -> None:
        try:
            asked[i] = next(plans[i]) if answers is None else plans[i].send(answers)
        except StopIteration as end:
            asked.pop(i, None)
            results[i] = end.value

    for i in range(len(plans)):
        go_on(i, None)
    while asked:
        round_ = dict(asked)
        searches = [part for requests in round_.values() for search in requests for part in search]
        names = sorted({header["index"] for requests in round_.values() for header, _ in requests})
        answers = iter(msearch(server, ",".join(names), searches))
        for i, requests in round_.items():
            go_on(i, list(islice(answers, len(requests))))
    return [results[i] for i in range(len(plans))]


def msearch(
    server: Server,
    index: str,
    searches: Sequence[Mapping[str, Any]],
    parts: str | None = ANSWER_PARTS,
    advice: str = "nothing was evaluated",
) -> list[Mapping[str, Any]]:
    """Answers in the order of the requests, each of them whole.

    `searches` are header and body of each, one after the other; of the answers only `parts` are wanted (None: all);
    `advice` is what to say where an answer is not whole.

    What may pass, as when the server restarts, is waited out for its `patience`.

    Raises:
        UserError: the request failed, or one of the searches failed, timed out or missed a shard: a part of an
            answer is no answer in an evaluation.
    """
    give_up, waits = time.monotonic() + server.patience, pauses()
    while True:
        answers: list[Mapping[str, Any]] = ask(
            server,
            lambda: server.client.msearch(
                index=index, searches=searches, max_concurrent_searches=CONCURRENT, filter_path=parts
            ).body["responses"],
        )
        broken = next((answer for answer in answers if not _is_whole(answer)), None)
        if broken is None:
            return answers
        status, (kind, reason) = int(broken.get("status", 503)), cause(broken)
        if time.monotonic() >= give_up or (
            "error" in broken and judge(status, kind, reason) is Trouble.FATAL
        ):
            break
        time.sleep(next(waits))
    if "error" not in broken:
        raise UserError(f"{server.url}: a search of {index} timed out or missed a shard; {advice}")
    if any(words in reason for words in TOO_LONG):
        raise UserError(
            f"{server.url}: a query has more words than the server looks for at once ({reason}; a larger heap "
            "takes more): shorten the query, or use --index exact"
        )
    raise UserError(f"{server.url}: search of {index}: {status} {kind}: {reason}")


def _is_whole(answer: Mapping[str, Any]) -> bool:
    return not ("error" in answer or answer.get("timed_out") or answer.get("_shards", {}).get("failed"))
