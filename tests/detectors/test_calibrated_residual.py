"""Any other series: found when it leaves its forecast, quiet while it does not, at no more alarms than were granted."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from detectors.calibrated_residual import CALIBRATORS, CalibratedResidual
from detectors.snarimax import SNARIMAX

DAY = 48


def daily(chance: random.Random, update: int, spread: float = 3.0) -> float:
    return 100 + 20 * math.sin(2 * math.pi * update / DAY) + chance.gauss(0, spread)


def alarms(detector: CalibratedResidual, numbers: Iterable[float]) -> list[int]:
    return [at for at, x in enumerate(numbers) if detector.update(x).alarm]


def numbers(count: int, seed: int, draw: Callable[[random.Random, int], float] = daily) -> list[float]:
    chance = random.Random(seed)
    return [draw(chance, update) for update in range(count)]


def test_a_calibrator_expects_1_of_a_uniform_p() -> None:
    upper = np.linspace(0, 60, 600_001)
    densities = CALIBRATORS[:, None] * np.exp((1 - CALIBRATORS)[:, None] * upper) * np.exp(-upper)
    expectations = np.trapezoid(densities, upper, axis=1) + np.exp(-CALIBRATORS * 60)
    assert expectations == pytest.approx(np.ones(len(CALIBRATORS)), abs=1e-3)


def test_a_spike_is_found_at_once_and_the_days_before_are_quiet() -> None:
    series = numbers(2500, 1)
    series[2400] += 60
    assert alarms(CalibratedResidual(period=DAY), series) == [2400]


def test_a_shift_is_found_once_and_then_is_the_new_usual() -> None:
    series = numbers(4000, 2)
    series[2400:] = [x + 60 for x in series[2400:]]
    found = alarms(CalibratedResidual(period=DAY), series)
    assert found
    assert 2400 <= found[0] <= 2402
    assert len(found) <= 2


def test_a_missing_hump_of_the_day_is_found_though_every_number_is_common() -> None:
    series = [x if update < 2400 else min(x, 105.0) for update, x in enumerate(numbers(2450, 3, sharp))]
    found = alarms(CalibratedResidual(period=DAY), series)
    assert found
    assert 2400 + 20 <= found[0] < 2400 + 30
    assert not alarms(CalibratedResidual(period=0), series)


def sharp(chance: random.Random, update: int) -> float:
    return 100 + 60 * (20 <= update % DAY < 30) + chance.gauss(0, 2)


@pytest.mark.parametrize(("direction", "found"), [("up", True), ("down", False), ("both", True)])
def test_only_the_direction_asked_for_counts(direction: str, found: bool) -> None:
    series = numbers(2401, 4)
    series[2400] += 60
    detector = CalibratedResidual(period=DAY, direction=direction)  # type: ignore[arg-type]  # a literal, by name
    assert bool(alarms(detector, series)) == found


def test_a_spike_does_not_come_back_as_a_surprise_a_day_later() -> None:
    series = numbers(2400 + 3 * DAY, 5)
    series[2400] += 200
    assert alarms(CalibratedResidual(period=DAY, rest=DAY // 2), series) == [2400]


def test_heavy_tails_alarm_no_more_often_than_granted() -> None:
    granted = found = 0.0
    for seed in range(6):
        series = numbers(6000, seed, lambda chance, _: math.exp(chance.gauss(3, 1)))
        detector = CalibratedResidual(period=0, credit=1 / 1000)
        found += len(alarms(detector, series))
        granted += (6000 - 100) / 1000
    assert found <= granted


def test_residuals_that_hang_together_alarm_no_more_often_than_granted() -> None:
    granted = found = 0.0
    for seed in range(6):
        chance, series, state = random.Random(seed), [], 0.0
        for _ in range(6000):
            state = 0.9 * state + chance.gauss(0, 1)
            series.append(state)
        found += len(alarms(CalibratedResidual(period=0, credit=1 / 1000), series))
        granted += (6000 - 100) / 1000
    assert found <= granted


def test_a_random_walk_keeps_to_the_credit_once_it_is_differenced() -> None:
    chance, walk, level = random.Random(1), [], 0.0
    for _ in range(8000):
        level += chance.gauss(0, 1)
        walk.append(level)
    assert len(alarms(SNARIMAX(p=1, d=1, q=0, credit=1 / 1000), walk)) <= 8


def test_a_constant_series_that_moves_alarms_and_one_that_stays_does_not() -> None:
    assert alarms(CalibratedResidual(period=DAY), [5.0] * 2000) == []
    assert alarms(CalibratedResidual(period=DAY), [5.0] * 2000 + [6.0]) == [2000]


def test_a_series_of_mostly_zeros_gets_used_to_its_rare_ones() -> None:
    series = numbers(12_000, 6, lambda chance, _: float(chance.random() < 0.004))
    found = alarms(CalibratedResidual(period=0), series)
    assert len([at for at in found if at > 3000]) <= 1


def test_missing_updates_leave_the_season_in_step() -> None:
    told, untold = CalibratedResidual(period=DAY), CalibratedResidual(period=DAY)
    series = numbers(2600, 7, sharp)
    present = [at for at in range(2600) if not (2000 <= at < 2000 + DAY // 2)]
    with_places = [at for at in present if told.update(series[at], at=at).alarm]
    without = [at for at in present if untold.update(series[at]).alarm]
    assert with_places == []
    assert without


def test_nothing_is_scored_by_what_comes_after_it() -> None:
    series = numbers(1500, 8)
    one, other = CalibratedResidual(period=DAY), CalibratedResidual(period=DAY)
    changed = series[:1000] + [x + 500 for x in series[1000:]]
    first = [one.update(x).level for x in series]
    second = [other.update(x).level for x in changed]
    assert first[:1000] == second[:1000]
    assert first[1000:] != second[1000:]


def test_the_state_stays_as_small_however_long_the_series() -> None:
    detector, sizes = CalibratedResidual(period=DAY), []
    for update, x in enumerate(numbers(3000, 9)):
        detector.update(x)
        if update in (999, 2999):
            sizes.append(len(detector.snapshot()))
    assert abs(sizes[1] - sizes[0]) < 100
    assert sizes[1] < 20_000


def test_a_copy_made_while_resting_or_missing_updates_goes_on_bit_for_bit() -> None:
    series = numbers(2000, 10)
    series[1500] += 80
    detector = CalibratedResidual(period=DAY)
    for at, x in enumerate(series[:1510]):
        detector.update(x, at=at + 3 * (at > 700))
    copy = CalibratedResidual(period=DAY)
    copy.restore(detector.snapshot())
    assert [copy.update(x) for x in series[1510:]] == [detector.update(x) for x in series[1510:]]
    assert copy.snapshot() == detector.snapshot()


def test_a_state_of_another_season_is_refused() -> None:
    body = CalibratedResidual(period=DAY).snapshot()
    for other in (0, DAY + 1):
        with pytest.raises(ValueError, match="expected"):
            CalibratedResidual(period=other).restore(body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": -1},
        {"direction": "sideways"},
        {"memory": 10.0},
        {"warm_up": -1},
        {"rest": -1},
        {"credit": -1.0},
        {"credit": math.nan},
        {"alpha": 0.0},
        {"alpha": 1.0},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        CalibratedResidual(**wrong)  # type: ignore[arg-type]  # wrong on purpose
