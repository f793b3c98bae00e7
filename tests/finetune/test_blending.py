from __future__ import annotations

from collections import Counter

import numpy as np

from xlembed.finetune.blending import epoch_rows, row_marks, spread


def test_equal_weights_see_every_row_once_in_another_order_each_epoch() -> None:
    first, second = (epoch_rows([30, 70], [1, 1], seed=1, epoch=e).tolist() for e in (0, 1))
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second != list(range(100))
    assert first == epoch_rows([30, 70], [1, 1], seed=1, epoch=0).tolist()
    assert first != epoch_rows([30, 70], [1, 1], seed=2, epoch=0).tolist()


def test_weights_say_how_often_a_row_comes_relative_to_others() -> None:
    """10 rows of weight 3 and 30 of weight 1: 40 draws, 20 to each set, so 2 times and 2/3 times."""
    counts = Counter(epoch_rows([10, 30], [3, 1], seed=1, epoch=0).tolist())
    assert sum(counts.values()) == 40
    assert [counts[row] for row in range(10)] == [2] * 10
    assert sum(counts[row] for row in range(10, 40)) == 20 and max(counts[r] for r in range(10, 40)) == 1


def test_no_batch_holds_a_false_negative_where_that_can_be_had() -> None:
    rows = [{"anchor": f"q{i}", "positive": f"p{i // 6}", "group": str(i // 12)} for i in range(1200)]
    marks = row_marks(rows, ("anchor", "positive"))
    ordered = spread(epoch_rows([1200], [1], 7, 0), marks, batch=64)
    assert sorted(ordered.tolist()) == list(range(1200))
    for start in range(0, 1200, 64):
        groups = [rows[i]["group"] for i in ordered[start : start + 64]]
        assert len(set(groups)) == len(groups)


def test_batches_are_filled_where_it_cannot() -> None:
    marks = row_marks(
        [{"anchor": f"q{i}", "positive": "the same"} for i in range(10)], ("anchor", "positive")
    )
    assert sorted(spread(np.arange(10), marks, batch=4).tolist()) == list(range(10))
    assert spread(np.arange(0), [], batch=4).tolist() == []


def test_texts_are_the_same_whatever_their_case_and_spacing() -> None:
    one, two = row_marks(
        [{"anchor": "A  b", "positive": "x"}, {"anchor": "a B", "positive": "y"}], ("anchor", "positive")
    )
    assert one & two and len(one) == 2
