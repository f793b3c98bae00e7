"""Names and numbers of scores in MLflow: macros with their intervals, headline measures per language."""

from __future__ import annotations

from collections.abc import Iterable

from xlembed.stats.score_rows import Estimate, IndexFidelity, Truncations
from xlembed.words import Mode, Pool

PER_LANGUAGE = frozenset({"accuracy@1", "accuracy@10", "MRR@10", "nDCG@10", "recall@10"})
"""Measures recorded per language; macros have them all, single pairs are a table."""
SHORT = {Mode.MONOLINGUAL: "mono", Mode.CROSS_LINGUAL: "cross"}


def score_metrics(rows: Iterable[Estimate]) -> dict[str, float]:
    """`mono/accuracy@1`, `true_cross/all/nDCG@10/ci_low`, `cross/de/...`."""
    metrics: dict[str, float] = {}
    for row in rows:
        prefix = _prefix(row)
        if not row.is_macro:
            if row.kind not in SHORT or row.measure not in PER_LANGUAGE:
                continue
            prefix += f"/{row.doc_lang}"
        metrics |= _with_ends(prefix if row.measure == row.kind else f"{prefix}/{row.measure}", row)
    return metrics


def truncation_metrics(cut: Truncations | None) -> dict[str, float]:
    """`truncation/documents/en/share_cut` (of texts) and `.../share_lost` (of tokens); nothing without a limit."""
    metrics = {}
    for kind, by_language in (cut.by_kind() if cut else {}).items():
        for lang, of in by_language.items():
            metrics[f"truncation/{kind}/{lang}/share_cut"] = of.share_cut
            metrics[f"truncation/{kind}/{lang}/share_lost"] = of.share_lost
    return metrics


def index_metrics(found: IndexFidelity | None) -> dict[str, float]:
    """What an index costs: macros as `index_loss/mono/accuracy@1`, recall as `index/recall@10`, with ends.

    Recall in the pool of all documents is `index/...`, of single languages' pools `index/target/...`; what did not go
    through the index has no metric.
    """
    metrics: dict[str, float] = {}
    for row in found.loss if found else ():
        if row.is_macro:
            metrics |= _with_ends(f"index_loss/{_prefix(row)}/{row.measure}", row)
    for row in found.recall if found else ():
        if row.query_lang is None:
            prefix = "index" if row.pool == Pool.ALL else "index/target"
            metrics |= _with_ends(f"{prefix}/{row.measure}", row)
    return metrics


def _prefix(row: Estimate) -> str:
    if row.kind == Mode.TRUE_CROSS_LINGUAL:
        return f"true_cross/{row.pool}"
    return SHORT[Mode(row.kind)] if row.kind in SHORT else row.kind


def _with_ends(name: str, row: Estimate) -> dict[str, float]:
    ends = (
        {}
        if row.interval is None
        else {f"{name}/ci_low": row.interval[0], f"{name}/ci_high": row.interval[1]}
    )
    return {name: row.value, **ends}
