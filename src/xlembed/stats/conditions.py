"""Does a model break the paradox? Its conditions: as good as every rival, and little lost in the pool of all languages.

(a) its monolingual score is not far below that of any rival, (b) its cross_lingual score is not far below its own
monolingual one, (c) its loss across languages is small in points and as a share of its monolingual score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES
from xlembed.stats.comparison import Evaluated, align
from xlembed.stats.evaluation import KINDS, PAIR_KEY, CellLayout, cell_layout, paired_units
from xlembed.stats.layout import Floats
from xlembed.stats.margins import Condition, Contrast, Status, judge
from xlembed.words import Choice, Mode, UserError

MONOLINGUAL, CROSS_LINGUAL = "monolingual", "cross_lingual"
LOSS_WEAK, LOSS_STRONG = "loss_weak", "loss_strong"


@dataclass(frozen=True)
class Margins:
    """How near is near enough; fixed before results are seen, and, but for a share, in the measure's units.

    Attributes:
        mono: fall of a score within languages that is still borne.
        loss: loss across languages that is still borne.
        loss_share: the same as a share of the monolingual score.
        bm25: monolingual score below BM25 with which a model is still judged; half of BM25's score if that is less.
    """

    mono: float = 0.03
    loss: float = 0.05
    loss_share: float = 0.10
    bm25: float = 0.10


class Breaks(Choice):
    """What one model does."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Loss:
    """A loss across languages: in points, and minus the share of the monolingual score that may be lost."""

    points: Condition
    share: Condition

    @property
    def status(self) -> Status:
        """Shown when both are, violated when one is."""
        both = {self.points.status, self.share.status}
        if both == {Status.SHOWN}:
            return Status.SHOWN
        return Status.VIOLATED if Status.VIOLATED in both else Status.UNDECIDED


@dataclass(frozen=True)
class ModelConditions:
    """The conditions of one model, each with its interval and status."""

    monolingual: Condition
    cross_lingual: Condition
    loss_strong: Loss
    loss_weak: Loss

    @property
    def is_alone(self) -> bool:
        """Whether there was no rival to compare with."""
        return self.monolingual.status is Status.NOT_APPLICABLE

    @property
    def breaks(self) -> Breaks:
        """With loss_strong, in part with loss_weak in its place; no when a condition is violated.

        A model alone breaks nothing: its yes is read as "no loss shown" (`paradox.decide`), and there is no "partly".
        """
        within = {self.monolingual.status, self.cross_lingual.status} - {Status.NOT_APPLICABLE}
        if within == {Status.SHOWN} and self.loss_strong.status is Status.SHOWN:
            return Breaks.YES
        if within == {Status.SHOWN} and self.loss_weak.status is Status.SHOWN and not self.is_alone:
            return Breaks.PARTLY
        return Breaks.NO if Status.VIOLATED in {*within, self.loss_strong.status} else Breaks.UNDECIDED

    def named(self) -> dict[str, Condition]:
        """Every condition by name, in reading order."""
        return {
            MONOLINGUAL: self.monolingual,
            CROSS_LINGUAL: self.cross_lingual,
            LOSS_STRONG: self.loss_strong.points,
            f"{LOSS_STRONG}_share": self.loss_strong.share,
            LOSS_WEAK: self.loss_weak.points,
            f"{LOSS_WEAK}_share": self.loss_weak.share,
        }

    def to_json(self) -> dict[str, Any]:
        """One entry per condition, and whether the model breaks the paradox."""
        named = {name: condition.to_json() for name, condition in self.named().items()}
        return {**named, "breaks": str(self.breaks), "alone": self.is_alone}


def judge_models(
    models: Sequence[Evaluated],
    rivals: Sequence[Evaluated],
    measure: Measure,
    margins: Margins,
    *,
    alpha: float = 0.05,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, ModelConditions]:
    """The conditions of models that may be judged (see `standing`), each against all rivals but itself.

    Names are distinct, rivals are judged base models; `alpha` is the two-sided level of every interval, whose weights
    are those of every other interval of the task.

    Raises:
        UserError: units differ between models, or a mode that a condition needs was not evaluated.
    """
    if not models:
        return {}
    everyone = list({m.name: m for m in [*models, *rivals]}.values())
    aligned, _ = align(everyone, intersect=False)
    row = {m.name: i for i, m in enumerate(aligned)}
    judged = [aligned[row[m.name]] for m in models]
    against = {m.name: [r.name for r in rivals if r.name != m.name] for m in models}
    n_conditions = 4 if any(against.values()) else 3

    decided = partial(judge, n_conditions=n_conditions, alpha=alpha, n_resamples=n_resamples)
    pairs = [(name, rival) for name, others in against.items() for rival in others]
    to_rivals: dict[str, dict[str, int]] = {m.name: {} for m in models}
    for column, (name, rival) in enumerate(pairs):
        to_rivals[name][rival] = column
    own = {m.name: {"": i} for i, m in enumerate(models)}
    values = _monolingual(aligned, measure)
    mono = Contrast(
        _cells(_monolingual_units(aligned[0]), aligned[0]),
        values[:, [row[name] for name, _ in pairs]],
        values[:, [row[rival] for _, rival in pairs]],
    )
    near = decided(mono, to_rivals, -margins.mono, above=True) if pairs else {}
    cross = decided(_cross_contrast(judged, measure), own, -margins.mono, above=True)
    losses = {}
    for kind in (LOSS_STRONG, LOSS_WEAK):
        in_points = decided(_loss_contrast(judged, measure, kind), own, margins.loss, above=False)
        in_share = _share_contrast(judged, measure, kind, margins.loss_share)
        share = decided(in_share, own, 0.0, above=False)
        losses[kind] = {name: Loss(in_points[name], share[name]) for name in own}
    alone = Condition(Status.NOT_APPLICABLE, -margins.mono)
    return {
        name: ModelConditions(
            near.get(name, alone), cross[name], losses[LOSS_STRONG][name], losses[LOSS_WEAK][name]
        )
        for name in own
    }


def _monolingual_units(model: Evaluated) -> pd.DataFrame:
    units = model.units[model.units["mode"] == Mode.MONOLINGUAL]
    if units.empty:
        raise UserError("no monolingual unit to judge by: evaluate the models in all three modes")
    return units.rename(columns={"mode": "kind"})


def _monolingual(models: Sequence[Evaluated], measure: Measure) -> Floats:
    """Values of the monolingual units, shape (n_units, n_models)."""
    return np.column_stack([_monolingual_units(m)[measure.column].to_numpy(dtype=np.float64) for m in models])


def _cells(table: pd.DataFrame, model: Evaluated) -> CellLayout:
    return cell_layout(table, sorted(set(model.units["cluster"])), KINDS)


def monolingual_contrast(model: Sequence[Evaluated], other: Evaluated, measure: Measure) -> Contrast:
    """Each of the models minus one other, in the monolingual macro; all on the same units in the same order."""
    values = _monolingual(model, measure)
    yardstick = _monolingual([other] * len(model), measure)
    return Contrast(_cells(_monolingual_units(other), other), values, yardstick)


def _cross_contrast(models: Sequence[Evaluated], measure: Measure) -> Contrast:
    """cross_lingual minus monolingual: the same queries in both pools."""
    column = measure.column
    tables = []
    for m in models:
        cross = m.units[m.units["mode"] == Mode.CROSS_LINGUAL].rename(
            columns={"mode": "kind", column: "_second"}
        )
        mono = _monolingual_units(m)[["query_id", "doc_lang", column]]
        tables.append(cross.merge(mono, on=["query_id", "doc_lang"], how="inner", validate="one_to_one"))
    _check_any(tables[0], CROSS_LINGUAL)
    first, second = (_columns(tables, name) for name in ("_second", column))
    return Contrast(_cells(tables[0], models[0]), first, second)


def _loss_contrast(models: Sequence[Evaluated], measure: Measure, kind: str) -> Contrast:
    tables = _losses(models, measure, kind)
    first, second = (_columns(tables, f"{measure.column}_{side}") for side in ("first", "second"))
    return Contrast(_cells(tables[0], models[0]), first, second)


def _share_contrast(models: Sequence[Evaluated], measure: Measure, kind: str, share: float) -> Contrast:
    """Loss - share x monolingual score, as one macro over the cells of both.

    A macro weighs every cell alike. So the values of the P cells of the loss are multiplied by (P + M) / P, those of
    the M monolingual ones by share (P + M) / M, and all are divided by the larger factor: none leaves [-1, 1].
    """
    tables = _losses(models, measure, kind)
    mono = _monolingual(models, measure)
    place = [*PAIR_KEY, *KINDS]
    both = pd.concat([tables[0][place], _monolingual_units(models[0])[place]], ignore_index=True)
    cells = _cells(both, models[0])
    n_losses = sum(cell[0] == kind for cell in cells.cells)
    n_mono = len(cells.cells) - n_losses
    of_loss, of_mono = len(cells.cells) / n_losses, share * len(cells.cells) / n_mono
    unit = max(of_loss, of_mono)
    first, second = (_columns(tables, f"{measure.column}_{side}") for side in ("first", "second"))
    return Contrast(
        cells,
        np.vstack([first * (of_loss / unit), np.zeros_like(mono)]),
        np.vstack([second * (of_loss / unit), mono * (of_mono / unit)]),
        unit,
    )


def _losses(models: Sequence[Evaluated], measure: Measure, kind: str) -> list[pd.DataFrame]:
    tables = [paired_units(m.units, [measure.column], kind) for m in models]
    _check_any(tables[0], kind)
    return tables


def _columns(tables: Sequence[pd.DataFrame], name: str) -> Floats:
    return np.column_stack([t[name].to_numpy(dtype=np.float64) for t in tables])


def _check_any(table: pd.DataFrame, what: str) -> None:
    if table.empty:
        raise UserError(
            f"no unit to compute {what} from: evaluate a task of at least two languages in all three modes, "
            "with other_versions ignore or wrong"
        )


def smallest_undecided(found: Mapping[str, ModelConditions]) -> float | None:
    """Smallest distance from a margin that every undecided condition would have been decided at, with 80 %."""
    parts = [
        condition.detectable
        for conditions in found.values()
        for name, condition in conditions.named().items()
        if condition.status is Status.UNDECIDED and not name.startswith(LOSS_WEAK)
    ]
    known = [p for p in parts if p is not None and not math.isnan(p)]
    return max(known) if known else None
