"""River's ADWIN behind the contract: the same alarms as River's own, and a state that comes back intact."""

from __future__ import annotations

import random

import pytest
from river import drift

from detectors import state
from detectors.adwin import ADWIN, _State


def stream(seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(5 if at < 800 else 4, 1) for at in range(1600)]


def test_it_alarms_when_rivers_own_does() -> None:
    ours, rivers, found, expected = ADWIN(), drift.ADWIN(), [], []  # type: ignore[no-untyped-call]  # River's
    for at, x in enumerate(stream(1)):
        rivers.update(x)  # type: ignore[no-untyped-call]  # has no annotations
        if ours.update(x).alarm:
            found.append(at)
        if rivers.drift_detected:
            expected.append(at)
    assert found == expected == [831]


def test_a_steady_series_says_nothing() -> None:
    chance, detector = random.Random(2), ADWIN()
    assert not any(detector.update(chance.gauss(5, 1)).alarm for _ in range(5000))


def test_a_smaller_clock_looks_sooner() -> None:
    patient, eager = ADWIN(clock=256), ADWIN(clock=1)
    firsts = [next(at for at, x in enumerate(stream(1)) if detector.update(x).alarm) for detector in (patient, eager)]
    assert 800 < firsts[1] < firsts[0]


@pytest.mark.parametrize(
    "wrong",
    [{"delta": 0.0}, {"delta": 1.0}, {"clock": 0}, {"max_buckets": 0}, {"min_window_length": 0}, {"grace_period": -1}],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected a delta"):
        ADWIN(**wrong)


def test_a_number_that_would_blind_it_is_refused() -> None:
    for x in (1e200, float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="expected a number"):
            ADWIN().update(x)


def test_a_window_that_is_damaged_or_of_another_river_is_refused() -> None:
    detector = ADWIN()
    for x in stream(3)[:300]:
        detector.update(x)
    body = detector.snapshot()
    found = state.decode(body, _State)
    window = bytes([found.window[0] ^ 1]) + found.window[1:]
    for damaged in (_State(found.river, window, found.sum), _State("0.1.0", found.window, found.sum)):
        with pytest.raises(ValueError, match="intact window of River"):
            detector.restore(state.encode(damaged))
    assert detector.snapshot() == body
