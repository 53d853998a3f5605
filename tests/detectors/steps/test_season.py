"""Hours of the week that go faster or slower than others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.steps.season import HOURS, Season
from tests.detectors.steps.simulation import START

HOUR = START // 3600
"""2026-01-01T00:00Z, a Thursday."""


def hour_of_week(hour: int) -> int:
    return (hour + 72) % HOURS


def rhythm(how: int) -> float:
    """Fast at noon, slow at midnight; slower still at weekends."""
    return (1 + 0.5 * math.sin(2 * math.pi * (how % 24 - 6) / 24)) * (0.6 if how >= 120 else 1.0)


def lived(hours: int, *, due: float = 1000.0, seed: int = 3, weekend: bool = True) -> Season:
    """A season that has seen so many hours, with `due` completions expected in each at factor 1."""
    rng = np.random.default_rng(seed)
    season = Season()
    for hour in range(HOUR, HOUR + hours + 1):
        how = hour_of_week(hour)
        factor = rhythm(how) if weekend else rhythm(how % 24)
        for _ in range(4):
            season.add(hour, how, float(rng.poisson(due / 4 * factor)), due / 4, 1.0)
    return season


def level(season: Season, hours: int) -> float:
    """What a factor is measured against: the mean of those that have been seen."""
    return float(np.mean([rhythm(hour_of_week(hour) % 24) for hour in range(HOUR, HOUR + hours)]))


def test_a_daily_rhythm_is_used_after_its_second_day() -> None:
    once, twice = lived(24, weekend=False), lived(48, weekend=False)
    assert not once.known
    assert (once.factors == 1.0).all()
    assert twice.known
    mean = level(twice, 48)
    for how in range(HOURS):
        factor, variance = twice.factor(how)
        assert factor == pytest.approx(rhythm(how % 24) / mean, rel=0.15)
        assert 0 < math.sqrt(variance) < 0.6


def test_a_weekly_rhythm_is_known_after_some_weeks_within_its_error() -> None:
    season = lived(4 * HOURS)
    mean = float(np.mean([rhythm(how) for how in range(HOURS)]))
    errors = []
    for how in range(HOURS):
        factor, variance = season.factor(how)
        errors.append(math.log(factor / (rhythm(how) / mean)) / math.sqrt(variance))
    assert np.abs(errors).max() < 4
    weekday, weekend = season.factor(12)[0], season.factor(5 * 24 + 12)[0]
    assert weekend / weekday == pytest.approx(0.6, rel=0.1)


def test_the_weekly_mean_is_one() -> None:
    season = lived(3 * HOURS)
    _, weights, _ = season._sums
    assert float((season.factors * weights).sum() / weights.sum()) == pytest.approx(1.0, abs=1e-12)


def test_an_hour_that_has_not_been_there_takes_its_parents_factor() -> None:
    # Thursday and Friday only: Saturday's hours follow the hours of the day.
    season = lived(48, weekend=False)
    thursday, saturday = 3 * 24, 5 * 24
    for hour in range(24):
        assert season.factor(saturday + hour)[0] == pytest.approx(season.factor(thursday + hour)[0], rel=0.1)


def test_hours_that_do_not_differ_stay_near_one_however_few_come() -> None:
    rng = np.random.default_rng(8)
    season = Season()
    for hour in range(HOUR, HOUR + 3 * HOURS):
        season.add(hour, hour_of_week(hour), float(rng.poisson(20)), 20.0, 1.0)
    assert np.abs(np.log(season.factors)).max() < 0.15


def test_noise_is_not_taken_for_a_rhythm() -> None:
    rng = np.random.default_rng(8)
    season = Season()
    for hour in range(HOUR, HOUR + 3 * HOURS):
        season.add(hour, hour_of_week(hour), 10.0 * rng.poisson(20), 200.0, 10.0)
    assert np.abs(np.log(season.factors)).max() < 0.3


def test_an_hour_in_which_nobody_is_due_teaches_nothing() -> None:
    season = lived(3 * HOURS)
    factors = season.factors.copy()
    season.add(HOUR + 10_000, 5, 0.0, 0.0, 1.0)
    season.add(HOUR + 10_001, 6, 0.0, 0.0, 1.0)
    moved = np.abs(np.log(season.factors / factors))
    assert moved.max() < 0.05


def test_an_hour_that_is_not_normal_is_forgotten() -> None:
    season, other = lived(3 * HOURS), lived(3 * HOURS)
    for one in (season, other):
        # Ends the hour under way.
        one.add(HOUR + 10_000, 5, 0.0, 1000.0, 1.0)
    season.forget_open()
    season.add(HOUR + 10_001, 6, 600.0, 1000.0, 1.0)
    other.add(HOUR + 10_001, 6, 600.0, 1000.0, 1.0)
    assert season.factor(5)[0] > 1.1 * other.factor(5)[0]


def test_what_is_restored_goes_on_the_same_bit_for_bit() -> None:
    season = lived(2 * HOURS)
    again = Season()
    again.restore(season.snapshot())
    assert again.snapshot() == season.snapshot()
    assert again.factors.tobytes() == season.factors.tobytes()
    for one in (season, again):
        one.add(HOUR + 10_000, 5, 10.0, 1000.0, 1.0)
        one.add(HOUR + 10_001, 6, 10.0, 1000.0, 1.0)
    assert again.snapshot() == season.snapshot()
