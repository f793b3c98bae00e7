"""What a gate tests, what it decided, and what came of the promotion: in words, as JSON, as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from xlembed.measures import Measure
from xlembed.stats.evaluation import difference_json
from xlembed.stats.power import Power, discordant_needed
from xlembed.stats.scores import Difference
from xlembed.tracking.versions import SearchMove
from xlembed.words import Lang, Mode, Pool, UserError, counted

ALL = "all languages"
"""Key of the macro over every cell; no language is called so."""


class NothingToCompare(UserError):
    """No cell lies in languages that both models support."""


@dataclass(frozen=True)
class Gate:
    """What is tested, fixed before the results are seen; for the fields see `settings.PromoteSettings`."""

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
    """How one language, of the queries, changed: the mean of its cells.

    Attributes:
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
    """What the gate says, with the macro scores and all else that it rests on.

    Attributes:
        attempt: j, tested at the two-sided level alpha_j.
        difference: candidate - champion with its interval.
        p_value: two-sided.
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
            not_excluded = ", ".join(self.not_excluded)
            found.append(f"--strict: a fall of more than {margin} is not excluded: {not_excluded}")
        if self.unknown:
            lower = {c.lang: c.lower for c in self.languages if c.lang in self.unknown}
            bounds = ", ".join(
                f"{lang} ({'fewer than 10 clusters' if low is None else f'down to {100 * low:+.1f}'})"
                for lang, low in lower.items()
            )
            found.append(
                f"too little is known: a fall of more than {100 * self.gate.margin_unknown:g} points is not excluded "
                f"(one-sided 95 % bound): {bounds}"
            )
        return tuple(found)

    def _not_better(self) -> str:
        changes = f"{self.gate.name} changes by {100 * self.difference.value:+.1f} points"
        if self.difference.value <= 0:
            return f"not better: {changes}"
        needed = discordant_needed(self.level)
        if self.difference.n_discordant_clusters < needed:
            differ = counted(self.difference.n_discordant_clusters, "cluster")
            return (
                f"not shown to be better: the two differ in {differ}, and with "
                f"fewer than {needed} this test cannot reject at {self.level:.4g}"
            )
        return (
            f"not shown to be better: {changes}, p = {self.p_value:.4g}, attempt {self.attempt} needs "
            f"p < {self.level:.4g}"
        )

    @property
    def holds(self) -> bool:
        """Whether the candidate may be promoted."""
        return not self.refusals

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded; `languages` is a list of rows."""
        return {
            **vars(self.gate),
            "measure": self.gate.measure.name,
            "mode": str(self.gate.mode),
            "pool": str(self.gate.searched),
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
    return {
        "candidate": round(candidate, 6),
        "champion": round(champion, 6),
        **difference_json(difference),
        "n_discordant": difference.n_discordant,
        "n_discordant_clusters": difference.n_discordant_clusters,
    }


@dataclass
class Outcome:
    """What became of a promotion, or of a rollback (`kind`), of a registered model.

    Attributes:
        candidate: URI of the version.
        opponent: URI of the champion, or the base model.
        granted: the gate holds, or was forced.
        moved: the alias was moved by this call.
        number: of the promotion, if one was claimed.
        run_id: MLflow run with all of this.
        reason: of --force, where it was needed.
        refusals: why the gate does not hold.
        decision: the numbers; None where nothing could be compared.
        search: the search alias that moved with it.
    """

    name: str
    candidate: str
    opponent: str = ""
    task: str = ""
    verdict: str = ""
    granted: bool = False
    moved: bool = False
    dry_run: bool = False
    number: int | None = None
    run_id: str = ""
    reason: str = ""
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    decision: Decision | None = None
    search: SearchMove | None = None
    next_step: str = ""
    kind: str = "promote"

    def to_json(self) -> dict[str, Any]:
        """For scripts, and promotion.json."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        values["decision"] = None if self.decision is None else self.decision.to_json()
        values["search"] = None if self.search is None else asdict(self.search)
        return values

    def advice(self) -> str:
        """What to do where it is refused."""
        decision = self.decision
        if decision is None or decision.holds:
            return "see the reasons above; --force REASON promotes all the same, and the reason is kept on the version"
        if decision.fallen:
            langs = ", ".join(decision.fallen)
            return f"look at {langs} (xlembed compare), and train with texts in these languages"
        if decision.better:
            return "use a task with more queries" + (
                ", or leave --strict out" if decision.gate.strict else ""
            )
        return (
            "train a better one, or use a task with more queries; trying the same again changes nothing, and every new "
            "attempt is tested more strictly"
        )


def gate_metrics(decision: Mapping[str, Any]) -> dict[str, float]:
    """`gate/difference`, `gate/p_value`, `gate/de/difference`, ... of what has a number."""
    keys = ("candidate", "champion", "difference", "ci_low", "ci_high")
    found = {f"gate/{k}": decision[k] for k in (*keys, "p_value", "level", "attempt", "detectable")}
    for row in decision["languages"]:
        found |= {f"gate/{row['lang']}/{k}": row[k] for k in (*keys, "p_fall_adjusted")}
    return {key: float(value) for key, value in found.items() if value is not None}
