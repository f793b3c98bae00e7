"""The language separation paradox: does a space that keeps languages apart help within, and hurt across languages?

Two questions over several base models on one task. The correlation: does separation S go along with the monolingual
score and with the losses across languages (one-sided Spearman tests by permutation, Holm over the three)? The verdict:
does any model have both, a monolingual score near the best one and a small loss (intervals of paired differences, Holm
over the models; see `margins`)?

S is neighbourhood purity@10 minus its expected value, fixed before any result was seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xlembed.metrics.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, Resampled, resample
from xlembed.stats.comparison import Evaluated, align
from xlembed.stats.evaluation import cell_layout, paired_units
from xlembed.stats.holm import holm
from xlembed.stats.layout import Floats
from xlembed.stats.margins import Judged, Least, Status, judge
from xlembed.stats.paired import SAME
from xlembed.stats.rank_test import RankTest, rank_test
from xlembed.types import Choice, Mode, UserError

MIN_MODELS = 5
"""With fewer, no order of the models is rare enough: rho is shown without p."""
MONOLINGUAL, LOSS_WEAK, LOSS_STRONG = "monolingual", "loss_weak", "loss_strong"
AGAINST = (MONOLINGUAL, LOSS_WEAK, LOSS_STRONG)
"""What S is correlated with, and what the verdict's conditions are about."""


@dataclass(frozen=True)
class Margins:
    """How near is near enough, in the measure's units; fixed before results are seen.

    Attributes:
        mono: monolingual score below the best one that is still borne.
        loss: loss across languages that is still borne.
    """

    mono: float = 0.03
    loss: float = 0.05


class Outcome(Choice):
    """The verdict over all models."""

    SOME = "some model breaks it"
    PARTLY = "partly"
    NONE = "no model breaks it"
    UNDECIDED = "undecided"


READING = {
    Outcome.SOME: "large, specially trained models can solve it: choice and size matter",
    Outcome.PARTLY: "size and training soften the trade-off",
    Outcome.NONE: "today's models have not solved it, new approaches are needed",
    Outcome.UNDECIDED: "this task cannot tell",
}
"""What each outcome would mean for the models tested; fixed in advance."""


@dataclass(frozen=True)
class Correlation:
    """rho(S, `against`) > 0, with p after Holm's correction over the three.

    Attributes:
        against: monolingual, loss_weak or loss_strong.
        test: Spearman's test; its p is left out under 5 models.
        p_adjusted: None under 5 models. A constant side counts as p = 1.
        is_shown: p_adjusted below alpha.
    """

    against: str
    test: RankTest
    p_adjusted: float | None
    is_shown: bool

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded."""
        adjusted = None if self.p_adjusted is None else round(self.p_adjusted, 8)
        return {
            "against": self.against,
            **self.test.to_json(),
            "p_adjusted": adjusted,
            "shown": self.is_shown,
        }


@dataclass(frozen=True)
class ModelConditions:
    """The three conditions of one model, each with its interval and status."""

    monolingual: Judged
    loss_weak: Judged
    loss_strong: Judged

    @property
    def statuses(self) -> tuple[Status, Status, Status]:
        """Of monolingual, loss_weak, loss_strong."""
        return self.monolingual.status, self.loss_weak.status, self.loss_strong.status

    def to_json(self) -> dict[str, Any]:
        """One entry per condition, and whether the model breaks the paradox."""
        return {
            MONOLINGUAL: self.monolingual.to_json(),
            LOSS_WEAK: self.loss_weak.to_json(),
            LOSS_STRONG: self.loss_strong.to_json(),
            "breaks": str(breaks(*self.statuses)),
        }


@dataclass(frozen=True)
class Verdict:
    """Outcome over all models and the models that decide it.

    Attributes:
        outcome: see `decide`.
        models: those that break it, break it in part, or all that were shown not to; empty if undecided.
    """

    outcome: Outcome
    models: tuple[str, ...]

    @property
    def text(self) -> str:
        """In one sentence."""
        names = ", ".join(self.models)
        return {
            Outcome.SOME: f"Some model breaks the paradox: {names}",
            Outcome.PARTLY: f"The paradox is broken in part: {names}",
            Outcome.NONE: f"No model breaks the paradox: {names}",
            Outcome.UNDECIDED: "Undecided whether a model breaks the paradox",
        }[self.outcome] + f" ({READING[self.outcome]})."


def correlate(
    separation: Sequence[float], scores: Mapping[str, Sequence[float]], alpha: float = 0.05
) -> list[Correlation]:
    """Test rho(S, scores) > 0 for each kind of score, corrected together.

    Args:
        separation: S of each model.
        scores: kind -> one score per model, in the same order.
        alpha: one-sided level over all kinds.
    """
    tests = {kind: rank_test(separation, values) for kind, values in scores.items()}
    if len(separation) < MIN_MODELS:
        return [
            Correlation(kind, RankTest(t.rho, None, t.n, t.is_exact), None, False)
            for kind, t in tests.items()
        ]
    adjusted = holm([1.0 if t.p_value is None else t.p_value for t in tests.values()])
    return [
        Correlation(kind, test, float(p), bool(p < alpha))
        for (kind, test), p in zip(tests.items(), adjusted, strict=True)
    ]


def correlation_text(found: Sequence[Correlation]) -> str:
    """What the three tests say together."""
    n = found[0].test.n if found else 0
    if n < MIN_MODELS:
        return f"too few models: {n} base model{'s' * (n != 1)}, a test needs {MIN_MODELS}"
    shown = [c.against for c in found if c.is_shown]
    if len(shown) == len(found):
        return "the paradox is seen: more separation goes along with all three"
    if shown:
        return f"part of the paradox is seen: more separation goes along with {' and '.join(shown)} only"
    return "the paradox is not shown across these models"


def breaks(monolingual: Status, loss_weak: Status, loss_strong: Status) -> Outcome:
    """What one model does; `decide` says how models are put together."""
    if monolingual is Status.SHOWN and loss_strong is Status.SHOWN:
        return Outcome.SOME
    one_shown = {monolingual, loss_strong} == {Status.SHOWN, Status.UNDECIDED}
    if one_shown or (monolingual is Status.SHOWN and loss_weak is Status.SHOWN):
        return Outcome.PARTLY
    if Status.VIOLATED in (monolingual, loss_strong):
        return Outcome.NONE
    return Outcome.UNDECIDED


def decide(statuses: Mapping[str, tuple[Status, Status, Status]]) -> Verdict:
    """The verdict over models, from the statuses of monolingual, loss_weak and loss_strong of each.

    In this order: *some* when a model has monolingual and loss_strong shown; *partly* when a model has monolingual and
    loss_weak shown, or one of monolingual and loss_strong shown and the other undecided; *no model* when every model
    has one of these two violated; else *undecided*.
    """
    each = {name: breaks(*of_model) for name, of_model in statuses.items()}
    for outcome in (Outcome.SOME, Outcome.PARTLY):
        if names := tuple(name for name, found in each.items() if found is outcome):
            return Verdict(outcome, names)
    if each and set(each.values()) == {Outcome.NONE}:
        return Verdict(Outcome.NONE, tuple(each))
    return Verdict(Outcome.UNDECIDED, ())


def rule_lines(margins: Margins, measure: str, alpha: float = 0.05) -> list[str]:
    """The rule of the verdict, to be printed beside it."""
    mono, loss, level = (f"{100 * x:g}" for x in (margins.mono, margins.loss, 1 - alpha))
    return [
        f"Conditions of a model, in {measure}: its monolingual macro minus the best one of the base models is above "
        f"-{mono} points; loss_strong is below {loss} points; loss_weak is below {loss} points.",
        f"A condition is shown or violated when its {level} % interval (paired cluster bootstrap, Holm-adjusted over "
        "the models) lies wholly on one side of the margin, else undecided.",
        "A model breaks the paradox when the monolingual and the loss_strong condition are shown. Some model breaks "
        "it: at least one does. Partly: none does, but one has loss_weak in place of loss_strong, or one of the two "
        "conditions shown and the other undecided. No model breaks it: none of these, and for every model one of the "
        "two conditions is violated. Else undecided.",
    ]


def judge_models(
    models: Sequence[Evaluated],
    rivals: Sequence[Evaluated],
    measure: Measure,
    margins: Margins,
    *,
    alpha: float = 0.05,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, ModelConditions]:
    """The conditions of some models; the best monolingual score is looked for among the rivals and the model itself.

    Args:
        models: the family that Holm's correction runs over; distinct names.
        rivals: base models; they may be the models themselves.
        measure: a column of everybody's units.
        margins: see there.
        alpha: two-sided level of each condition over all models.
        n_resamples: of the bootstrap; the weights are those of every other interval of the task.

    Raises:
        UserError: units differ between models, or a mode that a condition needs was not evaluated.
    """
    if not models:
        return {}
    everyone = list({m.name: m for m in [*models, *rivals]}.values())
    aligned, _ = align(everyone, intersect=False)
    rows = {m.name: i for i, m in enumerate(aligned)}
    rival_rows = [rows[m.name] for m in rivals]
    mono = _Stacked.of_monolingual(aligned, measure, n_resamples)
    least = {m.name: mono.to_best(rows[m.name], rival_rows) for m in models}
    judged = {MONOLINGUAL: judge(least, -margins.mono, above=True, alpha=alpha, at_most=0.0)}
    for kind in (LOSS_WEAK, LOSS_STRONG):
        losses = _Stacked.of_loss(aligned, measure, kind, n_resamples)
        found = {m.name: losses.alone(rows[m.name]) for m in models}
        judged[kind] = judge(found, margins.loss, above=False, alpha=alpha)
    return {
        m.name: ModelConditions(
            judged[MONOLINGUAL][m.name], judged[LOSS_WEAK][m.name], judged[LOSS_STRONG][m.name]
        )
        for m in models
    }


@dataclass(frozen=True, eq=False)
class _Stacked:
    """One macro of several models from the same resamples.

    Attributes:
        values: of each unit, shape (n_units, n_models).
        drawn: the macro, its only one.
    """

    values: Floats
    drawn: Resampled

    @classmethod
    def of_monolingual(cls, models: Sequence[Evaluated], measure: Measure, n: int) -> _Stacked:
        tables = [m.units[m.units["mode"] == Mode.MONOLINGUAL] for m in models]
        values = [t[measure.column].to_numpy(dtype=np.float64) for t in tables]
        return cls._of(models, tables[0], values, ("mode", "pool"), MONOLINGUAL, n)

    @classmethod
    def of_loss(cls, models: Sequence[Evaluated], measure: Measure, kind: str, n: int) -> _Stacked:
        column = measure.column
        tables = [paired_units(m.units, [column], kind) for m in models]
        values = [(t[f"{column}_first"] - t[f"{column}_second"]).to_numpy(dtype=np.float64) for t in tables]
        return cls._of(models, tables[0], values, ("kind", "pool"), kind, n)

    @classmethod
    def _of(
        cls,
        models: Sequence[Evaluated],
        table: pd.DataFrame,
        values: Sequence[Floats],
        columns: tuple[str, str],
        what: str,
        n: int,
    ) -> _Stacked:
        if table.empty:
            raise UserError(
                f"no unit to compute {what} from: evaluate a task of at least two languages in all three modes, "
                "with other_versions ignore or wrong"
            )
        stacked = np.column_stack(values)
        stacked[np.abs(stacked) < SAME] = 0.0
        cells = cell_layout(table, sorted(set(models[0].units["cluster"])), columns)
        drawn = resample(cells.layout, stacked, cells.macros, n)
        return cls(stacked, drawn)

    @property
    def n_clusters(self) -> int:
        """Behind the macro."""
        return int(self.drawn.n_clusters[-1])

    def alone(self, row: int) -> Least:
        """One model's macro, a difference in itself."""
        return Least(
            self.drawn.value[-1, [row]],
            self.drawn.macro_resamples[0, [row]],
            self.drawn.se[-1, [row]],
            np.array([np.count_nonzero(self.values[:, row])]),
            self.n_clusters,
        )

    def to_best(self, row: int, rivals: Sequence[int]) -> Least:
        """One model's macro minus each rival's; a model without rivals is the best itself, by definition."""
        others = [r for r in rivals if r != row]
        if not others:
            return Least(
                np.zeros(1), np.zeros((1, 1)), np.zeros(1), np.ones(1, dtype=np.int64), self.n_clusters
            )
        resamples = self.drawn.macro_resamples[0]
        differences = resamples[row] - resamples[others]
        apart = np.abs(self.values[:, [row]] - self.values[:, others]) > SAME
        return Least(
            self.drawn.value[-1, row] - self.drawn.value[-1, others],
            differences,
            np.nanstd(differences, axis=1, ddof=1),
            apart.sum(axis=0),
            self.n_clusters,
        )


def smallest_undecided(found: Mapping[str, ModelConditions]) -> float | None:
    """Smallest distance from a margin that every undecided condition would have been decided at, with 80 %."""
    parts = [
        judged.detectable
        for conditions in found.values()
        for judged in (conditions.monolingual, conditions.loss_strong)
        if judged.status is Status.UNDECIDED
    ]
    known = [p for p in parts if p is not None and not math.isnan(p)]
    return max(known) if known else None
