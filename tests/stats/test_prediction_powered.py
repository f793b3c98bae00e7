from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from xlembed.stats.prediction_powered import plain_mean, powered_mean


def test_by_hand() -> None:
    alone, machine, human = [0.0, 1.0] * 10, [1.0] * 5 + [0.0] * 5, [1.0] * 3 + [0.0] * 7
    found = powered_mean(alone, machine, human)
    assert found is not None and found.units == 30
    assert found.value == pytest.approx(0.5 - 0.2)
    half = 1.959964 * np.sqrt(np.var(alone, ddof=1) / 20 + np.var([-1] * 2 + [0] * 8, ddof=1) / 10)
    assert found.high == pytest.approx(0.3 + half, abs=1e-5) and found.low == pytest.approx(
        0.3 - half, abs=1e-5
    )


def test_it_covers_the_truth_where_the_machine_is_wrong_and_is_narrower_than_people_alone() -> None:
    rng = np.random.default_rng(7)
    covered, widths = 0, []
    for _ in range(300):
        truth = rng.random(460) < 0.4
        machine = np.where(rng.random(460) < 0.1, True, truth)  # calls too much right
        found, people = powered_mean(machine[60:], machine[:60], truth[:60]), plain_mean(truth[:60])
        assert found and found.low is not None and found.high is not None and people.low is not None
        covered += found.low <= 0.4 <= found.high
        widths.append((found.high - found.low) / ((people.high or 0) - people.low))
    assert 0.90 <= covered / 300 <= 0.99 and np.mean(widths) < 0.8


def test_too_few_have_no_interval() -> None:
    assert powered_mean([1.0] * 30, [1.0] * 9, [1.0] * 9) is None
    assert powered_mean([], [1.0] * 30, [1.0] * 30) is None
    assert plain_mean([0.5] * 9).low is None and plain_mean([0.5] * 9).value == 0.5
    sure = powered_mean([1.0] * 30, [1.0] * 10, [1.0] * 10)
    assert sure is not None and (sure.value, sure.low, sure.high) == (1.0, None, None)
    with pytest.raises(ValueError, match="as many of each"):
        powered_mean([1.0], [1.0], [])


def test_the_interval_of_a_mean_is_that_of_a_share() -> None:
    """Twelve of twelve leave room for others; an end does not leave [0, 1]; in the middle it is that of Student."""
    for value in (0.0, 1.0):
        found = plain_mean([value] * 12)
        assert found.low is not None and found.high is not None
        assert found.high - found.low > 0.2 and 0 <= found.low <= value <= found.high <= 1
    assert plain_mean([1.0] * 11 + [0.5]).high == pytest.approx(1.0, abs=0.02)
    values = [0.25, 0.5, 0.75] * 40
    middle = plain_mean(values)
    half = t.ppf(0.975, 119) * np.std(values, ddof=1) / np.sqrt(120)
    assert middle.low == pytest.approx(0.5 - half, abs=0.002)
    assert middle.high == pytest.approx(0.5 + half, abs=0.002)
