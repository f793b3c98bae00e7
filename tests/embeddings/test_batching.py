from itertools import combinations

import numpy as np
import pytest

from xlembed.embeddings.batching import plan_batches


def plan(counts: list[int], batch_tokens: int) -> list[list[int]]:
    return [batch.tolist() for batch in plan_batches(counts, batch_tokens)]


def test_batches_by_hand() -> None:
    # Sorted: 12 (1), 5 (0), 5 (4), 4 (2), 2 (3), 1 (5); 16 // 12 = 1, 16 // 5 = 3, 16 // 2 = 8.
    assert plan([5, 12, 4, 2, 5, 1], 16) == [[1], [0, 4, 2], [3, 5]]


def test_budget_is_reached_exactly() -> None:
    assert plan([4, 4, 4], 8) == [[0, 1], [2]]


def test_no_more_texts_than_allowed() -> None:
    assert [batch.tolist() for batch in plan_batches([4, 1, 1, 1], 8, most=2)] == [[0, 1], [2, 3]]


def test_what_is_taken_out_leaves_the_other_batches_as_they_are() -> None:
    counts = np.array([3, 9, 4, 4, 1, 2, 7, 7, 1, 5])
    batches = [tuple(batch.tolist()) for batch in plan_batches(counts, 10, most=3)]
    for n in range(len(batches)):
        for gone in combinations(batches, n):
            left = np.array([place for place in range(len(counts)) if place not in sum(gone, ())])
            again = [tuple(left[batch].tolist()) for batch in plan_batches(counts[left], 10, most=3)]
            assert again == [batch for batch in batches if batch not in gone]


def test_text_above_the_budget_goes_alone() -> None:
    assert plan([3, 100, 3], 6) == [[1], [0, 2]]


def test_no_tokens_count_as_one() -> None:
    assert plan([0, 0, 0], 2) == [[0, 1], [2]]


def test_nothing_to_plan() -> None:
    assert plan([], 8) == []


def test_budget_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1, found 0"):
        plan_batches([1], 0)
