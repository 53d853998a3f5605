"""Scores that move: what the bets promise, what is learnt, and when it alarms."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bounded_mean import STAKES, BoundedMean, log_evidence
from detectors.recursion import Floats
from tests.detectors.chance import ledger

NPS = np.arange(11.0)
LAW = st.lists(st.floats(0, 1), min_size=11, max_size=11).filter(lambda law: sum(law) > 0.01)
DIRECTIONS = pytest.mark.parametrize("direction", ["down", "up"])


def alarms(detector: BoundedMean, scores: Floats) -> list[int]:
    return [at for at, score in enumerate(scores) if detector.update(float(score)).alarm]


def answers(chance: np.random.Generator, mean: float, size: int) -> Floats:
    """Answers from 0 to 10 with that mean."""
    return chance.binomial(10, mean / 10, size).astype(float)


@DIRECTIONS
@given(law=LAW, away=st.floats(0, 4))
def test_evidence_expects_no_more_than_1_for_every_law_of_such_a_mean(
    direction: Literal["down", "up"], law: list[float], away: float
) -> None:
    chances = np.array(law) / sum(law)
    mean = float(chances @ NPS)
    null = np.full(11, mean - away if direction == "down" else mean + away)
    log_e = log_evidence(np.eye(11), NPS, null, 0, 10, direction)
    assert np.isfinite(log_e).all()
    assert (chances @ np.exp(log_e)).max() <= 1 + 1e-9


@DIRECTIONS
def test_evidence_expects_exactly_1_at_the_edge_of_the_null(direction: Literal["down", "up"]) -> None:
    chances = np.array([0.1, 0, 0, 0, 0, 0.1, 0, 0.1, 0.2, 0.2, 0.3])
    log_e = log_evidence(np.eye(11), NPS, np.full(11, chances @ NPS), 0, 10, direction)
    assert chances @ np.exp(log_e) == pytest.approx(np.ones(len(STAKES)))


def test_the_largest_stake_risks_nine_tenths_on_each_score() -> None:
    log_e = log_evidence(np.eye(3), np.array([0.0, 8.0, 10.0]), np.full(3, 8.0), 0, 10)
    assert np.exp(log_e[:, -1]) == pytest.approx([1 + 0.9 * 8 / 2, 1.0, 0.1])


@given(scores=st.lists(st.integers(0, 10), max_size=30), null=st.floats(1, 9))
def test_answers_of_one_update_are_one_factor_each(scores: list[int], null: float) -> None:
    counts = np.bincount(np.array(scores, dtype=int), minlength=11).astype(float)
    together = log_evidence(counts[None, :], NPS, np.array([null]), 0, 10)[0]
    each = log_evidence(np.ones((len(scores), 1)), np.zeros(1), np.full(len(scores), null), 0, 10) * 0
    for row, score in enumerate(scores):
        each[row] = log_evidence(np.ones((1, 1)), np.array([float(score)]), np.array([null]), 0, 10)[0]
    assert together == pytest.approx(each.sum(axis=0))


@given(scores=st.lists(st.integers(0, 10), min_size=1, max_size=30), null=st.floats(-2, 12))
def test_up_is_the_mirror_of_down(scores: list[int], null: float) -> None:
    counts = np.bincount(np.array(scores), minlength=11).astype(float)[None, :]
    down = log_evidence(counts, NPS, np.array([null]), 0, 10, "down")
    up = log_evidence(counts[:, ::-1], NPS, np.array([10 - null]), 0, 10, "up")
    assert down == pytest.approx(up)


def test_scores_outside_the_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="expected values from 0 to 5"):
        log_evidence(np.ones((1, 11)), NPS, np.array([3.0]), 0, 5)
    for score in (-0.1, 10.1, float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="expected a score"):
            BoundedMean().update(score)


def test_false_alarms_at_the_edge_of_the_null_stay_within_the_credit() -> None:
    chance = np.random.default_rng(5)

    def tick(mean: float) -> Floats:
        counts = np.zeros((1000, 11))
        for _ in range(2):
            counts[np.arange(1000), chance.binomial(10, mean / 10, 1000)] += 1
        return log_evidence(counts, NPS, np.full(1000, 7.0), 0, 10)

    at_edge = ledger(lambda _: tick(7.0), series=1000, updates=300, credit=0.01)
    assert 0.3 < at_edge.ratio <= 1, at_edge
    beyond = ledger(lambda _: tick(6.7), series=1000, updates=300, credit=0.01)
    assert beyond.ratio > 1, beyond


def test_false_alarms_of_a_learnt_mean_stay_within_the_credit() -> None:
    """From the first answer on, without tolerance: 20 questions of 1,000 answers, one alarm in 100 answers allowed."""
    chance, credit, found = np.random.default_rng(6), 0.01, 0
    for _ in range(20):
        detector = BoundedMean(tolerance=0.0, half_life=300, credit=credit)
        found += len(alarms(detector, chance.choice([0.0, 5.0, 9.0, 10.0], 1000, p=[0.1, 0.2, 0.3, 0.4])))
    assert found / (20 * 1000 * credit) <= 1


def test_answers_that_fall_by_two_points_alarm_within_a_hundred() -> None:
    chance = np.random.default_rng(1)
    scores = np.concatenate([answers(chance, 8.0, 3000), answers(chance, 6.0, 300)])
    first = alarms(BoundedMean(), scores)[0]
    assert 3000 < first <= 3100
    assert alarms(BoundedMean(direction="up"), scores) == []
    assert alarms(BoundedMean(direction="up"), 10 - scores)[0] == first


def test_steady_answers_say_nothing() -> None:
    assert alarms(BoundedMean(), answers(np.random.default_rng(3), 8.0, 8000)) == []


def test_a_fixed_baseline_is_used_from_the_first_answer() -> None:
    first = alarms(BoundedMean(baseline=8.0), np.full(100, 2.0))[0]
    assert first < 25
    assert alarms(BoundedMean(), np.full(100, 2.0)) == []


def test_a_change_is_not_learnt_while_it_is_pending_and_forgotten_at_its_alarm() -> None:
    chance = np.random.default_rng(4)
    detector = BoundedMean(half_life=500)
    alarms(detector, answers(chance, 8.0, 3000))
    before = detector.null
    assert before is not None
    found = alarms(detector, answers(chance, 5.5, 200))
    assert found[0] < 60
    after = BoundedMean(half_life=500)
    after.restore(detector.snapshot())
    assert after.null == pytest.approx(before, abs=0.15)
    assert len(found) >= 3, "a change that lasts goes on alarming: nobody has said that it is normal"


def test_what_is_usual_stands_still_while_a_change_is_pending() -> None:
    detector = BoundedMean(credit=1e-4)
    alarms(detector, answers(np.random.default_rng(4), 8.0, 1000))
    nulls = []
    while not (verdict := detector.update(4.0)).alarm:
        if verdict.level > 0.1:
            nulls.append(detector.null)
    assert len(nulls) > 1
    assert nulls == pytest.approx([nulls[0]] * len(nulls), abs=1e-12)


def test_what_was_held_back_is_learnt_when_it_turns_out_to_be_nothing() -> None:
    chance, twin = np.random.default_rng(4), BoundedMean(credit=0.0)
    detector = BoundedMean(credit=1e-3)
    scores = np.concatenate([answers(chance, 8.0, 1000), [3.0, 3.0, 3.0, 2.0], np.full(40, 9.0)])
    levels = [detector.update(score).level for score in scores]
    alarms(twin, scores)
    assert max(levels) > 0.1, "the low answers were pending"
    assert levels[-1] < 0.1
    assert detector.null == pytest.approx(twin.null, abs=1e-9)


def test_a_few_equal_answers_are_not_taken_for_certainty() -> None:
    detector = BoundedMean(credit=1e-3)
    assert alarms(detector, np.array([9.0] * 5 + [5.0, 7.0, 6.0])) == []
    assert detector.null is not None
    assert detector.null < 5


@DIRECTIONS
def test_a_baseline_at_the_end_of_the_scale_stays_within_bounds(direction: Literal["down", "up"]) -> None:
    detector = BoundedMean(direction=direction, baseline=10.0 if direction == "down" else 0.0, tolerance=0.0)
    levels = [detector.update(score).level for score in (10.0, 0.0, 5.0, 10.0, 0.0)]
    assert np.isfinite(levels).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"lowest": 10.0},
        {"baseline": 11.0},
        {"tolerance": -1.0},
        {"half_life": 0.0},
        {"credit": -1.0},
        {"direction": "sideways"},
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        BoundedMean(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_state_with_learnt_numbers_that_are_none_is_refused() -> None:
    detector = BoundedMean()
    alarms(detector, np.full(5, 8.0))
    usual = detector._usual
    usual.learnt.total = float("nan")
    with pytest.raises(ValueError, match="finite numbers"):
        BoundedMean().restore(detector.snapshot())
