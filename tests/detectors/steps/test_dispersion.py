"""How completions vary: noise from one second to the next, and drift from day to day."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.recursion import Floats
from detectors.steps.dispersion import Dispersion
from tests.detectors.steps.simulation import START

DAY = 86_400
EVERY = 60
SERIES = 30


def lived(kind: str, days: int = 8, per_second: float = 0.5, doubt: float = 0.0) -> Dispersion:
    """A dispersion that has seen so many days of one kind of series, 30 of them."""
    rng = np.random.default_rng(11)
    dispersion = Dispersion(SERIES)
    factor: Floats = np.ones(SERIES)
    off = rng.normal(0, doubt, SERIES)
    for tick in range(START + EVERY - 1, START + days * DAY, EVERY):
        hour = tick % DAY // 3600
        expected = np.full(SERIES, per_second * EVERY)
        if kind == "closed at night" and hour < 8:
            expected = np.zeros(SERIES)
        if kind == "other days" and tick % DAY < EVERY:
            factor = np.exp(rng.normal(0, 0.15, SERIES))
        mean = expected * factor * np.exp(off)
        observed = 3 * rng.poisson(mean / 3) if kind == "threes" else rng.poisson(mean)
        dispersion.add(tick, observed.astype(np.float64), expected, np.full(SERIES, doubt))
    return dispersion


def test_independent_customers_are_no_noise_beyond_counting() -> None:
    dispersion = lived("poisson")
    assert dispersion.fast.mean() == pytest.approx(1.0, abs=0.05)
    assert dispersion.fast.max() < 1.2
    # The largest of five estimates, three of them of few blocks.
    assert dispersion.slow.mean() < 1.6
    assert np.sqrt(dispersion.drift.mean()) < 0.02


def test_customers_in_threes_are_three_times_the_noise_and_no_drift() -> None:
    dispersion = lived("threes")
    assert dispersion.fast.mean() == pytest.approx(3.0, rel=0.1)
    assert 2.7 < dispersion.slow.mean() < 4.5
    # What is beyond counting in ten minutes is taken for drift, as 2/300 cannot be told from it.
    assert np.sqrt(dispersion.drift.mean()) < np.sqrt(2 / 300) * 1.2


def test_days_that_differ_are_slow_noise_and_drift_but_no_fast_noise() -> None:
    dispersion = lived("other days")
    # Within a minute 0.15² adds 30 × 0.0225 to the noise of counting.
    assert dispersion.fast.mean() < 2.3
    assert dispersion.slow.mean() > 100
    assert np.sqrt(dispersion.drift.mean()) == pytest.approx(0.15, abs=0.04)


def test_closed_at_night_is_like_open_all_day() -> None:
    dispersion = lived("closed at night")
    assert dispersion.fast.mean() == pytest.approx(1.0, abs=0.05)
    assert dispersion.slow.mean() < 1.6
    assert np.sqrt(dispersion.drift.mean()) < 0.02


def test_an_error_of_the_baseline_is_not_counted_as_dispersion() -> None:
    # Each series is expected 5 % too high or too low all the time, and says that it may be.
    known = lived("poisson", doubt=0.05)
    assert known.slow.mean() < 6
    assert np.sqrt(known.drift.mean()) < 0.03
    rng = np.random.default_rng(11)
    unknown = Dispersion(SERIES)
    off = rng.normal(0, 0.05, SERIES)
    for tick in range(START + 600 - 1, START + 12 * DAY, 600):
        expected = np.full(SERIES, 300.0)
        observed = rng.poisson(expected * np.exp(off)).astype(np.float64)
        unknown.add(tick, observed, expected, np.zeros(SERIES))
    assert unknown.slow.mean() > 5 * known.slow.mean()


def test_it_is_never_below_counting_noise() -> None:
    dispersion = Dispersion(1)
    for tick in range(START + 59, START + 2 * DAY, 60):
        dispersion.add(tick, np.array([30.0]), np.array([30.0]), np.zeros(1))
    assert dispersion.fast[0] == dispersion.slow[0] == 1.0
    assert dispersion.drift[0] == 0.0


def test_a_new_series_begins_at_counting_noise_and_a_cleared_one_begins_anew() -> None:
    dispersion = lived("threes", days=2)
    dispersion.extend(1)
    assert len(dispersion.fast) == len(dispersion.slow) == len(dispersion.drift) == SERIES + 1
    assert dispersion.fast[SERIES] == dispersion.slow[SERIES] == 1.0
    assert dispersion.fast[0] > 2
    dispersion.clear(0)
    assert dispersion.fast[0] == 1.0
    assert dispersion.fast[1] > 2


def test_what_has_just_alarmed_is_forgotten_before_it_is_believed() -> None:
    dispersion = Dispersion(2)
    for tick in range(START + 59, START + 2 * DAY, 60):
        dispersion.add(tick, np.full(2, 30.0), np.full(2, 30.0), np.zeros(2))
    for tick in range(START + 2 * DAY + 59, START + 2 * DAY + 3600, 60):
        dispersion.add(tick, np.full(2, 5.0), np.full(2, 30.0), np.zeros(2))
    dispersion.forget_recent(np.array([1]))
    for tick in range(START + 2 * DAY + 3659, START + 3 * DAY, 60):
        dispersion.add(tick, np.full(2, 30.0), np.full(2, 30.0), np.zeros(2))
    assert dispersion.slow[0] > 5
    assert dispersion.slow[1] == 1.0


def test_after_the_first_day_what_happens_is_believed_six_hours_later() -> None:
    dispersion = Dispersion(1)
    for tick in range(START + 59, START + 2 * DAY, 60):
        dispersion.add(tick, np.array([30.0]), np.array([30.0]), np.zeros(1))
    for tick in range(START + 2 * DAY + 59, START + 2 * DAY + 5 * 3600, 60):
        dispersion.add(tick, np.array([10.0]), np.array([30.0]), np.zeros(1))
    assert dispersion.slow[0] == 1.0
    believed, forgotten = dispersion, Dispersion(1)
    forgotten.restore(dispersion.snapshot())
    forgotten.forget_recent(slice(None))
    for one in (believed, forgotten):
        for tick in range(START + 2 * DAY + 5 * 3600 + 59, START + 3 * DAY, 60):
            one.add(tick, np.array([30.0]), np.array([30.0]), np.zeros(1))
    assert believed.slow[0] > 20
    assert forgotten.slow[0] == 1.0


def test_updates_of_a_second_and_of_a_minute_tell_the_same_of_the_same_blocks() -> None:
    rng = np.random.default_rng(9)
    finely, coarsely = Dispersion(1), Dispersion(1)
    counts = rng.poisson(0.5, 7200)
    for at, count in enumerate(counts):
        finely.add(START + at, np.array([float(count)]), np.array([0.5]), np.zeros(1))
    for at in range(59, 7200, 60):
        coarsely.add(START + at, np.array([float(counts[at - 59 : at + 1].sum())]), np.array([30.0]), np.zeros(1))
    for name in ("fast", "slow", "drift"):
        assert getattr(finely, name) == pytest.approx(getattr(coarsely, name), rel=1e-9)


def test_what_is_restored_goes_on_the_same_bit_for_bit() -> None:
    dispersion = lived("threes", days=2)
    again = Dispersion(SERIES)
    again.restore(dispersion.snapshot())
    assert again.snapshot() == dispersion.snapshot()
    for one in (dispersion, again):
        rng = np.random.default_rng(1)
        for tick in range(START + 2 * DAY, START + 3 * DAY, 300):
            one.add(tick, rng.poisson(150, SERIES).astype(np.float64), np.full(SERIES, 150.0), np.full(SERIES, 0.01))
    assert again.slow.tobytes() == dispersion.slow.tobytes()
    assert again.snapshot() == dispersion.snapshot()
