from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.detection.cusum import Cusum, poisson


def simulated_run_length(cusum: Cusum, mean: float, lanes: int, seed: int) -> float:
    """Mean ticks to the first alarm from 0."""
    chance = np.random.default_rng(seed)
    up, down = (1 - cusum.left) * cusum.mean, math.log(cusum.left)
    level, total, running = np.zeros(lanes), 0, lanes
    while running:
        level = np.maximum(level + up + chance.poisson(mean, running) * down, 0.0)
        total += running
        level = level[level < cusum.threshold]
        running = len(level)
    return total / lanes


@pytest.mark.parametrize(("mean", "left"), [(3.0, 0.5), (0.3, 0.7), (3.0, 0.85), (0.05, 0.5)])
def test_false_alarms_come_as_rarely_as_the_threshold_was_computed_for(mean: float, left: float) -> None:
    cusum = Cusum(mean, left, 2_000.0)
    found = simulated_run_length(cusum, mean, 4_000, seed=1)
    assert found == pytest.approx(2_000.0, rel=0.05)


@pytest.mark.parametrize(("mean", "left"), [(3.0, 0.5), (0.3, 0.7)])
def test_the_computed_delay_is_what_simulation_finds(mean: float, left: float) -> None:
    cusum = Cusum(mean, left, 5_000.0)
    assert simulated_run_length(cusum, mean * left, 8_000, seed=2) == pytest.approx(
        cusum.run_length(cusum.threshold, mean * left), rel=0.03
    )


def test_a_total_outage_waits_for_a_run_of_silence_whose_length_has_a_closed_form() -> None:
    # With almost nothing left under the alternative every event ends the evidence: an alarm is k silent ticks on end,
    # and the mean time to the first such run is (p⁻ᵏ − 1)/(1 − p), p the chance of a silent tick.
    cusum = Cusum(1.0, 1e-9, 50_000.0)
    run = math.ceil(cusum.threshold / (1 - 1e-9))
    silent = math.exp(-1.0)
    assert (silent**-run - 1) / (1 - silent) == pytest.approx(cusum.run_length(cusum.threshold, 1.0), rel=1e-6)
    assert cusum.delay(0.0, before=1.0) == pytest.approx(run, abs=1.0)


def test_a_change_in_the_midst_of_traffic_is_found_sooner_than_one_at_the_start() -> None:
    cusum = Cusum(0.3, 0.5, 50_000.0)
    assert cusum.delay(0.15, before=0.3) < cusum.run_length(cusum.threshold, 0.15)


def test_poisson_probabilities_sum_to_one() -> None:
    for mean in (0.0, 0.05, 3.0, 30.0):
        chances = poisson(mean)
        assert chances.sum() == pytest.approx(1.0, abs=1e-12)
        assert float(chances @ np.arange(len(chances))) == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize(("mean", "left", "ticks"), [(0.0, 0.5, 100.0), (1.0, 1.0, 100.0), (1.0, 0.5, 1.0)])
def test_what_is_no_drop_is_refused(mean: float, left: float, ticks: float) -> None:
    with pytest.raises(ValueError, match="expected a mean"):
        Cusum(mean, left, ticks)
