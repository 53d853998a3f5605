"""What a step's series are granted."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.steps.step_drop import StepDrop
from streams.stages.step_credit import StepCredit


def step() -> tuple[StepDrop, StepCredit]:
    """A whole and two segment values, of which each sees a thousand completions a day."""
    drop, credit = StepDrop(60), StepCredit()
    drop.extend(2, np.array([[0, 0], [1, 2]]), 3)
    drop._volume[:] = 1000.0
    drop._lived_seconds = 86_400.0
    credit.regroup(drop)
    return drop, credit


def test_everything_that_was_counted_is_granted_its_seconds() -> None:
    drop, credit = step()
    granted = credit.grant(drop, 10, 1e-6, 1e-7, np.array([True, True, True]))
    assert granted == pytest.approx([1e-5, 1e-6, 1e-6])
    assert credit.of(0) == pytest.approx(1e-6)


def test_what_was_not_counted_when_the_budget_was_shared_out_gets_nothing_yet() -> None:
    drop, credit = step()
    assert credit.grant(drop, 10, 1e-6, 1e-7, np.array([False, True])) == pytest.approx([0.0, 1e-6, 0.0])


def test_what_has_too_little_volume_gets_nothing_though_it_was_counted() -> None:
    drop, credit = step()
    drop._volume[2] = 5.0
    assert credit.grant(drop, 10, 1e-6, 1e-7, np.array([True, True, True])) == pytest.approx([1e-5, 1e-6, 0.0])
