from __future__ import annotations

import numpy as np
import pytest

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
    with pytest.raises(ValueError, match="as many of each"):
        powered_mean([1.0], [1.0], [])
