"""Dev values on vectors in the plane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from small_model import static_model
from xlembed.finetune.dev import DevData, dev_evaluator, relevant_positives
from xlembed.words import UserError

VECTORS = {
    "[UNK]": (0, 0),
    "a": (1, 0),
    "b": (0, 1),
    "c": (0.6, 0.8),
    "d": (0.8, 0.6),
    "q:": (0, 1),
    "p:": (1, 0),
}


Rows = Sequence[Mapping[str, object]]


def measured(rows: Rows, metric: str, query: str = "", document: str = "") -> float:
    vectors = {word: tuple(float(x) for x in vector) for word, vector in VECTORS.items()}
    return dev_evaluator(DevData(rows, metric, query, document))(static_model(vectors))["dev"]


def test_spearman() -> None:
    # cosines with a: d 0.8, c 0.6, b 0
    rows: Rows = [{"text1": "a", "text2": x, "score": s} for x, s in (("d", 3), ("c", 1), ("b", 2))]
    assert measured(rows, "spearman") == pytest.approx(0.5)  # ranks 3 2 1 and 3 1 2: 1 - 6 * 2 / (3 * 8)
    # "p:" draws both sides to (1, 0): c and d become more alike to a, b comes to 45 degrees; order as before
    assert measured(rows, "spearman", document="p: ") == pytest.approx(0.5)


def test_retrieval() -> None:
    # a: d 0.8, c 0.6, b 0; b: b 1, c 0.8, d 0.6
    rows = [{"anchor": x, "positive": y} for x, y in ("ac", "bb", "dd")]
    assert measured(rows, "accuracy@1") == pytest.approx(2 / 3)
    assert measured(rows, "MRR@10") == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert measured(rows, "nDCG@10") == pytest.approx((1 / math.log2(3) + 2) / 3)


def test_prompts_go_before_queries_and_documents() -> None:
    rows = [{"anchor": "a", "positive": "d"}, {"anchor": "b", "positive": "c c c c c c"}]
    assert measured(rows, "accuracy@1") == 1
    # a comes to (0.25, 0.75), nearer to c
    assert measured(rows, "accuracy@1", query="q: q: q: ") == 0.5
    # d comes to (0.8, 3.6) / 4, six c only to (3.6, 7.8) / 9, which is nearer to a now; b takes d
    assert measured(rows, "accuracy@1", document="q: q: q: ") == 0


def test_relevant_are_the_positives_of_equal_anchors_and_groups() -> None:
    rows = [
        {"anchor": "q1", "positive": "x", "group": "1"},
        {"anchor": "q2", "positive": "y", "group": "1"},
        {"anchor": "q1", "positive": "z"},
        {"anchor": "q3", "positive": "x"},
    ]
    assert relevant_positives(rows) == {"q1": {"x", "y", "z"}, "q2": {"x", "y"}, "q3": {"x"}}


@pytest.mark.parametrize(
    ("rows", "metric", "message"),
    [
        ([], "spearman", "no rows"),
        ([{"text1": "a", "text2": "b", "score": 1}] * 2, "spearman", "two different scores"),
        ([{"anchor": "a", "positive": "b"}] * 2, "MRR@10", "two different positives"),
        (
            [{"anchor": "a", "positive": "b"}],
            "spearman",
            "needs rows with text1, text2, score; found anchor, positive",
        ),
    ],
)
def test_rows_that_tell_nothing_are_refused(rows: Rows, metric: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        measured(rows, metric)


def test_a_collapsed_model_is_said_to_be_one() -> None:
    rows = [{"text1": "a", "text2": "zz", "score": 1}, {"text1": "b", "text2": "zz", "score": 2}]
    model = static_model({"[UNK]": (1.0, 0.0)})
    with pytest.raises(UserError, match="same vectors"):
        dev_evaluator(DevData(rows, "spearman"))(model)
