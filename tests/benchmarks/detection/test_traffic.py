from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection import nulls
from benchmarks.detection.delays import LAWS
from benchmarks.detection.traffic import COMPLETION, WITHIN, Traffic

LOG_NORMAL = LAWS["log-normal"]


def counts(traffic: Traffic, ticks: int) -> tuple[np.ndarray, np.ndarray]:
    """Entrants and completions, shape (ticks, lanes)."""
    entered, completed = np.zeros((ticks, traffic.lanes)), np.zeros((ticks, traffic.lanes))
    for at in range(ticks):
        tick = traffic.step()
        entered[at] = tick.entered
        completed[at] = np.bincount(tick.lanes, minlength=traffic.lanes)
    return entered, completed


def test_the_same_seed_gives_the_same_traffic_and_a_copy_goes_on_alike() -> None:
    one, two = Traffic(3, 2.0, LOG_NORMAL, seed=5), Traffic(3, 2.0, LOG_NORMAL, seed=5)
    for _ in range(300):
        first, second = one.step(), two.step()
        assert first.entered.tolist() == second.entered.tolist()
        assert first.entries.tolist() == second.entries.tolist()
    copied = one.copy()
    for _ in range(300):
        first, second = one.step(), copied.step()
        assert first.entered.tolist() == second.entered.tolist()
        assert (first.lanes.tolist(), first.entries.tolist()) == (second.lanes.tolist(), second.entries.tolist())


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("tick", [1, 10])
def test_every_law_completes_at_its_rate_once_traffic_is_steady(law: str, tick: int) -> None:
    traffic = Traffic(50, 0.5, LAWS[law], tick=tick)
    counts(traffic, WITHIN // tick)
    entered, completed = counts(traffic, 3000 // tick)
    assert entered.mean() / tick == pytest.approx(0.5 / COMPLETION, rel=0.02)
    assert completed.mean() / tick == pytest.approx(0.5, rel=0.02)
    assert completed.var() / completed.mean() == pytest.approx(1.0, abs=0.08)


def test_nobody_completes_before_entering_or_after_the_deadline_and_nobody_twice() -> None:
    traffic = Traffic(4, 1.0, LAWS["heavy"], tick=10)
    left = np.zeros((2000, 4))
    for number in range(2000):
        tick = traffic.step()
        assert tick.number == number
        left[number] = tick.entered
        assert ((tick.entries <= number) & (tick.entries > number - WITHIN // 10)).all()
        np.subtract.at(left, (tick.entries, tick.lanes), 1.0)
    assert left.min() >= 0


def test_a_drop_takes_its_part_of_the_completions_from_its_tick_on() -> None:
    traffic = Traffic(100, 1.0, LOG_NORMAL)
    counts(traffic, WITHIN)
    traffic.passing = np.where(np.arange(100) < 50, 0.3, 1.0)
    _, completed = counts(traffic, 500)
    assert completed[:, :50].mean() == pytest.approx(0.3, rel=0.05)
    assert completed[:, 50:].mean() == pytest.approx(1.0, rel=0.03)
    traffic.passing = 0.0
    assert counts(traffic, 100)[1].sum() == 0


def test_hazards_are_those_of_the_traffic() -> None:
    hazards = LOG_NORMAL.hazards(COMPLETION, WITHIN, 10)
    at_risk, done = np.zeros(WITHIN // 10), np.zeros(WITHIN // 10)
    traffic = Traffic(200, 1.0, LOG_NORMAL, tick=10, seed=3)
    left = np.zeros((600, 200))
    for number in range(600):
        tick = traffic.step()
        left[number] = tick.entered
        if number >= WITHIN // 10:
            at_risk += left[number - WITHIN // 10 + 1 : number + 1].sum(axis=1)[::-1]
            done += np.bincount(number - tick.entries, minlength=len(done))
        np.subtract.at(left, (tick.entries, tick.lanes), 1.0)
    expected = at_risk * hazards
    assert done.sum() == pytest.approx(expected.sum(), rel=0.01)
    old = slice(30, 90)
    assert done[old].sum() == pytest.approx(expected[old].sum(), rel=0.03)
    assert done[:30] == pytest.approx(expected[:30], rel=0.1)


def test_batches_complete_in_clumps_and_households_in_smaller_ones() -> None:
    clumps = []
    for null in (nulls.Null(), nulls.Households(), nulls.Batches()):
        traffic = Traffic(100, 0.5, LOG_NORMAL, null)
        counts(traffic, WITHIN)
        _, completed = counts(traffic, 2000)
        assert completed.mean() == pytest.approx(0.5, rel=0.04)
        clumps.append(completed.var() / completed.mean())
    assert clumps[0] == pytest.approx(1.0, abs=0.05)
    assert clumps[0] + 0.2 < clumps[1] < clumps[2] - 1
    # Σ size² / Σ size of a geometric law of mean three is 5.
    assert clumps[2] == pytest.approx(5.0, abs=0.6)


def test_shocks_have_the_spread_and_the_memory_they_say() -> None:
    shocks = nulls.Shocks(1, seed=4)
    minutes = np.concatenate([shocks.passing(np.arange(at, at + 64) * 60, 400) for at in range(0, 64 * 30, 64)])
    assert minutes.mean() == pytest.approx(1.0, abs=0.02)
    assert minutes.std() == pytest.approx(0.15, abs=0.01)
    logs = np.log(minutes)
    later = (logs[:-60] * logs[60:]).mean() - logs.mean() ** 2
    assert later / logs.var() == pytest.approx(np.exp(-1.0), abs=0.08)


def test_campaigns_bring_customers_and_bots_bring_nobody_who_completes() -> None:
    day = 86_400 // 60
    for null, entrants, completions in (
        (nulls.Campaigns(), 1 + 2 * 2 / 24, 1 + 2 * 2 / 24),
        (nulls.Bots(), 1 + 5 / 24, 1.0),
    ):
        traffic = Traffic(400, 0.02, LOG_NORMAL, null, tick=60)
        counts(traffic, WITHIN // 60)
        entered, completed = counts(traffic, day)
        assert entered.mean() / 60 * COMPLETION / 0.02 == pytest.approx(entrants, rel=0.04)
        assert completed.mean() / 60 / 0.02 == pytest.approx(completions, rel=0.04)


def test_a_dark_night_has_neither_entrants_nor_completions() -> None:
    traffic = Traffic(50, 0.2, LOG_NORMAL, nulls.Dark(), tick=60)
    entered, completed = counts(traffic, 1440)
    night = np.r_[0 : 7 * 60, 22 * 60 : 1440]
    assert entered[night].sum() == completed[night].sum() == 0
    assert completed[8 * 60 : 22 * 60].mean() / 60 == pytest.approx(0.2, rel=0.03)


def test_every_family_stays_below_its_headroom() -> None:
    for make in nulls.FAMILIES:
        null = make()
        assert COMPLETION * null.headroom < 1
        for first in (0, 40_000, 500_000):
            passing = null.passing(np.arange(first, first + 128 * 60, 60), 20)
            assert passing.max() <= null.headroom
            assert passing.min() >= 0
