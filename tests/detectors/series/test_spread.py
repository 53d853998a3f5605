"""Noise and slow drift of counts."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.series.spread import Spread
from tests.detectors.series.drive import DAY


def fed(counts: np.ndarray[tuple[int], np.dtype[np.int64]], expected: float) -> Spread:
    """One update in ten seconds."""
    spread = Spread.empty()
    for number, count in enumerate(counts.tolist()):
        spread.add(number * 10, float(count), expected, 0.0)
    spread.estimate()
    return spread


def test_single_events_have_no_dispersion_and_no_drift() -> None:
    spread = fed(np.random.default_rng(1).poisson(2.0, 2 * DAY // 10), 2.0)
    assert spread.fast == pytest.approx(1.0, abs=0.1)
    assert spread.slow < 2.5
    assert spread.drift < 0.001


def test_events_in_clumps_of_three_have_a_dispersion_of_three() -> None:
    spread = fed(3 * np.random.default_rng(2).poisson(0.7, DAY // 10), 2.1)
    assert spread.fast == pytest.approx(3.0, rel=0.1)


def test_hours_that_differ_by_a_third_show_as_drift() -> None:
    chance = np.random.default_rng(3)
    speed = np.repeat(1 + chance.choice([-0.33, 0.33], 96), 360)
    spread = fed(chance.poisson(5.0 * speed), 5.0)
    assert spread.drift**0.5 == pytest.approx(0.33, rel=0.15)
    assert spread.slow > 50
    assert spread.fast < 6
