"""Does a variant of a model mend what the model loses across languages, at no cost within them?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.data.task import Alignment
from xlembed.measures import Measure, parse_measure
from xlembed.stats.compared import Paired
from xlembed.stats.conditions import Margins
from xlembed.stats.margins import Status
from xlembed.words import Mode, Pool


@dataclass(frozen=True)
class Change:
    """A macro score with the variant minus the one without it, and its unadjusted 95 % interval."""

    value: float
    ci_low: float | None
    ci_high: float | None

    def to_json(self) -> dict[str, float | None]:
        """Rounded."""
        return {key: None if end is None else round(end, 6) for key, end in vars(self).items()}


@dataclass(frozen=True)
class Effect:
    """What a variant does under one measure: gain and cost at the same k.

    Attributes:
        measure: its name.
        monolingual: whether a fall of the margin is excluded.
        cross_lingual: likewise.
        true_cross: whether the score across languages, pool = all, rises (Holm).
        must_rise: whether mending needs that; else the measure is looked at for its cost only.
        cost: of cross_lingual; None without units.
        gain: of true_cross, pool = all; likewise.
    """

    measure: str
    monolingual: Status
    cross_lingual: Status
    true_cross: Status
    must_rise: bool = True
    cost: Change | None = None
    gain: Change | None = None

    @property
    def kept(self) -> set[Status]:
        """What is said of the scores within languages; one that cannot change says nothing."""
        return {self.monolingual, self.cross_lingual} - {Status.NOT_APPLICABLE}


@dataclass(frozen=True)
class Remedy:
    """What a variant does to the model it is a variant of.

    Attributes:
        variant: its name.
        base: the model's.
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
                "cost": None if of.cost is None else of.cost.to_json(),
                "gain": None if of.gain is None else of.gain.to_json(),
                "share_mended": None if self.share_mended is None else round(self.share_mended, 6),
                "searches": self.searches,
                "mends": self.mends,
                "reason": self.reason,
            }
            for of in self.effects
        ]


def judging_measures(alignment: Alignment, primary: Measure, columns: Collection[str]) -> list[Measure]:
    """By which measures a remedy must raise the score across languages.

    On a parallel task every language has an answer for the first place: the primary measure decides. On a comparable
    one as many languages compete for it as there are, and only one has the answer: accuracy@10 and MRR@10 decide.

    Args:
        alignment: of the task.
        primary: `compare.primary_measure`.
        columns: of the units; measures that were not evaluated cannot judge.
    """
    if alignment is Alignment.PARALLEL:
        return [primary]
    return [m for name in ("accuracy@10", "MRR@10") if (m := parse_measure(name)).column in columns] or [
        primary
    ]


def remedies(
    rows: Sequence[Paired],
    judging: Sequence[Measure],
    losses: Mapping[str, float | None],
    not_judged: Mapping[str, str],
    margins: Margins,
    searches: Mapping[str, int] | None = None,
) -> list[Remedy]:
    """One per variant that was tested against its model, from the macros of the paired tests.

    Args:
        rows: variant (A) minus model (B), one family over all variants per measure; a measure beside those of
            `judging` is looked at for its cost.
        judging: by which the score across languages must rise.
        losses: model or variant -> loss_strong.
        not_judged: model or variant -> why it is not; with nothing to lose nothing is mended.
        margins: `mono` of them.
        searches: variant -> filtered searches per query.
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
                _effect(measure, of, measure in wanted, margins.mono) for measure, of in by_measure.items()
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
) -> Effect:
    mono = of.get((str(Mode.MONOLINGUAL), str(Pool.TARGET)))
    cross = of.get((str(Mode.CROSS_LINGUAL), str(Pool.ALL)))
    across = of.get((str(Mode.TRUE_CROSS_LINGUAL), str(Pool.ALL)))
    return Effect(
        measure,
        _kept(mono, margin),
        _kept(cross, margin),
        _rises(across),
        must_rise,
        _change(cross),
        _change(across),
    )


def _change(row: Paired | None) -> Change | None:
    return None if row is None else Change(row.difference, row.ci_low, row.ci_high)


def _kept(row: Paired | None, margin: float) -> Status:
    """Whether the unadjusted interval excludes a fall of the margin; a score that does not change is no evidence."""
    if row is None or not row.n_discordant:
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
