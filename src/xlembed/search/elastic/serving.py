"""One search as an application does it: everything shown comes from the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from elastic_transport import TransportError
from elasticsearch import ApiError

from xlembed.search.elastic.connection import Server, refusal
from xlembed.search.elastic.engine import MOST, knn_clause
from xlembed.search.elastic.layout import ORIGINAL, VECTOR, text_field
from xlembed.words import Lang, UserError, Vectors


def nearest(
    server: Server,
    index: str,
    body: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The nearest documents, best first; equal scores in the order of their ids.

    Args:
        server: where.
        index: name of the index.
        body: from `request`.

    Returns:
        Per document: rank, score (cosine as the server computed it), doc_id, lang, text, group.

    Raises:
        UserError: the server refuses, or answers in part.
    """
    try:
        answer = server.client.search(
            index=index, knn=body["knn"], size=body["size"], source=body["_source"], track_total_hits=False
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
            "text": source.get(ORIGINAL) or source.get(text_field(source["lang"]), ""),
            "group": source.get("group", ""),
        }
        for rank, (score, source) in enumerate(hits, 1)
    ]


def request(
    query: Vectors, k: int, lang: Lang | None, *, num_candidates: int = 100, oversample: float | None = None
) -> dict[str, Any]:
    """The body of such a search, as any client may send it to the alias.

    Args:
        query: float32, shape (dim,), unit length.
        k: documents wanted.
        lang: only documents of this language.
        num_candidates: per shard; raised to k where it is smaller.
        oversample: rescored candidates per wanted one, for quantised types; None leaves it to the index.

    Raises:
        UserError: more documents are wanted than a search gives.
    """
    if k > MOST:
        raise UserError(f"{k:,} documents are wanted, Elasticsearch gives at most {MOST:,}")
    vector = np.asarray(query, dtype=np.float32).tolist()
    knn = knn_clause(vector, k, lang, num_candidates, oversample)
    return {"knn": knn, "size": k, "_source": {"excludes": [VECTOR]}}
