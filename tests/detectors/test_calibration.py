"""Evidence whose peaks were too high is tempered, evidence that kept to its promise is not."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.calibration import Calibration


def exponent(rate: float, peaks: int, seed: int = 1) -> float:
    calibration = Calibration()
    for height in np.random.default_rng(seed).exponential(1 / rate, peaks).tolist():
        calibration.take(3.0 + height, 1.0)
        calibration.take(0.0, 1.0)
    return calibration.exponent(30.0, 1.0)


def test_peaks_of_rate_1_and_more_leave_evidence_as_it_is() -> None:
    assert exponent(1.3, 500) == 1.0


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.75])
def test_heavier_peaks_temper_it_by_a_little_less_than_their_rate(rate: float) -> None:
    assert 0.85 * rate < exponent(rate, 2000) < 1.02 * rate


def test_a_few_heavy_peaks_temper_it_a_little() -> None:
    assert exponent(0.3, 400) < exponent(0.3, 10) < 1


def test_an_excursion_counts_once_and_one_that_alarmed_does_not_count() -> None:
    calibration = Calibration()
    for height in (1.0, 4.0, 6.0, 5.0, 0.0):
        calibration.take(height, 1.0)
    assert (calibration.number, calibration.excess) == (1.0, 3.0)
    calibration.take(8.0, 1.0)
    calibration.alarmed()
    calibration.take(0.0, 1.0)
    assert (calibration.number, calibration.excess) == (1.0, 3.0)


def test_the_exponent_stays_above_a_tenth() -> None:
    assert exponent(0.001, 1000) == 0.1
