"""What is told of a drop: since when, how many should have come, how much is gone."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.recursion import Floats
from detectors.steps.deficit import Since, counted, in_flight, should_have_come, since_when, size, told_from
from detectors.steps.step_drop import StepDrop
from tests.detectors.steps.simulation import START, Customers, draw, updates

WITHIN = 300
LANES = 20
CHANGE = START + 3000 + 17
EVERYWHERE = np.arange(LANES)


@cache
def shop() -> Customers:
    return draw(np.random.default_rng(3), 4200, np.full(LANES, 3.0), within=WITHIN)


@cache
def _learnt() -> bytes:
    step = StepDrop(WITHIN, pooled=False)
    step.extend(LANES, EVERYWHERE[None, :], LANES)
    for tick, entered, left in updates(shop(), START, CHANGE):
        step.update(tick, entered, left, np.zeros(LANES))
    return step.snapshot()


@cache
def after(part: float, seconds: int, every: int = 1) -> StepDrop:
    """The step so many seconds after this part of its completions began to be lost."""
    step = StepDrop(WITHIN, pooled=False)
    step.restore(_learnt(), EVERYWHERE[None, :], LANES)
    customers = shop().hit(part, CHANGE, START + 10_000, WITHIN)
    for tick, entered, left in updates(customers, CHANGE, CHANGE + seconds, every):
        step.update(tick, entered, left, np.zeros(LANES), learn=False)
    return step


def found(part: float, seconds: int) -> list[Since]:
    step = after(part, seconds)
    return [since_when(step, np.array([lane]), 1.0) for lane in range(LANES)]


@pytest.mark.parametrize(("part", "seconds", "near"), [(1.0, 15, 3), (0.8, 60, 6), (0.5, 300, 25), (0.3, 900, 90)])
def test_the_beginning_is_found_near_the_truth_and_its_interval_holds_it(part: float, seconds: int, near: int) -> None:
    times = found(part, seconds)
    assert np.median([abs(one.best - CHANGE) for one in times]) <= near
    assert sum(one.low <= CHANGE <= one.high for one in times) >= 0.75 * LANES
    assert all(one.low <= one.best <= one.high for one in times)


def test_a_deeper_drop_makes_the_interval_narrower() -> None:
    def width(part: float, seconds: int) -> float:
        return float(np.mean([one.high - one.low for one in found(part, seconds)]))

    assert width(0.8, 60) < width(0.5, 60) < width(0.3, 60) < 300


def test_lanes_together_tell_the_second() -> None:
    together = since_when(after(0.5, 300), EVERYWHERE, 1.0)
    assert abs(together.best - CHANGE) <= 8
    assert together.low <= CHANGE <= together.high
    assert together.high - together.low <= 30


def test_noisier_completions_make_the_interval_wider() -> None:
    step = after(0.5, 300)
    calm, noisy = since_when(step, EVERYWHERE[:1], 1.0), since_when(step, EVERYWHERE[:1], 4.0)
    assert noisy.high - noisy.low > calm.high - calm.low


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("seconds", "every"), [(30, 1), (300, 1), (900, 1), (900, 4)])
def test_what_should_have_come_is_what_came_where_nothing_changed(part: float, seconds: int, every: int) -> None:
    step = after(part, seconds, every)
    assert step.tick is not None
    due = should_have_come(step, EVERYWHERE, CHANGE)
    twin = shop().completions(told_from(step, CHANGE), step.tick + 1, LANES)
    assert due.sum() == pytest.approx(twin.sum(), rel=0.03)
    # Each lane within counting noise and the error of its baseline.
    assert (np.abs(due / twin - 1) < 4 * np.sqrt(1 / twin + step.kappa**2)).all()


@pytest.mark.parametrize(("part", "seconds"), [(0.5, 300), (0.5, 900), (0.8, 300), (1.0, 300)])
def test_the_interval_of_the_size_holds_the_truth(part: float, seconds: int) -> None:
    step = after(part, seconds)
    came = counted(step, EVERYWHERE, CHANGE)[0]
    due = should_have_come(step, EVERYWHERE, CHANGE)
    sizes = [size(float(n), float(e), 1.0) for n, e in zip(came, due, strict=True)]
    assert sum(one is not None and one.low <= 1 - part <= one.high for one in sizes) >= LANES - 1
    whole = size(float(came.sum()), float(due.sum()), 1.0)
    assert whole is not None
    assert whole.ratio == pytest.approx(1 - part, abs=0.02)
    assert whole.high - whole.low < 0.06


def test_expecting_those_who_stay_again_and_again_overstates_the_loss() -> None:
    step = after(0.5, 300)
    came, expected = counted(step, EVERYWHERE, CHANGE)
    naive = came.sum() / expected.sum()
    honest = came.sum() / should_have_come(step, EVERYWHERE, CHANGE).sum()
    assert naive < honest - 0.05
    assert honest == pytest.approx(0.5, abs=0.02)


def test_seconds_long_ago_are_told_apart_by_the_slot_and_nothing_of_before_is_counted() -> None:
    step = after(0.5, 300)
    assert step.tick is not None
    for ago in range(400):
        since = step.tick - ago
        begin = told_from(step, since)
        assert since <= begin <= since + ago / 8
        assert step.past.start_of(step.past.place(begin)) == begin
        assert ago >= 30 or begin == since


def test_what_came_is_counted_per_lane_since_then() -> None:
    step = after(0.8, 300)
    customers = shop().hit(0.8, CHANGE, START + 10_000, WITHIN)
    # So long ago seconds are told apart by sixteens; nothing of before the change is counted.
    came = counted(step, EVERYWHERE, CHANGE)[0]
    assert (customers.completions(CHANGE + 16, CHANGE + 300, LANES) <= came).all()
    assert (came <= customers.completions(CHANGE, CHANGE + 300, LANES)).all()
    assert in_flight(step, EVERYWHERE) > 1.8 * in_flight(after(0.0, 300), EVERYWHERE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5000), st.floats(0.01, 5000), st.floats(1, 20))
def test_a_size_lies_within_its_interval(observed: int, expected: float, dispersion: float) -> None:
    found = size(observed, expected, dispersion)
    assert found is not None
    assert 0 <= found.low <= found.ratio <= found.high
    assert found.ratio == observed / expected


def test_a_size_holds_the_truth_whenever_one_looks() -> None:
    rng = np.random.default_rng(4)
    true, missed = 0.4, 0
    for _ in range(100):
        came = np.cumsum(rng.poisson(true * 2.0, 200))
        looks: list[int] = [1, 3, 10, 30, 100, 199]
        sizes = [size(float(came[at]), 2.0 * (at + 1), 1.0) for at in looks]
        missed += any(one is None or not one.low <= true <= one.high for one in sizes)
    assert missed <= 8


def test_nothing_is_said_of_a_size_while_nothing_is_expected() -> None:
    assert size(0, 0.0, 1.0) is None


def test_noise_widens_the_interval() -> None:
    calm, noisy = size(50, 100, 1.0), size(50, 100, 5.0)
    assert calm is not None
    assert noisy is not None
    assert noisy.low < calm.low < calm.high < noisy.high


def test_a_drop_is_not_dated_before_the_day_that_is_remembered() -> None:
    step = after(0.0, 30)
    floats: Floats = step.past.counts
    assert floats.shape[1] == 3
    one = since_when(step, EVERYWHERE, 1.0)
    assert one.low >= START - 86_400 * 1.6
