from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.detection import rivals
from benchmarks.detection.cusum import Cusum
from benchmarks.detection.delay import Oracle
from benchmarks.detection.delays import LAWS
from benchmarks.detection.known_baseline import KnownBaseline
from benchmarks.detection.product import Product
from benchmarks.detection.traffic import COMPLETION, WITHIN, Tick, Traffic
from detectors.poisson_drop import log_evidence
from detectors.recursion import RATIOS, Recursion

WEEK = 604_800
LOG_NORMAL = LAWS["log-normal"]


def test_what_is_expected_is_what_comes_and_knows_who_is_still_there() -> None:
    traffic = Traffic(100, 0.5, LOG_NORMAL, seed=1)
    baseline = KnownBaseline(100, LOG_NORMAL.hazards(COMPLETION, WITHIN, 1))
    for _ in range(WITHIN):
        baseline.take(traffic.step())
    observed, expected = (sum(sums) for sums in zip(*(baseline.take(traffic.step()) for _ in range(2000)), strict=True))
    assert np.sum(observed) == pytest.approx(np.sum(expected), rel=0.01)
    # N − U is a martingale whose variance is U.
    assert np.mean((observed - expected) ** 2 / expected) == pytest.approx(1.0, abs=0.35)
    # Those who fail stay and are expected again: after an outage of everything more and more are due.
    traffic.passing = 0.0
    due = [float(baseline.take(traffic.step())[1].sum()) for _ in range(600)]
    assert 1.3 < due[-1] / due[0] < 1.6


@pytest.fixture(scope="module")
def delays() -> dict[float, dict[str, float]]:
    """Mean seconds to find drops at 3 completions a second, 200 times each, on the same traffic."""
    lanes, rate, drops = 200, 3.0, (1.0, 0.5, 0.3)
    hazards = LOG_NORMAL.hazards(COMPLETION, WITHIN, 1)
    traffic, baseline = Traffic(lanes, rate, LOG_NORMAL, seed=2), KnownBaseline(lanes, hazards)
    oracles = {drop: (Oracle(rate, drop, 1.0, lanes, WEEK), Oracle(rate, drop, 0.9, lanes, WEEK)) for drop in drops}
    simple, credit, calm = Recursion(len(RATIOS), series=lanes), np.full(lanes, 1 / WEEK), np.ones(lanes)
    known = Product(lanes, 1, 1 / WEEK, tolerance=0.0, standard_errors=0.0)
    known.know(hazards)
    for number in range(WITHIN + 1500):
        tick = traffic.step()
        known.take(tick)
        observed, expected = baseline.take(tick)
        if number >= WITHIN:
            for pair in oracles.values():
                for oracle in pair:
                    oracle.take(observed, expected)
            simple.reset(np.flatnonzero(simple.update(log_evidence(observed, expected, calm), credit) >= 1))
    found = {}
    for drop in drops:
        after, base, ours = traffic.copy(), baseline.copy(), known.copy()
        after.passing = 1 - drop
        sharp, tolerant = oracles[drop]
        recursion = Recursion(len(RATIOS), series=lanes)
        recursion.values = simple.values.copy()
        seen = {name: np.full(lanes, np.nan) for name in ("sharp", "tolerant", "simple", "known")}
        for second in range(1, 2000):
            tick = after.step()
            observed, expected = base.take(tick)
            alarms = {
                "sharp": sharp.take(observed, expected),
                "tolerant": tolerant.take(observed, expected),
                "simple": np.flatnonzero(recursion.update(log_evidence(observed, expected, calm), credit) >= 1),
                "known": ours.take(tick),
            }
            for name, lanes_found in alarms.items():
                fresh = lanes_found[np.isnan(seen[name][lanes_found])]
                seen[name][fresh] = second
            if not any(np.isnan(values).any() for values in seen.values()):
                break
        # A lane that has just alarmed rests, and sees nothing meanwhile: hardly any does.
        for values in seen.values():
            assert np.isnan(values).sum() <= lanes // 50
        found[drop] = {name: float(np.nanmean(values)) for name, values in seen.items()}
    return found


@pytest.mark.slow
def test_the_oracles_find_drops_as_soon_as_the_specification_says(delays: dict[float, dict[str, float]]) -> None:
    for drop, sharp, tolerant in ((1.0, 5, 5), (0.5, 24, 32), (0.3, 54, 91)):
        assert delays[drop]["sharp"] == pytest.approx(sharp, rel=0.1, abs=1)
        assert delays[drop]["tolerant"] == pytest.approx(tolerant, rel=0.1, abs=1)


@pytest.mark.slow
def test_a_mixture_that_knows_the_baseline_needs_at_most_half_as_long_again(
    delays: dict[float, dict[str, float]],
) -> None:
    for found in delays.values():
        assert found["simple"] <= 1.5 * found["sharp"]
        assert found["known"] <= 1.5 * found["sharp"]


def test_an_oracle_forgets_after_its_alarm() -> None:
    oracle = Oracle(3.0, 0.5, 1.0, 1, 1000.0)
    assert isinstance(oracle.cusum, Cusum)
    silent = math.ceil(oracle.cusum.threshold / 1.5)
    alarms = [len(oracle.take(np.zeros(1), np.full(1, 3.0))) for _ in range(silent)]
    assert alarms == [0] * (silent - 1) + [1]
    assert oracle.levels.tolist() == [0.0]


def test_a_rolling_conversion_counts_its_window_and_a_funnel_the_cohort_whose_time_is_over() -> None:
    rolling, funnel = rivals.Rolling(1, 2, 1, 0.5), rivals.Funnel(1, 2, 1, 0.5)
    nobody = np.zeros(0, dtype=np.int64)
    z = []
    for number in range(WITHIN + 3):
        entered = np.array([4.0 if number == 0 else 0.0])
        lanes = np.zeros(4, dtype=np.int64) if number == 1 else nobody
        tick = Tick(number, entered, lanes, np.zeros(len(lanes), dtype=np.int64))
        z.append((float(rolling.take(tick)[0]), float(funnel.take(tick)[0])))
    # Four entrants of whom two were due: z = −2, then +2 when all four came, and nothing once the window has passed.
    assert [rolled for rolled, _ in z[:4]] == pytest.approx([-2.0, 2.0, 8.0, 0.0])
    cohorts = [matured for _, matured in z]
    assert cohorts[:WITHIN] == [0.0] * WITHIN
    assert cohorts[WITHIN:] == pytest.approx([2.0, 2.0, 0.0])


def test_a_calibrated_rival_alarms_about_as_often_as_it_may() -> None:
    day, rate = 86_400, 0.3
    thresholds = rivals.calibrated(rate, LOG_NORMAL, lanes=100, conversion=COMPLETION, seconds=day // 2, seed=3)
    traffic = Traffic(100, rate, LOG_NORMAL, tick=rivals.EVERY, seed=4)
    rival = rivals.Rolling(100, 1800, rivals.EVERY, COMPLETION)
    lowest = np.full(100, np.inf)
    for number in range((2 * WITHIN + day // 2) // rivals.EVERY):
        z = rival.take(traffic.step())
        if number >= 2 * WITHIN // rivals.EVERY:
            lowest = np.minimum(lowest, z)
    # A week has one: half a day alarms with probability 1 − exp(−1/14) = 7 %.
    assert 0.01 <= float((lowest < thresholds["rolling conversion", 1800]).mean()) <= 0.18
