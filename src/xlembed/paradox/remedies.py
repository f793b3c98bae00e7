"""Does a variant of a model mend what the model loses across languages, at no cost within them?

Which remedy to switch on is chosen on one half of the clusters, and reported on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlembed.data.task import Alignment
from xlembed.files import rounded
from xlembed.measures import Measure, parse_measure
from xlembed.models.rescoring import parse_rescored
from xlembed.show.text import interval_text, points
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.compared import Paired
from xlembed.stats.comparison import Evaluated, compare_models, supported
from xlembed.stats.conditions import Margins
from xlembed.stats.margins import Status
from xlembed.words import Mode, Pool


@dataclass(frozen=True)
class Effect:
    """What a variant does under one measure: gain and cost at the same k.

    Attributes:
        monolingual: whether a fall of the margin is excluded; likewise cross_lingual.
        true_cross: whether the score across languages, pool = all, rises (Holm).
        must_rise: whether mending needs that; else the measure is looked at for its cost only.
        cost: of cross_lingual, with its unadjusted 95 % interval; None without units.
        gain: of true_cross, pool = all; likewise.
    """

    measure: str
    monolingual: Status
    cross_lingual: Status
    true_cross: Status
    must_rise: bool = True
    cost: Paired | None = None
    gain: Paired | None = None

    @property
    def kept(self) -> set[Status]:
        """What is said of the scores within languages; one that cannot change says nothing."""
        return {self.monolingual, self.cross_lingual} - {Status.NOT_APPLICABLE}


@dataclass(frozen=True)
class Remedy:
    """What a variant does to the model it is a variant of.

    Attributes:
        effects: one per measure that judges it.
        share_mended: 1 - loss_strong with / loss_strong without; None without a loss.
        reason: why it is not said whether it mends; empty: it is.
        searches: filtered searches per query in all languages; 1 for a model without a remedy.
    """

    variant: str
    base: str
    effects: tuple[Effect, ...]
    share_mended: float | None
    reason: str = ""
    searches: int = 1

    @property
    def mends(self) -> str:
        """yes, no, undecided, or not judged."""
        if self.reason:
            return "not judged"
        kept = {status for effect in self.effects for status in effect.kept}
        gains = {effect.true_cross for effect in self.effects if effect.must_rise}
        if kept <= {Status.SHOWN} and gains == {Status.SHOWN}:
            return "yes"
        return "no" if Status.VIOLATED in kept | gains else "undecided"

    def to_json(self) -> list[dict[str, Any]]:
        """A row per measure, rounded."""
        return [
            {
                "variant": self.variant,
                "base": self.base,
                "measure": of.measure,
                "monolingual": str(of.monolingual),
                "cross_lingual": str(of.cross_lingual),
                "true_cross_all": str(of.true_cross),
                "must_rise": of.must_rise,
                "cost": _change_json(of.cost),
                "gain": _change_json(of.gain),
                "share_mended": None if self.share_mended is None else round(self.share_mended, 6),
                "searches": self.searches,
                "mends": self.mends,
                "reason": self.reason,
            }
            for of in self.effects
        ]


def _change_json(row: Paired | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return dict(rounded({"value": row.difference, "ci_low": row.ci_low, "ci_high": row.ci_high}, 6))


def judging_measures(alignment: Alignment, primary: Measure, columns: Collection[str]) -> list[Measure]:
    """By which measures a remedy must raise the score across languages.

    On a parallel task every language has an answer for the first place: the primary measure decides. On a comparable
    one as many languages compete for it as there are, and only one has the answer: accuracy@10 and MRR@10 decide. A
    measure that is no column of the units cannot judge.
    """
    deeper = [m for m in map(parse_measure, ("accuracy@10", "MRR@10")) if m.column in columns]
    return [primary] if alignment is Alignment.PARALLEL or not deeper else deeper


def remedies(
    rows: Sequence[Paired],
    judging: Sequence[Measure],
    losses: Mapping[str, float | None],
    not_judged: Mapping[str, str],
    margins: Margins,
    searches: Mapping[str, int] | None = None,
) -> list[Remedy]:
    """One per variant that was tested against its model, from the macros of the paired tests.

    Rows are variant (A) minus model (B), one family over all variants per measure; by the `judging` measures the score
    across languages must rise, others are looked at for their cost. By model or variant: loss_strong, and why it is not
    judged (with nothing to lose nothing is mended); by variant: filtered searches per query.
    """
    found: dict[tuple[str, str], dict[str, dict[tuple[str, str | None], Paired]]] = {}
    for row in rows:
        if row.query_lang is None:
            found.setdefault((row.a, row.b), {}).setdefault(row.measure, {})[row.kind, row.pool] = row
    wanted = {m.name for m in judging}
    return [
        Remedy(
            variant,
            base,
            tuple(
                _effect(name, of, name in wanted, margins.mono, _keeps_order(variant, base))
                for name, of in by_measure.items()
            ),
            _mended(losses.get(variant), losses.get(base)),
            not_judged.get(variant) or not_judged.get(base, ""),
            (searches or {}).get(variant, 1),
        )
        for (variant, base), by_measure in found.items()
    ]


def _effect(
    measure: str,
    of: Mapping[tuple[str, str | None], Paired],
    must_rise: bool,
    margin: float,
    keeps_order: bool,
) -> Effect:
    mono = of.get((str(Mode.MONOLINGUAL), str(Pool.TARGET)))
    cross = of.get((str(Mode.CROSS_LINGUAL), str(Pool.ALL)))
    across = of.get((str(Mode.TRUE_CROSS_LINGUAL), str(Pool.ALL)))
    return Effect(
        measure,
        Status.NOT_APPLICABLE if keeps_order else _kept(mono, margin),
        _kept(cross, margin),
        _rises(across),
        must_rise,
        cross,
        across,
    )


def _keeps_order(variant: str, base: str) -> bool:
    """Whether only scores are merged anew, so that nothing within a language can change."""
    suffix = variant.removeprefix(f"{base}+")
    return suffix != variant and all(parse_rescored(part) is not None for part in suffix.split("+"))


def _kept(row: Paired | None, margin: float) -> Status:
    """Whether the unadjusted interval excludes a fall of the margin, also where no unit changed."""
    if row is None:
        return Status.NOT_APPLICABLE
    low, high = row.ci_low, row.ci_high
    if low is None or high is None or low <= -margin <= high:
        return Status.UNDECIDED
    return Status.SHOWN if low > -margin else Status.VIOLATED


def _rises(row: Paired | None) -> Status:
    if row is None:
        return Status.NOT_APPLICABLE
    if row.verdict == f"{row.a} better":
        return Status.SHOWN
    return Status.VIOLATED if row.verdict.endswith(" better") else Status.UNDECIDED


def _mended(with_remedy: float | None, without: float | None) -> float | None:
    return None if with_remedy is None or not without or without <= 0 else 1 - with_remedy / without


@dataclass(frozen=True)
class Choice:
    """What was tried on a model, and what became of the best.

    Attributes:
        clusters: of the half that chose, and of the half that tells.
        chosen: of those that mend on the first half the one with the highest score across languages; None: none mends.
        score: that score, on the first half.
        highest: the remedy with the highest score across languages there, whether it mends or not.
        held_out: the chosen one on the other half.
        measure: that decides between those that mend.
    """

    base: str
    n_tried: int
    clusters: tuple[int, int]
    chosen: str | None
    score: float | None
    highest: str
    held_out: Remedy | None
    measure: str

    @property
    def text(self) -> str:
        """What is chosen and what it does, in a sentence or two."""
        if self.chosen is None or self.held_out is None:
            return (
                f"{self.base}: none of {self.n_tried} remedies mends on {self.clusters[0]} clusters; the highest "
                f"{self.measure} across languages there is that of {self.highest}"
            )
        effect = self.held_out.effects[0]
        said = f"{self.base}: {self.chosen} is the best of {self.n_tried} on {self.clusters[0]} clusters"
        told = [
            f"{name} {points(change.difference)} {interval_text(change.interval, signed=True)}"
            for name, change in (("true cross, all", effect.gain), ("cross_lingual", effect.cost))
            if change is not None
        ]
        changed = f"on the other {self.clusters[1]}, {effect.measure}: {', '.join(told)}"
        return f"{said}; {changed}; mends there: {self.held_out.mends}"

    def to_json(self) -> dict[str, Any]:
        """For paradox.json."""
        return {
            "base": self.base,
            "measure": self.measure,
            "tried": self.n_tried,
            "clusters": list(self.clusters),
            "chosen": self.chosen,
            "score": None if self.score is None else round(self.score, 6),
            "highest": self.highest,
            "held_out": [] if self.held_out is None else self.held_out.to_json(),
            "text": self.text,
        }


def choose(
    base: Evaluated,
    tried: Sequence[Evaluated],
    primary: Measure,
    judging: Sequence[Measure],
    not_judged: Mapping[str, str],
    margins: Margins,
    *,
    alpha: float = 0.05,
    n_resamples: int = N_RESAMPLES,
) -> Choice:
    """Try remedies on half of the clusters, and judge the best on the other half, where nothing was chosen.

    The model, and with one remedy each, one at least, on the same units. The score across languages must rise by the
    `judging` measures, of which the first decides between those that mend; the cost in `primary` counts too.
    """
    first, second = halves(sorted(set(base.units["cluster"])))

    def tested(clusters: set[str], variants: Sequence[Evaluated]) -> list[Remedy]:
        part = [_part(m, clusters) for m in (base, *variants)]
        pairs = [(m.name, base.name) for m in variants]
        how: dict[str, Any] = {"alpha": alpha, "n_resamples": n_resamples, "pairs": pairs, "cells": False}
        found = compare_models(part, judging, primary, **how)
        return remedies(found.rows, judging, {}, not_judged, margins)

    mending = {r.variant for r in tested(first, tried) if r.mends == "yes"}
    scores = {m.name: _score(_part(m, first), judging[0]) for m in tried}
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    best = next((name for name in ranked if name in mending), None)
    chosen = [m for m in tried if m.name == best]
    return Choice(
        base.name,
        len(tried),
        (len(first), len(second)),
        best,
        scores[best] if best else None,
        ranked[0],
        tested(second, chosen)[0] if chosen else None,
        judging[0].name,
    )


def halves(clusters: Sequence[str]) -> tuple[set[str], set[str]]:
    """Clusters drawn into two halves, the same ones for every model of a task; seeded by their ids."""
    order = np.random.default_rng(cluster_seed(clusters) + 2).permutation(len(clusters))
    half = (len(clusters) + 1) // 2
    return {clusters[i] for i in order[:half]}, {clusters[i] for i in order[half:]}


def _part(model: Evaluated, clusters: set[str]) -> Evaluated:
    units = model.units[model.units["cluster"].isin(clusters)].reset_index(drop=True)
    return Evaluated(model.name, units, model.unsupported)


def _score(model: Evaluated, measure: Measure) -> float:
    """Macro score across languages, pool = all."""
    units = model.units
    units = units[(units["mode"] == Mode.TRUE_CROSS_LINGUAL) & (units["pool"] == Pool.ALL)]
    known = units[supported(units, model.unsupported)]
    return float(known.groupby(["query_lang", "doc_lang"])[measure.column].mean().mean())
