"""One search as an application does it: everything shown comes from the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xlembed.models.rescoring import Rescored
from xlembed.search.base import SCORE_DECIMALS, Hits, id_places
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import MOST, knn_clause, msearch
from xlembed.search.elastic.layout import ORIGINAL, VECTOR, text_field
from xlembed.search.remedied import merge
from xlembed.words import Lang, UserError, Vectors


def nearest(server: Server, index: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The nearest documents, best first; equal scores in the order of their ids. `body` is from `request`.

    Returns:
        Per document: rank, score (cosine as the server computed it), doc_id, lang, text, group.

    Raises:
        UserError: the server refuses, or answers in part.
    """
    return _numbered(_asked(server, index, [body])[0])


def nearest_merged(
    server: Server, index: str, bodies: Sequence[Mapping[str, Any]], rescored: Rescored, k: int
) -> list[dict[str, Any]]:
    """The rankings of several languages, asked for in one request (a body of `request` each), as one.

    Returns:
        As `nearest`, k of them; `score` is the one that decided.

    Raises:
        UserError: as `nearest`.
    """
    found = _asked(server, index, bodies)
    documents = [hit for of in found for hit in of]
    starts = np.cumsum([0, *map(len, found)])
    hits = [
        Hits(
            np.arange(start, start + len(of))[None],
            np.array([[hit["score"] for hit in of]], dtype=np.float64).round(SCORE_DECIMALS),
            np.zeros(1, dtype=np.int64),
        )
        for start, of in zip(starts, found, strict=False)
    ]
    best = merge(hits, rescored, id_places([hit["doc_id"] for hit in documents]), min(k, len(documents)))
    return _numbered(
        [
            {**documents[row], "score": float(score)}
            for row, score in zip(best.rows[0], best.scores[0], strict=True)
            if row >= 0
        ]
    )


def _numbered(hits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"rank": rank, **hit} for rank, hit in enumerate(hits, 1)]


def _asked(server: Server, index: str, bodies: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
    searches = [part for body in bodies for part in ({}, {**body, "track_total_hits": False})]
    return [_read(answer) for answer in msearch(server, index, searches, parts=None, advice="try again")]


def _read(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    hits = [(2 * hit["_score"] - 1, hit["_source"]) for hit in answer["hits"]["hits"]]
    hits.sort(key=lambda hit: (-round(hit[0], 6), hit[1]["id"]))
    return [
        {
            "score": score,
            "doc_id": source["id"],
            "lang": source["lang"],
            "text": source.get(ORIGINAL) or source.get(text_field(source["lang"]), ""),
            "group": source.get("group", ""),
        }
        for score, source in hits
    ]


def request(
    query: Vectors, k: int, lang: Lang | None, *, num_candidates: int = 100, oversample: float | None = None
) -> dict[str, Any]:
    """The body of a search for the nearest of a vector, as any client may send it to the alias.

    The query is float32, shape (dim,), of unit length; candidates, per shard, are raised to k where they are fewer, and
    `oversample` are those rescored per wanted one, for quantised types (None leaves it to the index).

    Raises:
        UserError: more documents are wanted than a search gives.
    """
    if k > MOST:
        raise UserError(f"{k:,} documents are wanted, Elasticsearch gives at most {MOST:,}")
    vector = np.asarray(query, dtype=np.float32).tolist()
    knn = knn_clause(vector, k, lang, num_candidates, oversample)
    return {"knn": knn, "size": k, "_source": {"excludes": [VECTOR]}}
