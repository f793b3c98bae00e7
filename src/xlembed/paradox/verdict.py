"""The language separation paradox: does a space that keeps languages apart help within, and hurt across languages?

Two questions over several base models on one task. The correlation: does separation S go along with the monolingual
score and with the losses across languages (one-sided Spearman tests by permutation, Holm over the three)? The verdict:
does any model that may be judged (see `standing`) have both, a monolingual score near that of every other and little
lost across languages (see `conditions`)?

S is neighbourhood purity@10 minus its expected value, fixed before any result was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.stats.conditions import LOSS_STRONG, LOSS_WEAK, MONOLINGUAL, Breaks, Margins, ModelConditions
from xlembed.stats.holm import holm
from xlembed.stats.rank_test import RankTest, rank_test
from xlembed.stats.standing import TIMES_CHANCE
from xlembed.words import Choice, counted

MIN_MODELS = 5
"""With fewer, no order of the models is rare enough for a p beside rho, and no sentence is about models in general."""
AGAINST = (MONOLINGUAL, LOSS_WEAK, LOSS_STRONG)
"""What S is correlated with."""


class Outcome(Choice):
    """The verdict over all judged models."""

    SOME = "some model breaks it"
    PARTLY = "partly"
    NO_LOSS = "no loss shown; nothing to compare with"
    NONE = "none of these models breaks it"
    NOBODY = "no model could be judged"
    UNDECIDED = "undecided"


IN_GENERAL = {
    Outcome.SOME: "Today's models can have both: which one is chosen matters.",
    Outcome.PARTLY: "Today's models soften the trade-off: across languages one at a time, not among all of them.",
    Outcome.NONE: "Today's models have not solved it: new approaches are needed.",
}
"""What an outcome means beyond the models tested; fixed in advance, said only over enough of them."""


@dataclass(frozen=True)
class Correlation:
    """rho(S, `against`) > 0, with p after Holm's correction over the three.

    Under 5 models there is no p, adjusted or not; a constant side counts as p = 1.
    """

    against: str
    test: RankTest
    p_adjusted: float | None
    is_shown: bool

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded."""
        adjusted = None if self.p_adjusted is None else round(self.p_adjusted, 8)
        test = self.test.to_json()
        return {"against": self.against, **test, "p_adjusted": adjusted, "shown": self.is_shown}


@dataclass(frozen=True)
class Verdict:
    """Outcome over all judged models and the models that decide it.

    Attributes:
        models: those that break it, break it in part, or all that were shown not to; else all judged ones.
        why_not: why nothing is said of models in general; empty: it is.
    """

    outcome: Outcome
    models: tuple[str, ...]
    n_judged: int
    why_not: str

    @property
    def is_general(self) -> bool:
        """Whether anything may be said beyond these models and this task."""
        return not self.why_not

    @property
    def text(self) -> str:
        """What was found, and how far it reaches."""
        names = ", ".join(self.models)
        found = {
            Outcome.SOME: f"Some model breaks the paradox: {names}.",
            Outcome.PARTLY: f"The paradox is broken only partly, with loss_weak in place of loss_strong: {names}.",
            Outcome.NO_LOSS: f"{names}: no loss shown; nothing to compare with.",
            Outcome.NONE: f"None of these models breaks the paradox: {names}.",
            Outcome.NOBODY: "No model could be judged.",
            Outcome.UNDECIDED: f"Undecided whether one of these models breaks the paradox: {names}.",
        }[self.outcome]
        if self.outcome not in IN_GENERAL:
            return found
        if self.is_general:
            return f"{found} {IN_GENERAL[self.outcome]}"
        these = "this model" if self.n_judged == 1 else f"these {self.n_judged} models"
        return f"{found} This is about {these} on this task only ({self.why_not})."


def correlate(
    separation: Sequence[float], scores: Mapping[str, Sequence[float]], alpha: float = 0.05
) -> list[Correlation]:
    """Test rho(S, scores) > 0 for each kind of score of the same models, corrected together; `alpha` is one-sided."""
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
        return f"too few models: {counted(n, 'base model')}, a test needs {MIN_MODELS}"
    shown = [c.against for c in found if c.is_shown]
    if len(shown) == len(found):
        return "the paradox is seen: more separation goes along with all three"
    if shown:
        return f"part of the paradox is seen: more separation goes along with {' and '.join(shown)} only"
    return "the paradox is not shown across these models"


def decide(judged: Mapping[str, ModelConditions], is_demonstration: bool = False) -> Verdict:
    """The verdict over judged base models, from the conditions of each.

    In this order: *some* when a model breaks it; *partly* when one does so with loss_weak in place of loss_strong;
    *none* when every model is shown to violate a condition; *no model could be judged* when there is none; else
    *undecided*. A model alone breaks nothing: with every condition that applies shown, it is *no loss shown*.
    """
    each = {name: conditions.breaks for name, conditions in judged.items()}
    reasons = ["the task is a demonstration"] if is_demonstration else []
    if len(judged) < MIN_MODELS:
        reasons.append(f"{counted(len(judged), 'base model')} judged, general sentences need {MIN_MODELS}")
    alone = any(conditions.is_alone for conditions in judged.values())

    def verdict(outcome: Outcome, names: tuple[str, ...] = tuple(each)) -> Verdict:
        return Verdict(outcome, names, len(judged), "; ".join(reasons))

    if not each:
        return verdict(Outcome.NOBODY)
    if names := tuple(name for name, found in each.items() if found is Breaks.YES):
        return verdict(Outcome.NO_LOSS if alone else Outcome.SOME, names)
    if names := tuple(name for name, found in each.items() if found is Breaks.PARTLY):
        return verdict(Outcome.PARTLY, names)
    return verdict(Outcome.NONE if set(each.values()) == {Breaks.NO} else Outcome.UNDECIDED)


def rule_lines(margins: Margins, measure: str, alpha: float = 0.05) -> list[str]:
    """The rule of the verdict, to be printed beside it."""
    mono, loss, share, bm25, level = (
        f"{100 * x:g}" for x in (margins.mono, margins.loss, margins.loss_share, margins.bm25, 1 - alpha)
    )
    return [
        f"Judged, in {measure}: a base model whose monolingual score is shown to be above {TIMES_CHANCE} times chance, "
        f"the score of a random order ({level} % interval, Holm over the models), and whose monolingual score minus "
        f"bm25's is shown to be above -{bm25} points, or minus half of bm25's score if that is nearer.",
        "Conditions of a judged model: (a) its monolingual score minus that of every other judged base model is above "
        f"-{mono} points; (b) its cross_lingual minus its monolingual score is above -{mono} points; (c) loss_strong "
        f"is below {loss} points and below {share} % of its monolingual score.",
        f"A condition is shown when its {level} % interval (paired, by cluster, unadjusted over the models) lies on "
        "its side of the margin, violated when the interval after Bonferroni's correction over the model's conditions "
        "lies on the other side, else undecided.",
        "A model breaks the paradox when (a) to (c) are shown; alone, (a) is not applicable and it breaks nothing. "
        "Some model breaks it: at least one does. Partly: only with loss_weak in place of loss_strong. None: every "
        f"judged model violates a condition. Else undecided. Over fewer than {MIN_MODELS} judged base models, or on a "
        "task marked as demonstration, only these models and this task are spoken of.",
    ]
