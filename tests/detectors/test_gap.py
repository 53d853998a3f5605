"""Silence of a source: what the evidence promises, and when it alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.gap import Gap, log_evidence
from detectors.recursion import Floats
from tests.detectors.chance import ledger

SILENCE = np.zeros(2000)


def alarms(detector: Gap, counts: Floats, **how: float) -> list[int]:
    return [at for at, count in enumerate(counts) if detector.update(float(count), **how).alarm]


def arrivals(rate: float, seconds: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).poisson(rate, seconds).astype(float)


@given(hazard=st.floats(0, 30), above=st.floats(0, 1))
def test_evidence_expects_no_more_than_1_for_every_chance_the_null_allows(hazard: float, above: float) -> None:
    none = math.exp(-hazard) * above
    with_none, with_some = np.exp(log_evidence(np.array([1.0, 0.0]), np.full(2, hazard)))[:, 0]
    assert none * with_none + (1 - none) * with_some <= 1 + 1e-12


def test_false_alarms_at_the_edge_of_the_null_stay_within_the_credit() -> None:
    chance, hazard = np.random.default_rng(5), np.full(1000, 0.4)

    def tick(true: float) -> Floats:
        return log_evidence((chance.random(1000) < math.exp(-true)).astype(float), hazard)

    at_edge = ledger(lambda _: tick(0.4), series=1000, updates=300, credit=0.01)
    assert 0.3 < at_edge.ratio <= 1, at_edge
    beyond = ledger(lambda _: tick(0.3), series=1000, updates=300, credit=0.01)
    assert beyond.ratio > 1, beyond


def test_false_alarms_of_a_learnt_law_stay_within_the_credit() -> None:
    """From the hundredth gap on, 20 sources of other laws, one alarm in 300 updates allowed."""
    found, credit, updates = 0, 1 / 300, 1500
    for seed in range(20):
        rate = [0.1, 0.5, 2.0, 0.05][seed % 4]
        found += len(alarms(Gap(tolerance=0.0, credit=credit), arrivals(rate, updates, seed)))
    assert found / (20 * updates * credit) <= 1


@pytest.mark.parametrize(("rate", "latest"), [(3.0, 8), (0.5, 45), (0.05, 500)])
def test_a_source_that_falls_silent_alarms_after_some_fifteen_usual_gaps(rate: float, latest: int) -> None:
    before = arrivals(rate, 12_000)
    assert 0 < alarms(Gap(), np.concatenate([before, SILENCE]))[0] - len(before) <= latest


def test_a_source_that_goes_on_says_nothing() -> None:
    for rate in (3.0, 0.2):
        assert alarms(Gap(), arrivals(rate, 12_000)) == []


def test_clumped_arrivals_say_nothing_where_even_ones_would_be_silent() -> None:
    """A batch of 20 s every 5 min: the pause is longer than any silence an even source of this rate would have."""
    pattern = np.where(np.arange(18_000) % 300 < 20, 2.0, 0.0)
    counts = np.random.default_rng(2).poisson(pattern).astype(float)
    assert alarms(Gap(), counts) == []
    even = arrivals(float(pattern.mean()), 18_000)
    assert alarms(Gap(), np.concatenate([even, np.zeros(280)])) != []
    assert 18_000 < alarms(Gap(), np.concatenate([counts, np.zeros(10_000)]))[0] < 22_000


def test_nothing_is_said_before_a_hundred_gaps() -> None:
    detector = Gap(credit=0.01)
    assert alarms(detector, np.concatenate([np.ones(100), SILENCE])) == []
    assert not detector.watched
    sooner = Gap(credit=0.01)
    assert alarms(sooner, np.concatenate([np.ones(102), SILENCE])) != []


def test_a_source_slower_than_one_a_minute_is_not_watched() -> None:
    detector = Gap(credit=0.01)
    slow = np.tile(np.concatenate([np.ones(1), np.zeros(61)]), 150)
    assert alarms(detector, np.concatenate([slow, SILENCE])) == []
    assert not detector.watched


def test_a_silence_is_told_once_and_watched_again_from_the_next_event_on() -> None:
    before = arrivals(1.0, 2000)
    detector = Gap()
    found = alarms(detector, np.concatenate([before, SILENCE]))
    assert len(found) == 1
    assert not detector.watched
    assert alarms(detector, np.concatenate([before[:500], SILENCE])) != []


def test_a_silence_that_alarmed_is_not_taken_for_usual() -> None:
    detector, spared = Gap(half_life=1e12), Gap(half_life=1e12)
    before = np.concatenate([arrivals(1.0, 2000), np.ones(1)])
    for each in (detector, spared):
        alarms(each, before)
    alarms(detector, np.concatenate([SILENCE, np.ones(1)]))
    assert detector._law.sums.tobytes() == spared._law.sums.tobytes()


def test_a_silence_that_alarmed_is_usual_once_someone_says_so() -> None:
    """A pause of five minutes at every shift: told the first time, accepted, and not told again."""
    shift, pause = np.concatenate([arrivals(1.0, 3000), np.ones(1)]), np.zeros(300)
    accepting, silent = Gap(), Gap()
    for detector in (accepting, silent):
        assert alarms(detector, np.concatenate([shift, pause])) != []
        assert not detector.accept(), "it is not over yet"
        alarms(detector, shift)
    assert accepting.accept()
    assert not accepting.accept(), "once is enough"
    told = [len(alarms(detector, np.concatenate([pause, shift]))) for detector in (accepting, silent)]
    assert told == [0, 1]


def test_a_long_gap_that_did_not_alarm_is_learnt() -> None:
    detector = Gap(credit=0.0)
    alarms(detector, np.concatenate([arrivals(1.0, 2000), np.zeros(400), np.ones(1)]))
    assert detector._law.sums[0, detector._law.bin(400)] == pytest.approx(1, abs=0.01)


def test_a_closed_night_is_no_silence_to_who_knows_the_hours() -> None:
    day, night = arrivals(1.0, 3000), np.zeros(3000)
    knowing, unknowing = Gap(), Gap()
    for counts, factor in ((day, 1.5), (night, 0.0), (day, 1.5), (SILENCE, 1.5)):
        told = alarms(knowing, counts, factor=factor)
        assert bool(told) == (counts is SILENCE)
    assert alarms(unknowing, np.concatenate([day, night])) != []


def test_a_quiet_hour_makes_the_alarm_later() -> None:
    detectors = Gap(), Gap()
    for detector in detectors:
        alarms(detector, arrivals(1.0, 3000))
    busy, quiet = (alarms(each, SILENCE, factor=factor)[0] for each, factor in zip(detectors, (1.0, 0.25), strict=True))
    assert quiet == pytest.approx(4 * busy, rel=0.1)


def test_more_tolerance_makes_the_alarm_later_in_proportion() -> None:
    usual = arrivals(0.5, 3000)
    strict, lenient = (alarms(Gap(tolerance=part), np.concatenate([usual, SILENCE]))[0] for part in (0.0, 0.5))
    assert lenient - 3000 == pytest.approx(2 * (strict - 3000), rel=0.15)


def test_longer_updates_count_by_their_length() -> None:
    detectors = Gap(), Gap()
    for detector in detectors:
        alarms(detector, arrivals(0.5, 3000))
    short = alarms(detectors[0], SILENCE)[0]
    long = alarms(detectors[1], SILENCE, seconds=5.0)[0]
    assert 5 * long == pytest.approx(short, abs=7)


@pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"tolerance": 1.0}, {"half_life": 0.0}, {"credit": -1.0}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected seconds"):
        Gap(**wrong)


@pytest.mark.parametrize(
    ("count", "how"),
    [(-1.0, {}), (math.inf, {}), (1.0, {"seconds": 0.0}), (1.0, {"factor": -1.0}), (1.0, {"factor": math.inf})],
)
def test_counts_lengths_and_factors_out_of_range_are_refused(count: float, how: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a count"):
        Gap().update(count, **how)


def test_a_state_of_other_bins_or_with_negative_numbers_is_refused() -> None:
    detector = Gap()
    alarms(detector, arrivals(1.0, 300))
    with pytest.raises(ValueError, match="bins"):
        Gap(seconds=60.0).restore(detector.snapshot())
    detector._gap.age = -1.0
    with pytest.raises(ValueError, match="at least 0"):
        Gap().restore(detector.snapshot())
    detector._gap.age = 1.0
    detector._law.sums[0, 0] = math.nan
    with pytest.raises(ValueError, match="not negative"):
        Gap().restore(detector.snapshot())
