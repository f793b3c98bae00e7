"""The few scores of an evaluation that MLflow shows as metrics, and their names; scores.json holds all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from xlembed.stats.score_rows import Estimate, IndexFidelity
from xlembed.words import Mode, Pool

HEADLINE = 15
"""Scores, each with both ends of its interval: what a person can look through in the MLflow UI."""
SECOND, THIRD, RECALL = "MRR@10", "accuracy@10", "recall@10"
_ORDER: dict[str, int] = {kind: number for number, kind in enumerate(Mode)}
SHORT = {Mode.MONOLINGUAL: "mono", Mode.CROSS_LINGUAL: "cross"}


def headline_metrics(
    rows: Iterable[Estimate], primary: str, fidelity: IndexFidelity | None
) -> dict[str, float]:
    """At most 15 scores as `mono/accuracy@1`, `true_cross/all/accuracy@1/ci_low`, `index_loss/cross/accuracy@1` ...

    The four macros of the primary measure come first, then what an index costs where it was exercised, then MRR@10,
    the two losses, accuracy@10 and the language bias.

    Args:
        rows: all scores of the evaluation.
        primary: name of the primary measure.
        fidelity: of the index, if there is one on a server.
    """
    macros = [row for row in rows if row.is_macro]
    named = dict(_by_weight(macros, primary, fidelity))
    return {
        key: value
        for name, row in islice(named.items(), HEADLINE)
        for key, value in _with_ends(name, row).items()
    }


def _by_weight(
    macros: Iterable[Estimate], primary: str, fidelity: IndexFidelity | None
) -> Iterator[tuple[str, Estimate]]:
    """Names and scores, the weightiest first."""
    four, others = _of_modes(macros), [row for row in macros if row.kind not in set(Mode)]
    yield from four.get(primary, {}).items()
    if fidelity is not None:
        yield from (
            ("index/" + r.measure, r) for r in fidelity.recall if _is_pool_of_all(r) and r.measure == RECALL
        )
        lost = _of_modes(row for row in fidelity.loss if row.is_macro)
        yield from ((f"index_loss/{name}", row) for name, row in lost.get(primary, {}).items())
    yield from four.get(SECOND, {}).items()
    for row in others:
        if row.kind in ("loss_strong", "loss_weak") and row.measure == primary:
            yield f"{row.kind}/{row.measure}", row
    yield from four.get(THIRD, {}).items()
    yield from (("language_bias", row) for row in others if row.kind == "language_bias")


def _of_modes(macros: Iterable[Estimate]) -> Mapping[str, dict[str, Estimate]]:
    """Measure -> name -> macro average of a mode and pool, `mono` first: the UI keeps the order."""
    found: dict[str, dict[str, Estimate]] = {}
    for row in sorted(macros, key=lambda row: (_ORDER.get(row.kind, 0), row.pool or "")):
        if row.kind in SHORT:
            found.setdefault(row.measure, {})[f"{SHORT[Mode(row.kind)]}/{row.measure}"] = row
        elif row.kind == Mode.TRUE_CROSS_LINGUAL:
            found.setdefault(row.measure, {})[f"true_cross/{row.pool}/{row.measure}"] = row
    return found


def _is_pool_of_all(row: Estimate) -> bool:
    return row.query_lang is None and row.pool == Pool.ALL


def _with_ends(name: str, row: Estimate) -> dict[str, float]:
    ends = (
        {}
        if row.interval is None
        else {f"{name}/ci_low": row.interval[0], f"{name}/ci_high": row.interval[1]}
    )
    return {name: row.value, **ends}
