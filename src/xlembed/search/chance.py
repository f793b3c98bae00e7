"""What a ranking in random order is worth on average: a model that cannot do better knows nothing of the texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlembed.data.task import Task
from xlembed.measures import Measure
from xlembed.words import Mode


def chance_score(measure: Measure, n_documents: int, grades: Sequence[int]) -> float:
    """Exact expectation of a measure over all orders of the documents searched.

    `grades` are those of the relevant ones, each >= 1, at least one; without a cutoff the whole ranking counts.

    >>> round(chance_score(Measure("accuracy", 1), 10, [1, 1]), 6)
    0.2
    """
    return _chance(measure, n_documents, tuple(sorted(grades)))


@cache
def _chance(measure: Measure, n: int, grades: tuple[int, ...]) -> float:
    relevant = len(grades)
    cutoff = min(n, measure.cutoff or n)
    if measure.family == "accuracy":
        return 1 - math.prod((n - relevant - i) / (n - i) for i in range(cutoff) if n - i > 0)
    if measure.family == "recall":
        return cutoff / n
    if measure.family == "precision":
        return cutoff * relevant / n / (measure.cutoff or n)
    ranks = np.arange(1, cutoff + 1)
    if measure.family == "MRR":
        # The first right document stands at rank r when r - 1 wrong ones come first and a right one follows.
        wrong_before = np.cumprod(
            np.concatenate([[1.0], (n - relevant - ranks[:-1] + 1) / (n - ranks[:-1] + 1)])
        )
        return float(np.sum(np.maximum(wrong_before, 0) * relevant / (n - ranks + 1) / ranks))
    discounts = 1 / np.log2(ranks + 1)
    ideal = float(np.sum(sorted(grades, reverse=True)[:cutoff] * discounts[:relevant]))
    return sum(grades) / n * float(discounts.sum()) / ideal


def monolingual_chance(task: Task, units: pd.DataFrame, measure: Measure) -> float:
    """The monolingual macro average that random order gives: the mean over languages of the mean over their units.

    Of `units` (from units.parquet) what is not monolingual is left out; NaN if nothing is left.
    """
    lang_of = {d.doc_id: d.lang for d in task.documents}
    sizes = {lang: sum(d.lang == lang for d in task.documents) for lang in task.languages}
    mono = units[units["mode"] == Mode.MONOLINGUAL]
    values: dict[str, list[float]] = {}
    for need, lang in zip(mono["need_id"], mono["doc_lang"], strict=True):
        judged = task.needs[need].items()
        grades = [grade for doc, grade in judged if grade >= 1 and lang_of[doc] == lang]
        values.setdefault(lang, []).append(chance_score(measure, sizes[lang], grades))
    means: NDArray[np.float64] = np.array([np.mean(of_lang) for of_lang in values.values()])
    return float(means.mean()) if len(means) else math.nan
