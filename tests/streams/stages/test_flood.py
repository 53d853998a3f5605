"""A flood of entrants is weighed down to the usual number; a busy minute is not."""

from __future__ import annotations

import numpy as np
import pytest

from streams.stages.flood import Flood

START = 1_767_225_600
WITHIN = 600
HOUR, DAY = 3600, 86_400


def lived(seconds: int = 2 * HOUR, per_second: float = 3.0, every: int = 1, seed: int = 1) -> Flood:
    """Some hours of ordinary traffic."""
    flood, rng = Flood(WITHIN), np.random.default_rng(seed)
    for tick in range(START + every - 1, START + seconds, every):
        take(flood, rng, tick, per_second, every)
    return flood


def take(flood: Flood, rng: np.random.Generator, tick: int, per_second: float, every: int = 1) -> dict[int, int]:
    """One update of so many entrants a second on average."""
    counts = rng.poisson(per_second, every)
    entrants = {tick - ago: int(count) for ago, count in enumerate(counts) if count}
    flood.take(entrants, tick, every, hour(tick))
    return entrants


def hour(tick: int) -> int:
    return (tick // HOUR + 72) % 168


def weighed(flood: Flood, tick: int, counts: dict[int, int]) -> float:
    """How many the entrants of an update count as."""
    return sum(count * flood.weight(second) for second, count in counts.items())


@pytest.mark.parametrize("every", [1, 4])
def test_ordinary_traffic_counts_in_full(every: int) -> None:
    flood = lived(6 * HOUR, every=every)
    assert flood.state.weights == {}
    assert not flood.lately(START + 6 * HOUR)


@pytest.mark.parametrize("factor", [1.3, 2.0])
def test_a_busy_time_of_less_than_the_cap_counts_in_full(factor: float) -> None:
    # 180 a minute: the cap is 1.5 × (180 + 2.3 × 13 + 1) = 318. Twice as many for some seconds do not reach it.
    flood, rng = lived(), np.random.default_rng(2)
    for tick in range(START + 2 * HOUR, START + 2 * HOUR + 20):
        take(flood, rng, tick, 3.0 * factor)
    assert flood.state.weights == {}


@pytest.mark.parametrize("every", [1, 4])
def test_a_flood_counts_as_the_usual_number(every: int) -> None:
    flood, rng = lived(every=every), np.random.default_rng(2)
    whole = counted = 0.0
    for tick in range(START + 2 * HOUR + every - 1, START + 2 * HOUR + 300, every):
        entrants = dict.fromkeys(range(tick - every + 1, tick + 1), 100)
        flood.take(entrants, tick, every, hour(tick))
        if tick >= START + 2 * HOUR + 60:
            whole += sum(entrants.values())
            counted += weighed(flood, tick, entrants)
    assert counted == pytest.approx(240 * 3.0, rel=0.15)
    assert whole == 240 * 100
    assert flood.lately(START + 2 * HOUR + 300)
    assert flood.weight(START + 2 * HOUR + 200) < 0.05
    assert take(flood, rng, START + 2 * HOUR + 400, 3.0)
    assert flood.weight(START + 2 * HOUR + 400) == 1.0


def test_a_flood_does_not_become_usual() -> None:
    flood = lived(DAY, every=10)
    before = flood.forecast(0)
    for tick in range(START + DAY, START + DAY + HOUR):
        flood.take({tick: 100}, tick, 1, hour(tick))
        if tick == START + DAY + 600:
            assert flood.forecast(0) < 1.3 * before
            assert flood.weight(tick) < 0.04
    assert flood.weight(START + DAY + HOUR - 1) < 0.1
    assert len(flood.state.weights) <= WITHIN + 61


def test_a_flood_is_over_for_the_learning_once_its_customers_have_left() -> None:
    flood = lived()
    flood.take({START + 2 * HOUR: 10_000}, START + 2 * HOUR, 1, 0)
    assert flood.lately(START + 2 * HOUR + WITHIN)
    assert not flood.lately(START + 2 * HOUR + WITHIN + 1)


def test_nothing_is_capped_before_half_an_hour_is_known_or_where_few_enter() -> None:
    young = lived(1000)
    young.take({START + 1000: 10_000}, START + 1000, 1, 0)
    assert young.state.weights == {}
    quiet = lived(2 * HOUR, per_second=0.01)
    quiet.take({START + 2 * HOUR: 15}, START + 2 * HOUR, 1, hour(START + 2 * HOUR))
    assert quiet.state.weights == {}


def test_an_hour_of_the_day_that_is_always_busy_is_no_flood() -> None:
    flood, rng = Flood(WITHIN), np.random.default_rng(5)
    for tick in range(START + 19, START + 4 * DAY, 20):
        busy = tick % DAY // HOUR == 12
        # It grows over some minutes, as a lunch hour does.
        inside = tick % HOUR
        take(flood, rng, tick, 3.0 * (1 + 4 * min(inside / 1200, 1.0) if busy else 1.0), 20)
        if tick > START + 3 * DAY and busy and inside > 1500:
            assert flood.weight(tick) == 1.0
    assert flood.forecast(12) > 8


def test_settled_it_keeps_its_forecast_and_nobody() -> None:
    flood = lived()
    flood.take({START + 2 * HOUR: 10_000}, START + 2 * HOUR, 1, 0)
    forecast = flood.forecast(3)
    flood.settle()
    assert flood.forecast(3) == forecast
    assert flood.weight(START + 2 * HOUR) == 1.0
    assert not flood.lately(START + 2 * HOUR + 1)
