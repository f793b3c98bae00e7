"""Agreement of two rankings against numbers worked by hand, loops over the published formula, and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from xlembed.search.language_measures import rank_biased_overlap, rank_correlation


def lists(*of: list[int], k: int = 10) -> np.ndarray:
    return np.array([[*one, *[-1] * (k - len(one))] for one in of], dtype=np.int64)


def plain_overlap(a: list[int], b: list[int], p: float) -> float:
    """Equation 32 of Webber et al., term by term."""
    s, length = sorted((len(a), len(b)))

    def shared(d: int) -> int:
        return len(set(a[:d]) & set(b[:d]))

    total = sum(shared(d) / d * p**d for d in range(1, length + 1))
    total += sum(shared(s) * (d - s) / (s * d) * p**d for d in range(s + 1, length + 1))
    return (1 - p) / p * total + ((shared(length) - shared(s)) / length + shared(s) / s) * p**length


def plain_correlation(a: list[int], b: list[int]) -> float:
    union = sorted({*a, *b})
    ranks = [[one.index(x) + 1 if x in one else 11 for x in union] for one in (a, b)]
    return float(spearmanr(*ranks).statistic)


@pytest.fixture(scope="module")
def drawn() -> list[tuple[list[int], list[int]]]:
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 11, size=(200, 2))
    return [tuple(rng.permutation(14)[:n].tolist() for n in of) for of in sizes]  # type: ignore[misc]


def test_overlap_counted_by_hand() -> None:
    """Overlaps 0, 1, 3 in the tops of 1, 2, 3: .1 / .9 (.9^2 / 2 + .9^3) + .9^3."""
    assert rank_biased_overlap(lists([1, 2, 3]), lists([2, 4, 1])) < 0.855
    assert rank_biased_overlap(lists([1, 2, 3]), lists([2, 3, 1])).tolist() == pytest.approx([0.855])
    # Half of each top is shared at depth 1: 0, 2: 1, and this share goes on for ever.
    assert rank_biased_overlap(lists([1, 2]), lists([2, 3])).tolist() == pytest.approx([0.1 * 0.45 + 0.405])


def test_the_same_agree_and_strangers_do_not() -> None:
    same, other = list(range(10)), list(range(20, 30))
    found = rank_biased_overlap(lists(same, same, same, []), lists(same, other, [], []))
    assert found.tolist() == pytest.approx([1, 0, 0, 0])
    found = rank_correlation(lists(same, same, same[::-1], [], [5], [5]), lists(same, [], same, [], [5], []))
    assert found.tolist() == pytest.approx([1, 0, -1, 0, 1, 0])


def test_correlation_counted_by_hand() -> None:
    """Ranks (1, 2, 3) and (3, 1, 2): 1 - 6 x 6 / 24; what is missing is tied behind."""
    assert rank_correlation(lists([1, 2, 3]), lists([2, 3, 1])).tolist() == pytest.approx([-0.5])
    # Union 1 2 3: midranks 1, 2, 3 (3 is missing alone) and 3, 1, 2.
    assert rank_correlation(lists([1, 2]), lists([2, 3])).tolist() == pytest.approx([-0.5])
    # Strangers of one each: 1, 2 and 2, 1.
    assert rank_correlation(lists([1]), lists([2])).tolist() == pytest.approx([-1])


def test_many_lists_of_any_length_equal_plain_loops(drawn: list[tuple[list[int], list[int]]]) -> None:
    a, b = (lists(*of) for of in zip(*drawn, strict=True))
    for p in (0.9, 0.5):
        expected = [plain_overlap(x, y, p) for x, y in drawn]
        assert rank_biased_overlap(a, b, p).tolist() == pytest.approx(expected, abs=1e-12)
    wanted = [(x, y) for x, y in drawn if len({*x, *y}) > 1]
    a, b = (lists(*of) for of in zip(*wanted, strict=True))
    assert rank_correlation(a, b).tolist() == pytest.approx([plain_correlation(x, y) for x, y in wanted])


def test_no_pairs_no_values() -> None:
    nothing = np.empty((0, 10), dtype=np.int64)
    assert rank_biased_overlap(nothing, nothing).shape == rank_correlation(nothing, nothing).shape == (0,)
