"""Runs of nothing at once are the same as one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.series.evidence import Evidence

sides = st.sampled_from(["down", "up"])
expectations = st.floats(1e-6, 50.0)


def aimed(side: str, expected: float, dispersion: float) -> Evidence:
    evidence = Evidence(side, 2)
    evidence.aim([expected, expected / 2], [dispersion, 1.0])
    return evidence


@settings(deadline=None)
@given(sides, expectations, st.floats(1.0, 20.0), st.integers(1, 90), st.floats(0.0, 1e-3), st.integers(0, 40))
def test_a_run_of_nothing_in_closed_form_is_the_same_as_one_by_one(
    side: str, expected: float, dispersion: float, updates: int, credit: float, before: int
) -> None:
    at_once, singly = aimed(side, expected, dispersion), aimed(side, expected, dispersion)
    for evidence in (at_once, singly):
        evidence.update(float(before), 1e-4)
    passed = 0
    while passed < updates and singly.level < 1:
        singly.update(0.0, credit)
        passed += 1
    assert at_once.quiet(passed, credit) == pytest.approx(singly.level, rel=1e-9, abs=1e-290)


@settings(deadline=None)
@given(sides, expectations, st.floats(1.0, 20.0), st.integers(1, 90), st.floats(1e-9, 1e-3))
def test_no_alarm_comes_before_it_is_asked_for(
    side: str, expected: float, dispersion: float, updates: int, credit: float
) -> None:
    evidence = aimed(side, expected, dispersion)
    soonest = evidence.soonest(updates, credit)
    assert 1 <= soonest <= updates
    assert evidence.quiet(soonest - 1, credit) < 1 if soonest > 1 else True


def test_asked_again_and_again_the_alarm_is_met_at_its_update() -> None:
    singly, asked = aimed("down", 0.3, 1.0), aimed("down", 0.3, 1.0)
    due = 1
    while singly.update(0.0, 1e-6) < 1:
        due += 1
    passed = times = 0
    while asked.level < 1:
        step = asked.soonest(1000, 1e-6)
        asked.quiet(step, 1e-6)
        passed += step
        times += 1
    assert passed == due
    assert times <= 12


def test_a_state_comes_back_to_the_bit() -> None:
    evidence, copy = aimed("up", 3.0, 2.0), aimed("up", 3.0, 2.0)
    evidence.update(9.0, 1e-5)
    copy.load(evidence.dump())
    assert copy.update(7.0, 1e-5) == evidence.update(7.0, 1e-5)
