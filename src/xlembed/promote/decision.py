"""What a gate tests and what it decided: refusals in words, typed and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlembed.measures import Measure
from xlembed.stats.evaluation import number_json
from xlembed.stats.power import Power, discordant_needed
from xlembed.stats.scores import Difference
from xlembed.words import Lang, Mode, Pool, UserError, counted

ALL = "all languages"
"""Key of the macro over every cell; no language is called so."""


class NothingToCompare(UserError):
    """No cell lies in languages that both models support."""


@dataclass(frozen=True)
class Gate:
    """What is tested, fixed before the results are seen.

    Attributes:
        measure: one column of the units.
        mode: one way of evaluating.
        pool: documents searched; monolingual is always target, cross_lingual always all.
        margin: fall of one language that is still borne, in the measure's units, > 0.
        alpha: two-sided level of all attempts together.
        strict: refuse while a fall beyond the margin is not excluded in every language.
        margin_unknown: refuse while a fall of one language beyond this is not excluded, >= margin.
    """

    measure: Measure
    mode: Mode = Mode.CROSS_LINGUAL
    pool: Pool = Pool.ALL
    margin: float = 0.03
    alpha: float = 0.05
    strict: bool = False
    margin_unknown: float = 0.15

    @property
    def searched(self) -> Pool:
        """The pool of the mode: only true_cross_lingual has a choice."""
        return {Mode.MONOLINGUAL: Pool.TARGET, Mode.CROSS_LINGUAL: Pool.ALL}.get(self.mode, self.pool)

    @property
    def name(self) -> str:
        """`accuracy@1, cross_lingual/all`."""
        return f"{self.measure.name}, {self.mode}/{self.searched}"


@dataclass(frozen=True)
class LanguageChange:
    """How one language changed.

    Attributes:
        lang: of the documents, and in true_cross_lingual of the queries (mean over its pairs).
        candidate: score, mean of the language's cells.
        champion: the same.
        difference: candidate - champion with its interval.
        p_value: one-sided, of a fall beyond the margin.
        p_adjusted: Holm over the languages.
        fell: the adjusted test shows the fall.
        excluded: the interval lies above -margin altogether.
        lower: one-sided 95 % lower bound of the change; None under 10 clusters.
    """

    lang: Lang
    candidate: float
    champion: float
    difference: Difference
    p_value: float
    p_adjusted: float
    fell: bool
    excluded: bool
    lower: float | None

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded."""
        return {
            "lang": self.lang,
            **_change_json(self.candidate, self.champion, self.difference),
            "p_fall": round(self.p_value, 8),
            "p_fall_adjusted": round(self.p_adjusted, 8),
            "fell": self.fell,
            "excluded": self.excluded,
            "lower": None if self.lower is None else round(self.lower, 6),
        }


@dataclass(frozen=True)
class Decision:
    """What the gate says, with the numbers it rests on.

    Attributes:
        gate: what was tested.
        attempt: j.
        level: alpha_j, two-sided.
        candidate: macro score.
        champion: macro score.
        difference: candidate - champion with its interval.
        p_value: two-sided.
        test: its name.
        power: smallest detectable difference at alpha_j; None under 10 clusters.
        languages: guard, by language.
        left_out: languages that one of the two does not support, with the label.
        cells: `de->de`, over which the macro is the mean.
    """

    gate: Gate
    attempt: int
    level: float
    candidate: float
    champion: float
    difference: Difference
    p_value: float
    test: str
    power: Power | None
    languages: tuple[LanguageChange, ...]
    left_out: Mapping[Lang, str]
    cells: tuple[str, ...]

    @property
    def better(self) -> bool:
        """Whether the candidate is shown to be better."""
        return self.difference.value > 0 and self.p_value < self.level

    @property
    def fallen(self) -> tuple[Lang, ...]:
        """Languages that fell beyond the margin."""
        return tuple(c.lang for c in self.languages if c.fell)

    @property
    def not_excluded(self) -> tuple[Lang, ...]:
        """Languages of which a fall beyond the margin is neither shown nor excluded."""
        return tuple(c.lang for c in self.languages if not c.excluded and not c.fell)

    @property
    def unknown(self) -> tuple[Lang, ...]:
        """Languages of which so little is known that a fall beyond `margin_unknown` is possible."""
        return tuple(c.lang for c in self.languages if c.lower is None or c.lower < -self.gate.margin_unknown)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the gate does not hold, in words; empty: it holds."""
        found = []
        if not self.better:
            found.append(self._not_better())
        margin = f"{100 * self.gate.margin:g} points"
        if self.fallen:
            found.append(f"falls by more than {margin} (Holm-adjusted): {', '.join(self.fallen)}")
        if self.gate.strict and self.not_excluded:
            found.append(
                f"--strict: a fall of more than {margin} is not excluded: {', '.join(self.not_excluded)}"
            )
        if self.unknown:
            bounds = ", ".join(
                c.lang
                + (" (fewer than 10 clusters)" if c.lower is None else f" (down to {100 * c.lower:+.1f})")
                for c in self.languages
                if c.lang in self.unknown
            )
            found.append(
                f"too little is known: a fall of more than {100 * self.gate.margin_unknown:g} points is not excluded "
                f"(one-sided 95 % bound): {bounds}"
            )
        return tuple(found)

    def _not_better(self) -> str:
        value, p = 100 * self.difference.value, self.p_value
        if value <= 0:
            return f"not better: {self.gate.name} changes by {value:+.1f} points"
        needed = discordant_needed(self.level)
        if self.difference.n_discordant_clusters < needed:
            differ = counted(self.difference.n_discordant_clusters, "cluster")
            return (
                f"not shown to be better: the two differ in {differ}, and with "
                f"fewer than {needed} this test cannot reject at {self.level:.4g}"
            )
        return (
            f"not shown to be better: {self.gate.name} changes by {value:+.1f} points, p = {p:.4g}, attempt "
            f"{self.attempt} needs p < {self.level:.4g}"
        )

    @property
    def holds(self) -> bool:
        """Whether the candidate may be promoted."""
        return not self.refusals

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded; `languages` is a list of rows."""
        return {
            "measure": self.gate.measure.name,
            "mode": str(self.gate.mode),
            "pool": str(self.gate.searched),
            "margin": self.gate.margin,
            "margin_unknown": self.gate.margin_unknown,
            "alpha": self.gate.alpha,
            "strict": self.gate.strict,
            "attempt": self.attempt,
            "level": self.level,
            **_change_json(self.candidate, self.champion, self.difference),
            "p_value": round(self.p_value, 8),
            "test": self.test,
            "detectable": None if self.power is None else round(self.power.detectable, 6),
            "better": self.better,
            "holds": self.holds,
            "refusals": list(self.refusals),
            "not_excluded": list(self.not_excluded),
            "languages": [c.to_json() for c in self.languages],
            "left_out": dict(self.left_out),
            "cells": list(self.cells),
        }


def _change_json(candidate: float, champion: float, difference: Difference) -> dict[str, Any]:
    row = number_json(difference)
    row["difference"] = row.pop("value")
    return {
        "candidate": round(candidate, 6),
        "champion": round(champion, 6),
        **row,
        "n_discordant": difference.n_discordant,
        "n_discordant_clusters": difference.n_discordant_clusters,
    }
