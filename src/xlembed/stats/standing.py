"""May a model be judged? Only one that finds more than chance, and not far less than a search for words.

With nothing to lose nothing is lost: random weights would pass every condition that asks only for small losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.comparison import Evaluated, align
from xlembed.stats.conditions import Margins, monolingual_contrast
from xlembed.stats.evaluation import number_json
from xlembed.stats.scores import Difference, Score
from xlembed.words import counted

YARDSTICK = "bm25"
"""Slug of the search by words that models are measured against; it is never judged itself."""
TIMES_CHANCE = 2
"""The monolingual score must be shown to be above so many times chance."""


@dataclass(frozen=True)
class Standing:
    """What decides whether a model is judged.

    Attributes:
        monolingual: its macro, with the interval of the level that Holm's step-down over the models gives it.
        bar: twice chance.
        to_bm25: paired monolingual difference to BM25 with its 95 % interval; None: BM25 was not evaluated.
        floor: what the lower end of that difference has to exceed.
    """

    monolingual: Score
    bar: float
    to_bm25: Difference | None
    floor: float

    @property
    def is_judged(self) -> bool:
        """Whether both are shown."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why it is not judged; empty: it is."""
        if not self.shortfall and (self.to_bm25 is None or self.to_bm25.ci_low is None):
            return f"{YARDSTICK}, which it is measured against, was not evaluated"
        return self.shortfall

    @property
    def beats_chance(self) -> bool:
        """Whether the monolingual score is shown to be above twice chance."""
        return self.monolingual.ci_low is not None and self.monolingual.ci_low > self.bar

    @property
    def shortfall(self) -> str:
        """What it is not shown to do, as far as it was measured; empty: nothing."""
        score, gap = self.monolingual, self.to_bm25
        if score.ci_low is None:
            few = counted(score.n_clusters, "cluster of queries is", "clusters of queries are")
            return f"{few} too few for an interval"
        if self.bar >= 1:
            return (
                f"a random order of so few documents already scores {50 * self.bar:.1f} %, and no score can be shown "
                "to be above twice that"
            )
        if not self.beats_chance:
            return (
                f"its monolingual score {100 * score.value:.1f} % is not shown to be above twice chance "
                f"({100 * self.bar:.1f} %): its interval begins at {100 * score.ci_low:.1f} %"
            )
        if gap is not None and gap.ci_low is not None and gap.ci_low <= self.floor:
            return (
                f"its monolingual score minus bm25's is {100 * gap.value:+.1f} points and not shown to be above "
                f"{100 * self.floor:+.1f}: its interval begins at {100 * gap.ci_low:+.1f}"
            ).replace("-", "−")
        return ""

    def to_json(self) -> dict[str, Any]:
        """Both numbers with what they are compared with, and the reason."""
        return {
            "judged": self.is_judged,
            "reason": self.reason,
            "monolingual": number_json(self.monolingual),
            "twice_chance": round(self.bar, 6),
            "minus_bm25": None if self.to_bm25 is None else number_json(self.to_bm25),
            "bm25_floor": round(self.floor, 6),
        }


def standings(
    models: Sequence[Evaluated],
    bm25: Evaluated | None,
    measure: Measure,
    chance: float,
    margins: Margins,
    *,
    alpha: float = 0.05,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Standing]:
    """Whether each model may be judged.

    Args:
        models: distinct names.
        bm25: the yardstick; None: not evaluated, so nobody is judged.
        measure: a column of everybody's units.
        chance: monolingual macro average under random order (`search.chance`).
        margins: `bm25` of them.
        alpha: two-sided; of the monolingual scores over all models (Holm).
        n_resamples: of the bootstrap.

    Raises:
        UserError: units differ between models.
    """
    if not models:
        return {}
    aligned, _ = align([*models, *([bm25] if bm25 else [])], intersect=False)
    own = aligned[: len(models)]
    bar = TIMES_CHANCE * chance
    scores = _holm_scores(own, measure, bar, alpha, n_resamples)
    gaps: Sequence[Difference | None] = [None] * len(own)
    floor = -margins.bm25
    if bm25:
        contrast = monolingual_contrast(own, aligned[-1], measure)
        gaps = contrast.at(1 - alpha, n_resamples)
        # Both are macros of the same cells, so that one minus the other is that of BM25.
        floor = -min(margins.bm25, (scores[0].value - gaps[0].value) / 2)
    return {m.name: Standing(s, bar, gap, floor) for m, s, gap in zip(own, scores, gaps, strict=True)}


def _holm_scores(
    models: Sequence[Evaluated], measure: Measure, bar: float, alpha: float, n_resamples: int
) -> list[Score]:
    """Monolingual macros with the intervals of Holm's step-down (Holm 1979) against "not above the bar".

    All that are above it at alpha / m step down together: the next level is alpha / those that are left.
    """
    found: dict[int, Score] = {}
    left = list(range(len(models)))
    while left:
        scores = _monolingual_scores([models[i] for i in left], measure, 1 - alpha / len(left), n_resamples)
        above = [s.ci_low is not None and s.ci_low > bar for s in scores]
        done = left if not any(above) else [i for i, over in zip(left, above, strict=True) if over]
        found |= {i: s for i, s in zip(left, scores, strict=True) if i in done}
        left = [i for i in left if i not in done]
    return [found[i] for i in range(len(models))]


def _monolingual_scores(
    models: Sequence[Evaluated], measure: Measure, level: float, n_resamples: int
) -> list[Score]:
    contrast = monolingual_contrast(models, models[0], measure)
    is_binary = measure.is_binary(bool((models[0].units["n_relevant"] == 1).all()))
    members = list(range(len(contrast.cells.cells)))
    table = score_cells(
        contrast.cells.layout,
        contrast.first,
        [is_binary] * len(models),
        {"macro": members},
        n_resamples,
        level,
    )
    return [score for score in table.macros["macro"] if score is not None]
