"""An ill step gets well, stays ill, or is normal in another way."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from detectors.steps.recovery import DAY, Recovery
from detectors.steps.step_drop import StepDrop
from tests.detectors.steps.simulation import START, Customers, draw, updates

WITHIN = 300
LANES = 4
EVERYWHERE = np.arange(LANES)
ALL = np.ones(LANES, dtype=bool)
HOUR = 3600
CHANGE = START + HOUR


@cache
def shop(seconds: int, every: int = 2) -> tuple[Customers, bytes]:
    """Four cells of a step with 1 completion a second each, and what has been learnt in the first hour."""
    customers = draw(np.random.default_rng(21), HOUR + seconds, np.full(LANES, 1.0), within=WITHIN)
    step = StepDrop(WITHIN)
    step.extend(LANES, np.zeros((1, LANES), dtype=np.int64), 1)
    for tick, entered, left in updates(customers, START, CHANGE, every):
        step.update(tick, entered, left, np.zeros(1))
    step.hazards.refresh()
    return customers, step.snapshot()


def learnt(seconds: int, every: int = 2) -> StepDrop:
    step = StepDrop(WITHIN)
    step.restore(shop(seconds, every)[1], np.zeros((1, LANES), dtype=np.int64), 1)
    return step


def nurse(
    customers: Customers,
    recovery: Recovery,
    step: StepDrop,
    until: int,
    every: int = 2,
    new_normal: int | None = None,
) -> tuple[str, int] | None:
    """What becomes of it, and when."""
    for tick, entered, left in updates(customers, recovery.start, until, every):
        if recovery.update(tick, entered, left, step.hazards.rates, factor=1.0, dispersion=1.0):
            return "well", tick
        if new_normal is not None and recovery.new_normal(tick, new_normal):
            return "new normal", tick
    return None


@pytest.mark.parametrize(
    ("part", "high", "within"),
    [(1.0, 0.1, 60), (0.8, 0.35, 90), (0.5, 0.65, 180), (0.3, 0.8, 600)],
)
def test_a_drop_that_ends_is_over_soon_after(part: float, high: float, within: int) -> None:
    customers, step, end = shop(2400)[0], learnt(2400), CHANGE + 900
    ill = customers.hit(part, CHANGE, end, WITHIN)
    recovery = Recovery(WITHIN, LANES, ALL, CHANGE + 30, high, 0.1)
    became = nurse(ill, recovery, step, CHANGE + 2400)
    assert became is not None
    assert became[0] == "well"
    assert 0 < became[1] - end <= within


@pytest.mark.parametrize(("part", "high"), [(0.6, 0.5), (0.25, 0.78)])
def test_a_drop_that_goes_on_for_hours_is_not_over(part: float, high: float) -> None:
    hours = 6
    customers, step = shop(hours * HOUR, 10)[0], learnt(hours * HOUR, 10)
    ill = customers.hit(part, CHANGE, CHANGE + 100 * HOUR, WITHIN)
    recovery = Recovery(WITHIN, LANES, ALL, CHANGE + 30, high, 0.1)
    assert nurse(ill, recovery, step, CHANGE + hours * HOUR, every=10) is None


def test_who_failed_during_a_long_drop_and_still_waits_does_not_hide_its_end() -> None:
    # An hour to go on in, and most take minutes: those who failed are still in flight and due.
    within, every, end = 3600, 10, START + 3 * HOUR + 3000
    customers = draw(np.random.default_rng(5), 6 * HOUR, np.ones(2), within=within, median=400, sigma=0.7)
    step = StepDrop(within)
    step.extend(2, np.zeros((1, 2), dtype=np.int64), 1)
    for tick, entered, left in updates(customers, START, START + 3 * HOUR, every):
        step.update(tick, entered, left, np.zeros(1))
    ill = customers.hit(0.8, START + 3 * HOUR, end, within)
    recovery = Recovery(within, 2, ALL[:2], START + 3 * HOUR + 60, 0.35, 0.1)
    became = nurse(ill, recovery, step, START + 6 * HOUR, every)
    assert became is not None
    # Together with them it would take six minutes.
    assert 0 < became[1] - end <= 300


def test_only_the_lanes_that_fell_are_asked() -> None:
    fell = np.array([True, False, False, False])
    customers, step = shop(2400)[0], learnt(2400)
    ill = customers.hit(1.0, CHANGE, CHANGE + 1800, WITHIN, lanes=fell)
    recovery = Recovery(WITHIN, LANES, fell, CHANGE + 10, 0.1, 0.1)
    became = nurse(ill, recovery, step, CHANGE + 2400)
    assert became is not None
    assert 0 < became[1] - (CHANGE + 1800) <= 120


def test_who_entered_before_the_alarm_is_not_waited_for() -> None:
    # Everybody in flight at the alarm is lost, everybody after it is well.
    customers, step = shop(2400)[0], learnt(2400)
    lost = customers.completed & (customers.entered < CHANGE) & (customers.left >= CHANGE)
    ill = customers._replace(
        completed=customers.completed & ~lost, left=np.where(lost, customers.entered + WITHIN + 1, customers.left)
    )
    recovery = Recovery(WITHIN, LANES, ALL, CHANGE, 0.1, 0.1)
    became = nurse(ill, recovery, step, CHANGE + 300)
    assert became is not None
    assert became[1] - CHANGE <= 60


def test_the_edge_lies_between_what_is_left_and_what_is_tolerated() -> None:
    assert Recovery(WITHIN, 1, ALL[:1], START, 0.3, 0.1).null == pytest.approx(0.6)
    assert Recovery(WITHIN, 1, ALL[:1], START, 1.0, 0.1).null == pytest.approx(0.9)


@cache
def changed_for_good(part: float) -> tuple[tuple[str, int] | None, float | None, float]:
    """What becomes of a change that stays, the ratio then, and what is really left of the completions."""
    customers = draw(np.random.default_rng(22), 30 * HOUR, np.full(LANES, 1.0), within=WITHIN)
    step = learnt(2400, 30)
    ill = customers.hit(part, CHANGE, CHANGE + 1000 * HOUR, WITHIN)
    recovery = Recovery(WITHIN, LANES, ALL, CHANGE + 60, 1 - part + 0.05, 0.1)
    became = nurse(ill, recovery, step, START + 29 * HOUR, every=30, new_normal=DAY)
    now = became[1] if became else START + 29 * HOUR
    left = ill.completions(CHANGE + HOUR, now, LANES).sum() / customers.completions(CHANGE + HOUR, now, LANES).sum()
    return became, recovery.ratio(step.hazards.rates), float(left)


def test_a_change_that_stays_is_the_new_normal_after_a_day() -> None:
    became, _, _ = changed_for_good(0.4)
    assert became is not None
    assert became[0] == "new normal"
    assert DAY <= became[1] - CHANGE - 60 < DAY + 2 * HOUR


def test_the_new_normal_is_measured_by_who_goes_on_of_those_who_enter() -> None:
    _, ratio, left = changed_for_good(0.4)
    assert ratio == pytest.approx(left, abs=0.03)


def test_it_can_be_accepted_earlier_once_thirty_have_gone_on() -> None:
    customers, step = shop(2400)[0], learnt(2400)
    ill = customers.hit(0.5, CHANGE, CHANGE + HOUR, WITHIN)
    recovery = Recovery(WITHIN, LANES, ALL, CHANGE + 30, 0.55, 0.1)
    assert not recovery.known()
    nurse(ill, recovery, step, CHANGE + 900)
    assert recovery.known()
    assert not recovery.new_normal(CHANGE + 900, DAY)
    assert recovery.ratio(step.hazards.rates) == pytest.approx(0.5, abs=0.06)
    # The challenger expects what now comes.
    recovery.challenger.refresh()
    flight = recovery.flight()
    due = came = 0.0
    for tick, entered, left in updates(ill, CHANGE + 900, CHANGE + 1800, 2):
        flight.aging.advance(tick)
        flight.enter(entered)
        due += float((flight.at_risk * recovery.challenger.rates).sum()) * 2
        came += float(flight.leave(left).sum())
    assert due == pytest.approx(came, rel=0.1)


def test_an_outage_has_no_new_normal() -> None:
    hours = 6
    customers, step = shop(hours * HOUR, 10)[0], learnt(hours * HOUR, 10)
    ill = customers.hit(1.0, CHANGE, CHANGE + 100 * HOUR, WITHIN)
    recovery = Recovery(WITHIN, LANES, ALL, CHANGE + 30, 0.1, 0.1)
    assert nurse(ill, recovery, step, CHANGE + hours * HOUR, every=10, new_normal=HOUR) is None
    assert not recovery.known()


def test_what_is_restored_goes_on_the_same_bit_for_bit() -> None:
    customers, step = shop(2400)[0], learnt(2400)
    ill = customers.hit(0.8, CHANGE, CHANGE + 400, WITHIN)
    plain = Recovery(WITHIN, LANES, np.array([True, True, False, True]), CHANGE + 10, 0.3, 0.1)
    crashing = Recovery.restore(plain.snapshot(), WITHIN, LANES)
    for at, (tick, entered, left) in enumerate(updates(ill, CHANGE + 10, CHANGE + 900, 2)):
        one = plain.update(tick, entered, left, step.hazards.rates, factor=1.0, dispersion=1.2)
        assert crashing.update(tick, entered, left, step.hazards.rates, factor=1.0, dispersion=1.2) == one
        if at % 40 == 39:
            body = crashing.snapshot()
            assert body == plain.snapshot()
            crashing = Recovery.restore(body, WITHIN, LANES)


def test_lanes_that_come_later_are_not_affected() -> None:
    recovery = Recovery(WITHIN, 2, np.array([True, True]), START, 0.3, 0.1)
    recovery.extend(1)
    assert recovery.affected.tolist() == [True, True, False]
    assert recovery.flight().lanes == recovery.challenger.lanes == 3
