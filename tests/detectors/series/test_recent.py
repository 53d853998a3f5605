"""When a change began, from the minutes of the last day."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.series.recent import MINUTES, Recent, ratio_interval


def minutes(counts: list[int], expected: float) -> Recent:
    recent = Recent()
    for minute, count in enumerate(counts):
        recent.add(minute * 60, (float(count), expected))
    return recent


def test_a_rate_that_fell_is_dated_to_where_it_fell_and_the_interval_holds_that() -> None:
    within = 0
    for seed in range(200):
        chance = np.random.default_rng(seed)
        recent = minutes([*chance.poisson(10, 300), *chance.poisson(5, 20)], 10.0)
        began = recent.rate_change("down", 1.0)
        assert began.low <= began.since <= began.high
        within += began.low <= 300 * 60 <= began.high
    assert within >= 170


def test_a_rise_is_dated_as_well() -> None:
    began = minutes([10] * 100 + [20] * 10, 10.0).rate_change("up", 1.0)
    assert began.since == 100 * 60
    assert list(began.sums) == [200.0, 100.0]


def test_a_mean_that_fell_is_dated_to_where_it_fell() -> None:
    recent = Recent()
    for minute in range(120):
        value = 4.0 if minute < 100 else 2.0
        recent.add(minute * 60, (2.0, 2 * value, 2 * value * value))
    assert recent.mean_change("down", 4.0, 1.0).since == 100 * 60


def test_only_the_last_day_is_kept() -> None:
    recent = minutes([1] * (5 * MINUTES), 1.0)
    assert len(recent.minutes) <= 2 * MINUTES
    assert recent.rate_change("down", 1.0).since >= 4 * MINUTES * 60


@pytest.mark.parametrize(("expected", "ratio"), [(10.0, 1.0), (100.0, 0.5), (30.0, 2.0)])
def test_the_interval_of_a_ratio_holds_the_truth_in_nineteen_of_twenty_cases(expected: float, ratio: float) -> None:
    counts = np.random.default_rng(1).poisson(expected * ratio, 4000)
    inside = sum(low <= ratio <= high for low, high in (ratio_interval(float(n), expected, 1.0, 0.0) for n in counts))
    assert 0.94 <= inside / 4000 <= 0.985
