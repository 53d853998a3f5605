"""A step that loses customers is found soon, and one that does not is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from detectors.recursion import Floats
from detectors.steps.flight import Entrants, Leavers
from detectors.steps.step_drop import EXPECTED, OBSERVED, StepDrop
from tests.detectors.steps.simulation import START, Customers, draw, updates

WITHIN = 300
LANES = 20
HOUR = 3600
LEARNT = START + HOUR
END = LEARNT + 1200
WEEK = 1 / 604_800
"""Expected false alarms per second: one a week."""
EACH: Floats = np.full(LANES, WEEK)


@cache
def shop(seed: int = 1) -> Customers:
    """20 steps with 3 completions a second, for an hour and 20 minutes."""
    return draw(np.random.default_rng(seed), END - START, np.full(LANES, 3.0), within=WITHIN)


@cache
def learnt(every: int = 1) -> tuple[bytes, int]:
    """State after an undisturbed hour, and the alarms in it."""
    step = StepDrop(WITHIN, pooled=False)
    step.extend(LANES, np.arange(LANES)[None, :], LANES)
    alarms = len(list(alarms_of(step, shop(), START, LEARNT, every)))
    return step.snapshot(), alarms


def ready(every: int = 1) -> StepDrop:
    step = StepDrop(WITHIN, pooled=False)
    step.restore(learnt(every)[0], np.arange(LANES)[None, :], LANES)
    return step


def alarms_of(
    step: StepDrop, customers: Customers, since: int, until: int, every: int = 1
) -> Iterator[tuple[int, int]]:
    """Tick and series of every alarm."""
    for tick, entered, left in updates(customers, since, until, every):
        levels = step.update(tick, entered, left, EACH[: step.series] * every)
        for series in np.flatnonzero(levels >= 1):
            yield tick, int(series)
        if (levels >= 1).any():
            step.reset(np.flatnonzero(levels >= 1))


def delays(step: StepDrop, customers: Customers, every: int = 1) -> Floats:
    """Seconds from the end of learning to the first alarm of each series; infinite where none came."""
    found = np.full(LANES, np.inf)
    for tick, series in alarms_of(step, customers, LEARNT, END, every):
        found[series] = min(found[series], tick - LEARNT + 1)
        if np.isfinite(found).all():
            break
    return found


def test_an_hour_in_which_nothing_happens_raises_no_alarm() -> None:
    assert learnt()[1] == 0


@pytest.mark.parametrize(("part", "mean", "slowest"), [(1.0, 10, 15), (0.8, 20, 45), (0.5, 60, 120)])
def test_a_drop_is_found_in_seconds(part: float, mean: float, slowest: float) -> None:
    found = delays(ready(), shop().hit(part, LEARNT, END, WITHIN))
    assert found.mean() <= mean
    assert found.max() <= slowest


def test_a_drop_within_the_tolerance_is_none() -> None:
    customers = shop().hit(0.08, LEARNT, END, WITHIN)
    assert list(alarms_of(ready(), customers, LEARNT, END)) == []


def test_updates_of_a_second_and_of_four_find_it_as_soon() -> None:
    customers = shop().hit(0.5, LEARNT, END, WITHIN)
    one, four = delays(ready(), customers), delays(ready(4), customers, every=4)
    assert four.mean() <= one.mean() + 12
    assert one.mean() <= four.mean() + 12


def test_only_the_series_that_falls_alarms() -> None:
    ill = np.arange(LANES) < 3
    customers = shop().hit(1.0, LEARNT, LEARNT + 300, WITHIN, lanes=ill)
    assert {series for _, series in alarms_of(ready(), customers, LEARNT, LEARNT + 300)} == {0, 1, 2}


def test_nothing_comes_of_a_drop_without_credit() -> None:
    step = ready()
    step.reset()
    none = np.zeros(LANES)
    for tick, entered, left in updates(shop().hit(1.0, LEARNT, END, WITHIN), LEARNT, LEARNT + 60):
        assert not step.update(tick, entered, left, none).any()


def test_evidence_stands_still_while_there_is_no_credit() -> None:
    step = ready()
    none = np.zeros(LANES)
    before = np.zeros(LANES)
    for at, (tick, entered, left) in enumerate(updates(shop().hit(1.0, LEARNT, END, WITHIN), LEARNT, LEARNT + 30)):
        levels = step.update(tick, entered, left, EACH if at < 3 else none)
        if at == 3:
            before = levels
    assert (before > 0).all()
    np.testing.assert_array_equal(levels, before)


def test_silence_alone_is_no_drop() -> None:
    step = ready()
    # Nobody enters any more; who is in flight goes on as ever.
    before = shop()
    customers = before.only(before.entered < LEARNT)
    quiet = list(alarms_of(step, customers, LEARNT, LEARNT + WITHIN + 5))
    assert quiet == []
    assert step.flight.at_risk.sum() == 0
    for tick in range(step.tick or 0, LEARNT + HOUR, 60):
        levels = step.update(tick + 60, Entrants(), Leavers(), EACH * 60)
        assert not step.expected.any()
        assert (levels < 1).all()


def test_who_entered_before_anybody_looked_is_not_missed_and_not_counted() -> None:
    # Looking begins in the middle of the day, with as many in flight that nobody has seen.
    step = StepDrop(WITHIN, pooled=False)
    step.extend(LANES, np.arange(LANES)[None, :], LANES)
    since = START + 1000
    assert list(alarms_of(step, shop(), since, since + 2000)) == []
    assert (step.flight.aging.counts >= 0).all()
    seen = shop().only(shop().entered >= since)
    assert step.past.counts[:, OBSERVED].sum() == pytest.approx(seen.completions(since, since + 2000, LANES).sum())
    inside = (seen.entered < since + 2000) & (seen.left >= since + 2000)
    assert step.flight.at_risk.sum() == pytest.approx(inside.sum())


def test_nothing_alarms_before_anything_has_completed() -> None:
    step = StepDrop(WITHIN, pooled=False)
    step.extend(LANES, np.arange(LANES)[None, :], LANES)
    nobody_goes_on = shop().hit(1.0, START, END, WITHIN)
    assert list(alarms_of(step, nobody_goes_on, START, START + HOUR)) == []
    assert not step.rate.any()


def test_an_outage_in_the_first_minutes_is_found_once_the_baseline_carries_that_far() -> None:
    step = StepDrop(WITHIN, pooled=False)
    step.extend(LANES, np.arange(LANES)[None, :], LANES)
    fault = START + 600
    customers = shop().hit(1.0, fault, END, WITHIN)
    found = [tick - fault for tick, _ in alarms_of(step, customers, START, fault + 60)]
    assert len(found) >= LANES
    assert min(found) > 0


def test_what_is_due_is_what_comes_while_nothing_is_wrong() -> None:
    step = ready()
    step.past.clear()
    for _ in alarms_of(step, shop(), LEARNT, END):
        pass
    observed, expected = step.past.counts[:, OBSERVED].sum(axis=0), step.past.counts[:, EXPECTED].sum(axis=0)
    error = np.sqrt(1 / expected + step.kappa**2)
    assert (np.abs(observed / expected - 1) < 4 * error).all()
    assert step.rate == pytest.approx(np.full(LANES, 3.0), rel=0.1)


def test_a_shift_of_traffic_to_customers_who_convert_less_is_no_drop() -> None:
    # One step of two cells; the better one loses its traffic to the other, and the whole falls from 0.7 to 0.4.
    rng = np.random.default_rng(6)
    share = np.array([0.8, 0.3])
    before = draw(rng, HOUR, np.array([2.4, 0.3]), within=WITHIN, share=share)
    after = draw(rng, 1200, np.array([0.4, 0.9]), within=WITHIN, share=share, start=LEARNT)
    customers = before.together(after)
    step = StepDrop(WITHIN)
    step.extend(2, np.array([[0, 0], [1, 2]]), 3)
    assert list(alarms_of(step, customers, START, END)) == []
    # The same completions would be a drop of the whole if all customers were alike.
    mixed = customers._replace(lanes=np.zeros_like(customers.lanes))
    alike = StepDrop(WITHIN)
    alike.extend(1, np.array([[0]]), 1)
    assert [series for _, series in alarms_of(alike, mixed, START, END)] != []


def test_a_drop_of_one_segment_is_found_in_it_and_in_the_whole() -> None:
    rng = np.random.default_rng(7)
    customers = draw(rng, END - START, np.array([1.5, 1.5, 1.5]), within=WITHIN)
    customers = customers.hit(1.0, LEARNT, END, WITHIN, lanes=np.array([True, False, False]))
    step = StepDrop(WITHIN)
    step.extend(3, np.array([[0, 0, 0], [1, 2, 3]]), 4)
    found = list(alarms_of(step, customers, START, LEARNT + 300))
    assert {series for _, series in found} == {0, 1}
    assert min(tick for tick, _ in found) > LEARNT


def at_the_edge(step: StepDrop, part: float, ticks: int, credit: float) -> tuple[int, float]:
    """Alarms and credit of 200 series whose customers go on at `part` of a baseline that is known."""
    rng = np.random.default_rng(12)
    lanes, hazard = 200, 0.05
    step.extend(lanes, np.arange(lanes)[None, :], lanes)
    step.hazards.completed[:] = hazard * 1e12
    step.hazards.exposure[:] = 1e12
    alive = np.zeros((WITHIN + 1, lanes))
    alarms = 0
    everybody = np.arange(lanes)
    for at in range(ticks):
        tick = START + at
        alive = np.concatenate([rng.poisson(4.0, (1, lanes)).astype(np.float64), alive[:-1]])
        went_on = rng.binomial(alive.astype(np.int64), hazard * part).astype(np.float64)
        alive -= went_on
        ages, leaving = np.nonzero(went_on)
        entered = Entrants(everybody, np.full(lanes, tick), alive[0] + went_on[0])
        left = Leavers(leaving, tick - ages, went_on[ages, leaving], np.zeros(len(ages)))
        levels = step.update(tick, entered, left, np.full(lanes, credit), learn=False)
        fired = np.flatnonzero(levels >= 1)
        alarms += len(fired)
        if len(fired):
            step.reset(fired)
    return alarms, credit * lanes * ticks


def test_at_the_edge_of_the_null_false_alarms_stay_within_the_credit() -> None:
    alarms, credit = at_the_edge(StepDrop(WITHIN, standard_errors=0), 0.9, 300, 0.005)
    assert credit == pytest.approx(300)
    assert 20 < alarms <= credit + 3 * credit**0.5


def test_beyond_the_edge_they_do_not() -> None:
    # Else the bound above would say nothing.
    alarms, credit = at_the_edge(StepDrop(WITHIN, standard_errors=0), 0.6, 300, 0.005)
    assert alarms > 2 * credit


def test_what_is_pending_is_not_learnt_until_it_calms_down() -> None:
    step = ready()
    lasts = 8
    customers = shop().hit(1.0, LEARNT, LEARNT + lasts, WITHIN)
    held = False
    for tick, entered, left in updates(customers, LEARNT, LEARNT + 120):
        levels = step.update(tick, entered, left, EACH)
        held |= bool(step.hazards._held_exposure.any())
        if (levels >= 1).any():
            step.reset(np.flatnonzero(levels >= 1))
    assert held
    assert not step.hazards._held_exposure[:, step.fast.levels + step.slow.levels <= 0.1].any()


def test_what_is_restored_goes_on_the_same_bit_for_bit() -> None:
    customers = shop().hit(0.5, LEARNT + 30, END, WITHIN)
    plain, crashing = ready(), ready()
    for at, (tick, entered, left) in enumerate(updates(customers, LEARNT, LEARNT + 240)):
        levels = plain.update(tick, entered, left, EACH)
        assert crashing.update(tick, entered, left, EACH).tobytes() == levels.tobytes()
        if at % 50 == 49:
            body = crashing.snapshot()
            assert body == plain.snapshot()
            crashing = StepDrop(WITHIN, pooled=False)
            crashing.restore(body, np.arange(LANES)[None, :], LANES)


def test_a_series_number_that_stands_for_another_value_begins_anew() -> None:
    step = ready()
    for tick, entered, left in updates(shop().hit(1.0, LEARNT, END, WITHIN), LEARNT, LEARNT + 4):
        step.update(tick, entered, left, EACH)
    assert (step.fast.levels[:2] > 0).all()
    step.clear(0)
    assert step.fast.levels[0] == step.slow.levels[0] == step.rate[0] == 0
    assert step.fast.levels[1] > 0


def test_what_is_adopted_brings_its_own_error_at_once() -> None:
    step = ready()
    tick, entered, left = next(updates(shop(), LEARNT, END))
    step.update(tick, entered, left, EACH)
    sure = step.kappa.copy()
    young = StepDrop(WITHIN, pooled=False)
    young.extend(LANES, np.arange(LANES)[None, :], LANES)
    for _ in alarms_of(young, shop(), START, START + 60):
        pass
    step.adopt(young.hazards, step.flight)
    tick, entered, left = next(updates(shop(), LEARNT + 1, END))
    step.update(tick, entered, left, EACH)
    assert (step.kappa > 3 * sure).all()
