"""One search as an application does it: everything shown comes from the server."""

from __future__ import annotations

from typing import Any

import numpy as np
from elastic_transport import TransportError
from elasticsearch import ApiError

from xlembed.index.elastic.connection import Server, refusal
from xlembed.index.elastic.engine import MOST
from xlembed.index.elastic.layout import VECTOR, text_field
from xlembed.types import Lang, UserError, Vectors


def nearest(
    server: Server,
    index: str,
    query: Vectors,
    *,
    k: int,
    lang: Lang | None = None,
    num_candidates: int = 100,
    oversample: float | None = None,
) -> list[dict[str, Any]]:
    """The k nearest documents, best first; equal scores in the order of their ids.

    Args:
        server: where.
        index: name of the index.
        query: float32, shape (dim,), unit length.
        k: documents wanted.
        lang: only documents of this language.
        num_candidates: per shard; raised to k where it is smaller.
        oversample: rescored candidates per wanted one, for quantised types; None leaves it to the index.

    Returns:
        Per document: rank, score (cosine as the server computed it), doc_id, lang, text, group.

    Raises:
        UserError: the server refuses, or answers in part.
    """
    body = request(query, k, lang, num_candidates=num_candidates, oversample=oversample)
    try:
        answer = server.client.search(
            index=index, knn=body["knn"], size=k, source=body["_source"], track_total_hits=False
        ).body
    except (ApiError, TransportError) as error:
        raise refusal(error, server.url) from None
    if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
        raise UserError(f"{server.url}: the search of {index} timed out or missed a shard; try again")
    hits = [(2 * hit["_score"] - 1, hit["_source"]) for hit in answer["hits"]["hits"]]
    hits.sort(key=lambda hit: (-round(hit[0], 6), hit[1]["id"]))
    return [
        {
            "rank": rank,
            "score": score,
            "doc_id": source["id"],
            "lang": source["lang"],
            "text": source.get(text_field(source["lang"]), ""),
            "group": source.get("group", ""),
        }
        for rank, (score, source) in enumerate(hits, 1)
    ]


def request(
    query: Vectors, k: int, lang: Lang | None, *, num_candidates: int = 100, oversample: float | None = None
) -> dict[str, Any]:
    """The body of that search, as any client may send it to the alias.

    Raises:
        UserError: more documents are wanted than a search gives.
    """
    if k > MOST:
        raise UserError(f"{k:,} documents are wanted, Elasticsearch gives at most {MOST:,}")
    knn: dict[str, Any] = {
        "field": VECTOR,
        "query_vector": np.asarray(query, dtype=np.float32).tolist(),
        "k": k,
        "num_candidates": min(MOST, max(num_candidates, k)),
    }
    if oversample is not None:
        knn["rescore_vector"] = {"oversample": min(oversample, MOST / k)}
    if lang is not None:
        knn["filter"] = {"term": {"lang": lang}}
    return {"knn": knn, "size": k, "_source": {"excludes": [VECTOR]}}
