from __future__ import annotations

import pytest

from small_model import static_model
from xlembed.finetune.negatives import add_negatives
from xlembed.finetune.recipe import Negatives

ROWS = [
    {"anchor": "q1", "positive": "answer a", "group": "g1"},
    {"anchor": "q2", "positive": "Answer  A", "group": "g2"},
    {"anchor": "q3", "positive": "b", "group": "g1"},
    {"anchor": "q1", "positive": "c"},
    {"anchor": "q4", "positive": "d", "group": "g3"},
]


def test_random_negatives_are_never_right_answers() -> None:
    """q1 is answered by a and c, its group by b too: only d is left; q2 must not get a in another spelling."""
    found = add_negatives(ROWS, Negatives(kind="random"), seed=1)
    assert len(found) == len(ROWS)
    assert found[0]["negative"] == "d"
    for seed in range(20):
        for row in add_negatives(ROWS, Negatives(kind="random"), seed):
            assert row["negative"].casefold().split() != row["positive"].casefold().split()
            if row["anchor"] == "q1":
                assert row["negative"] not in ("answer a", "Answer  A", "c")
            if row.get("group") == "g1":
                assert row["negative"] not in ("answer a", "Answer  A", "b")


def test_random_negatives_follow_the_seed() -> None:
    def drawn(seed: int) -> list[str]:
        rows = [{"anchor": f"q{i}", "positive": f"p{i}"} for i in range(50)]
        return [row["negative"] for row in add_negatives(rows, Negatives(kind="random"), seed)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_several_per_row_are_different_and_rows_without_enough_are_counted() -> None:
    found = add_negatives(ROWS, Negatives(kind="random", per_row=2), seed=1)
    for row in found:
        assert row["negative"].casefold().split() != row["negative_1"].casefold().split()
    assert len(found) == len(ROWS) - 1  # q1 of g1: d only
    assert [row["anchor"] for row in found] == ["q2", "q3", "q1", "q4"]


MODEL = {
    "near": (1.0, 0.0),
    "right": (1.0, 0.1),
    "close": (0.9, 0.5),
    "far": (0.0, 1.0),
    "twin": (1.0, 0.05),
}


def test_hard_negatives_are_the_nearest_below_the_margin() -> None:
    """Cosines to `near`: right 0.995, twin 0.999, close 0.874, far 0; the margin 0.05 takes off from 0.945."""
    rows = [
        {"anchor": "near", "positive": "right"},
        {"anchor": "far", "positive": "far far"},
        {"anchor": "x", "positive": "close"},
        {"anchor": "y", "positive": "twin"},
    ]
    settings = Negatives(kind="hard", margin=0.05, deepest=4)
    found = add_negatives(rows, settings, 1, static_model({**MODEL, "x": (0.5, 0.5), "y": (0.4, 0.6)}))
    assert next(row["negative"] for row in found if row["anchor"] == "near") == "close"


def test_hard_negatives_respect_groups() -> None:
    rows = [
        {"anchor": "near", "positive": "right", "group": "g"},
        {"anchor": "x", "positive": "close", "group": "g"},
        {"anchor": "far", "positive": "far far"},
    ]
    model = static_model({**MODEL, "x": (0.5, 0.5)})
    found = add_negatives(rows, Negatives(kind="hard", deepest=3), 1, model)
    assert next(row["negative"] for row in found if row["anchor"] == "near") == "far far"


def test_mining_needs_a_model() -> None:
    with pytest.raises(ValueError, match="mined by a model"):
        add_negatives(ROWS, Negatives(kind="hard"), 1)
