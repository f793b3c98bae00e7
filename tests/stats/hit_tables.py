"""Units made in memory: who finds what, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from xlembed.measures import parse_measure

HIT = parse_measure("accuracy@1")


def units(hits: Mapping[str, list[float]], mode: str = "cross_lingual", pool: str = "all") -> pd.DataFrame:
    """`en` or `en->de` -> hits of needs n0, n1, ...; a need is a cluster."""
    rows = []
    for pair, values in hits.items():
        query_lang, _, doc_lang = pair.partition("->")
        rows += [
            {
                "query_id": f"n{i}-{query_lang}",
                "need_id": f"n{i}",
                "cluster": f"n{i}",
                "query_lang": query_lang,
                "doc_lang": doc_lang or query_lang,
                "mode": mode,
                "pool": pool,
                "hit@1": value,
            }
            for i, value in enumerate(values)
        ]
    return pd.DataFrame(rows)


def hits(n: int, right: int) -> list[float]:
    return [1.0] * right + [0.0] * (n - right)
