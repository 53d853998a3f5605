"""Forecasts by River's models: right on what they are made for, anew when they run off, the same after a restart."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import msgspec
import pytest

from detectors.contract import Detector
from detectors.forecasters.autoregressive import Autoregressive
from detectors.forecasters.exponential import Exponential
from detectors.forecasters.forecaster import Forecaster
from detectors.forecasters.seasonal_naive import SeasonalNaive
from detectors.half_space_trees import HalfSpaceTrees, Sparsity
from detectors.holt_winters import HoltWinters
from detectors.snarimax import SNARIMAX

MAKERS: dict[str, Callable[[], Forecaster]] = {
    "smoothing": lambda: Exponential(0.2),
    "trend": lambda: Exponential(0.2, 0.05),
    "season": lambda: Exponential(0.1, 0.01, 0.2, 24),
    "regression": lambda: Autoregressive(3, 0, 1),
    "seasonal regression": lambda: Autoregressive(2, 1, 1, 24),
    "naive": lambda: SeasonalNaive(24),
    "trees": lambda: Sparsity(5, 5, 50, 3, 1),
}
EACH = pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))


def errors(forecaster: Forecaster, numbers: list[float], after: int) -> float:
    """Mean size of what the forecasts leave over."""
    left = []
    for at, x in enumerate(numbers):
        forecast = forecaster.forecast(at)
        if at >= after:
            assert forecast is not None
            left.append(abs(x - forecast))
        forecaster.learn(x, math.inf, at)
    return sum(left) / len(left)


def season(count: int, seed: int, spread: float = 1.0) -> list[float]:
    chance = random.Random(seed)
    return [50 + 20 * math.sin(2 * math.pi * at / 24) + chance.gauss(0, spread) for at in range(count)]


def test_a_season_is_forecast_by_those_that_know_one() -> None:
    numbers = season(3000, 1)
    assert errors(Exponential(0.1, 0.001, 0.2, 24), numbers, 1000) < 1.1
    assert errors(SeasonalNaive(24), numbers, 1000) < 1.3
    assert errors(Exponential(0.2), numbers, 1000) > 5


def test_a_trend_is_followed_where_it_is_asked_for() -> None:
    numbers = [2.0 * at for at in range(500)]
    assert errors(Exponential(0.2, 0.1), numbers, 300) < 0.1
    assert errors(Exponential(0.2), numbers, 300) > 5


def test_what_follows_from_the_last_numbers_is_forecast_by_regression() -> None:
    chance, numbers = random.Random(2), [0.0, 0.0]
    for _ in range(5000):
        numbers.append(1.6 * numbers[-1] - 0.8 * numbers[-2] + chance.gauss(0, 1))
    best = errors(Autoregressive(3, 0, 1), numbers, 3000)
    assert best < 1.0
    assert errors(Exponential(0.2), numbers, 3000) > 2 * best


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_a_constant_series_is_forecast_exactly(level: float) -> None:
    for forecaster in (Exponential(0.2), Exponential(0.2, 0.1, 0.1, 24), Autoregressive(3, 0, 1), SeasonalNaive(24)):
        assert errors(forecaster, [level] * 300, 100) == pytest.approx(0, abs=1e-9)


def test_a_spike_is_remembered_as_the_end_of_the_usual() -> None:
    naive = SeasonalNaive(2)
    for at, x in enumerate((10.0, 20.0, 500.0, 20.0)):
        naive.learn(x, 5.0, at)
    assert naive.forecast(4) == 15.0
    assert naive.forecast(5) == 20.0


@EACH
def test_a_model_that_runs_off_begins_anew(make: Callable[[], Forecaster]) -> None:
    forecaster = make()
    for at, x in enumerate([*season(200, 3), *[(-1.0) ** at * 1e100 for at in range(60)], *season(300, 4)]):
        left = forecaster.left_over(x, at)
        assert left is None or math.isfinite(left)
        forecaster.learn(x, math.inf, at)
    forecaster.restore(forecaster.snapshot())


@EACH
@pytest.mark.parametrize("read", [0, 1, 10, 23, 24, 25, 60, 300])
def test_a_copy_through_its_snapshot_goes_on_bit_for_bit(make: Callable[[], Forecaster], read: int) -> None:
    numbers, one, other = season(400, 5), make(), make()
    for at, x in enumerate(numbers[:read]):
        one.learn(x, 3.0, at)
    for at, x in enumerate(numbers[:37]):
        other.learn(-x, 3.0, at)
    other.restore(one.snapshot())
    assert other.snapshot() == one.snapshot()
    for at, x in enumerate(numbers[read:], read):
        assert one.left_over(x, at) == other.left_over(x, at)
        one.learn(x, 3.0, at)
        other.learn(x, 3.0, at)
    assert one.snapshot() == other.snapshot()


@EACH
def test_a_state_of_another_river_is_refused(make: Callable[[], Forecaster]) -> None:
    forecaster = make()
    parts = msgspec.msgpack.decode(forecaster.snapshot())
    if not isinstance(parts[1], str):
        assert isinstance(forecaster, SeasonalNaive)  # which is ours
        return
    parts[1] = "0.1.0"
    with pytest.raises(ValueError, match=r"River .* 0\.1\.0"):
        forecaster.restore(msgspec.msgpack.encode(parts))


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (HoltWinters, {"alpha": 0.0}),
        (HoltWinters, {"beta": 1.0}),
        (HoltWinters, {"gamma": -0.1}),
        (HoltWinters, {"period": -1}),
        (SNARIMAX, {"p": 0, "q": 0}),
        (SNARIMAX, {"d": -1}),
        (HalfSpaceTrees, {"trees": 0}),
        (HalfSpaceTrees, {"height": 13}),
        (HalfSpaceTrees, {"lags": 0}),
        (HalfSpaceTrees, {"memory": 1.0}),
    ],
)
def test_options_out_of_range_are_refused(make: Callable[..., Detector], wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        make(**wrong)


def test_a_value_between_two_usual_ones_is_seen_by_trees() -> None:
    chance, detector = random.Random(8), HalfSpaceTrees()
    usual = [chance.choice([10, 50]) + chance.gauss(0, 1) for _ in range(2500)]
    found = [at for at, x in enumerate(usual + [30.0] * 20) if detector.update(x).alarm]
    assert found
    assert 2500 <= found[0] < 2510
