"""What is usual for a rate, and how sure that is."""

from __future__ import annotations

import pytest

from detectors.series.baseline import Baseline
from detectors.series.slots import SECONDS
from tests.detectors.series.drive import DAY, START, hour_of_week

FIRST = START // SECONDS
A_DAY = DAY // SECONDS


def learnt(slots: int, count: float = 90.0) -> Baseline:
    baseline = Baseline(hour_of_week)
    for slot in range(FIRST, FIRST + slots):
        baseline.learn(slot, [count, float(SECONDS)])
        baseline.refresh(slot + 1)
    return baseline


def test_the_rate_is_events_per_second_and_surer_the_more_there_were() -> None:
    few, many = learnt(2), learnt(50)
    assert many.rate == pytest.approx(0.1, rel=0.01)
    assert many.variance < few.variance / 10


def test_before_a_day_was_seen_the_night_is_allowed_for() -> None:
    assert learnt(A_DAY - 1).doubt > 0.5
    assert learnt(A_DAY).doubt == 0


def test_nothing_is_expected_before_anything_was_learnt() -> None:
    baseline = Baseline(hour_of_week)
    baseline.refresh(FIRST)
    assert baseline.rate is None


def test_after_an_alarm_the_rate_is_that_of_before_the_change() -> None:
    baseline = learnt(60)
    before = baseline.rate
    for slot in range(FIRST + 60, FIRST + 70):
        baseline.learn(slot, [10.0, float(SECONDS)])
    baseline.undo(FIRST + 60)
    baseline.refresh(FIRST + 70)
    assert baseline.rate == pytest.approx(before, rel=1e-3)


def test_hours_that_differ_every_day_have_factors_of_their_own_and_the_level_follows() -> None:
    baseline = Baseline(hour_of_week)
    for slot in range(FIRST, FIRST + 8 * A_DAY):
        busy = hour_of_week(slot * SECONDS) % 24 >= 12
        baseline.learn(slot, [900.0 if busy else 90.0, float(SECONDS)])
        baseline.refresh(slot + 1)
    expected = []
    for hour in (3, 15):
        baseline.refresh(FIRST + 8 * A_DAY + hour * 4)
        assert baseline.rate is not None
        expected.append(baseline.rate * baseline.factor)
    assert expected == pytest.approx([0.1, 1.0], rel=0.15)
    assert baseline.seasonal
