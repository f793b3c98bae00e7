"""Which remedy to switch on: chosen on one half of the clusters, reported on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlembed.measures import Measure
from xlembed.paradox.remedies import Remedy, remedies
from xlembed.show.text import ends, interval_text, points
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.comparison import Evaluated, compare_models
from xlembed.stats.conditions import Margins
from xlembed.words import Mode, Pool


@dataclass(frozen=True)
class Choice:
    """What was tried on a model, and what became of the best.

    Attributes:
        base: the model.
        n_tried: its remedies.
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
        told = []
        for name, change in (("true cross, all", effect.gain), ("cross_lingual", effect.cost)):
            if change is not None:
                told.append(f"{name} {points(change.value)} {interval_text(ends(vars(change)), signed=True)}")
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

    Args:
        base: the model without a remedy.
        tried: with one each, on the same units; one at least.
        primary: whose cost counts too.
        judging: by which the score across languages must rise; the first decides between those that mend.
        not_judged: model or variant -> why not.
        margins: `mono` of them.
        alpha: level of the tests.
        n_resamples: of the bootstrap.
    """
    first, second = halves(sorted(set(base.units["cluster"])))

    def tested(clusters: set[str], variants: Sequence[Evaluated]) -> list[Remedy]:
        part = [_part(m, clusters) for m in (base, *variants)]
        found = compare_models(
            part,
            judging,
            primary,
            alpha=alpha,
            n_resamples=n_resamples,
            pairs=[(m.name, base.name) for m in variants],
        )
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
    lacking = units["query_lang"].isin(model.unsupported) | units["doc_lang"].isin(model.unsupported)
    return float(units[~lacking].groupby(["query_lang", "doc_lang"])[measure.column].mean().mean())
