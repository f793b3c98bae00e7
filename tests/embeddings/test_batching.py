import pytest

from xlembed.embeddings.batching import plan_batches


def plan(counts: list[int], batch_tokens: int) -> list[list[int]]:
    return [batch.tolist() for batch in plan_batches(counts, batch_tokens)]


def test_batches_by_hand() -> None:
    # Sorted: 12 (1), 5 (0), 5 (4), 4 (2), 2 (3), 1 (5); 16 // 12 = 1, 16 // 5 = 3, 16 // 2 = 8.
    assert plan([5, 12, 4, 2, 5, 1], 16) == [[1], [0, 4, 2], [3, 5]]


def test_budget_is_reached_exactly() -> None:
    assert plan([4, 4, 4], 8) == [[0, 1], [2]]


def test_text_above_the_budget_goes_alone() -> None:
    assert plan([3, 100, 3], 6) == [[1], [0, 2]]


def test_no_tokens_count_as_one() -> None:
    assert plan([0, 0, 0], 2) == [[0, 1], [2]]


def test_nothing_to_plan() -> None:
    assert plan([], 8) == []


def test_budget_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1, found 0"):
        plan_batches([1], 0)
