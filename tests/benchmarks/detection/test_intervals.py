from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection import intervals


def test_the_interval_of_a_ratio_holds_it_as_often_as_it_says_when_series_differ() -> None:
    chance = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        # Series with rates of their own: the ticks of one are not independent, the series are.
        alarms = chance.poisson(chance.gamma(2.0, 0.5, 100) * 3.0).astype(float)
        _, low, high = intervals.ratio(alarms, np.full(100, 3.0))
        held += low <= 1.0 <= high
    assert held / 200 == pytest.approx(0.95, abs=0.05)


def test_a_ratio_is_the_sum_over_the_sum() -> None:
    ratio, low, high = intervals.ratio(np.array([1.0, 0.0, 2.0]), np.array([1.0, 1.0, 4.0]))
    assert ratio == 0.5
    assert low <= ratio <= high
