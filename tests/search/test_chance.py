"""Expectation under random order: against all orders of a few documents, computed by ir_measures."""

from __future__ import annotations

import itertools
import math
import statistics

import pandas as pd
import pytest

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.measures import parse_measure
from xlembed.search.chance import chance_score, monolingual_chance
from xlembed.search.table import JudgedRanks, measure_units

NAMES = (
    *("accuracy@1", "accuracy@3", "accuracy@10", "recall@1", "recall@3", "recall@100", "precision@1"),
    *("precision@3", "precision@10", "MRR", "MRR@2", "MRR@10", "nDCG@1", "nDCG@3", "nDCG@10"),
)


@pytest.mark.parametrize("grades", [(1,), (1, 1), (3, 1), (2, 1, 1), (1, 1, 1, 1, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_the_mean_over_all_orders(name: str, grades: tuple[int, ...]) -> None:
    """Five documents: every way in which the relevant ones can be placed."""
    measure = parse_measure(name)
    places = itertools.permutations(range(1, 6), len(grades))
    units = [JudgedRanks(5, ranks, grades) for ranks in places]
    mean = statistics.fmean(measure_units(units, [measure])[name])
    assert chance_score(measure, 5, grades) == pytest.approx(mean, abs=1e-12)


def test_by_hand() -> None:
    accuracy = parse_measure("accuracy@10")
    assert chance_score(accuracy, 538, [1]) == pytest.approx(10 / 538)
    assert chance_score(accuracy, 538, [1, 1]) == pytest.approx(1 - math.comb(536, 10) / math.comb(538, 10))
    assert chance_score(parse_measure("MRR"), 3, [1]) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert chance_score(parse_measure("MRR"), 1_000_000, [1]) == pytest.approx(
        (math.log(1e6) + 0.5772156649 + 5e-7) / 1e6, rel=1e-9
    )  # the harmonic number


def test_the_macro_is_over_languages_and_their_units() -> None:
    """en: 4 documents, needs with 1 and 2 right ones; de: 2 documents, 1 right: ((1/4 + 2/4) / 2 + 1/2) / 2."""
    documents = [Document(f"en{i}", "x", "en") for i in range(4)] + [
        Document(f"de{i}", "y", "de") for i in range(2)
    ]
    queries = [Query("a-en", "a", "en", "a"), Query("a-de", "a", "de", "a"), Query("b-en", "b", "en", "b")]
    a, b = {"en0": 1, "de0": 1, "en3": 0}, {"en1": 1, "en2": 2}
    task = Task(
        "t",
        ("en", "de"),
        Alignment.COMPARABLE,
        tuple(documents),
        tuple(queries),
        {"a-en": a, "a-de": a, "b-en": b},
    )
    units = pd.DataFrame(
        [
            {"need_id": "a", "doc_lang": "en", "mode": "monolingual"},
            {"need_id": "a", "doc_lang": "de", "mode": "monolingual"},
            {"need_id": "b", "doc_lang": "en", "mode": "monolingual"},
            {"need_id": "b", "doc_lang": "en", "mode": "cross_lingual"},
        ]
    )
    assert monolingual_chance(task, units, parse_measure("accuracy@1")) == pytest.approx(0.4375)
    assert math.isnan(monolingual_chance(task, units.iloc[3:], parse_measure("accuracy@1")))
