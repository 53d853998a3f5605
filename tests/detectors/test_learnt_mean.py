"""What is usual: learnt with its error, a pending change held back, an alarmed one taken out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.learnt_mean import LearntMean

SCORES = st.lists(st.floats(0, 10), min_size=1, max_size=60)


def learn(mean: LearntMean, scores: list[float], *, evidence: float = -1.0, kept: float = 1.0) -> None:
    for score in scores:
        mean.take(score, [evidence], kept=kept, pending=False)


@given(scores=SCORES)
def test_mean_and_error_are_those_of_the_scores(scores: list[float]) -> None:
    mean = LearntMean.empty(1)
    learn(mean, scores)
    found = mean.bound(10.0)
    assert found is not None
    n = len(scores)
    assert found[0] == pytest.approx(np.mean(scores))
    assert found[1] == pytest.approx(math.sqrt((np.var(scores) + 50 / n) / n), abs=1e-6)


def test_old_scores_count_half_after_their_half_life() -> None:
    mean = LearntMean.empty(1)
    kept = 0.5 ** (1 / 10)
    learn(mean, [0.0] * 200, kept=kept)
    learn(mean, [10.0] * 10, kept=kept)
    found = mean.bound(10.0)
    assert found is not None
    assert found[0] == pytest.approx(5.0, abs=1e-3)


@given(before=SCORES, change=SCORES, kept=st.floats(0.9, 1))
def test_an_alarm_takes_out_what_was_learnt_since_the_change_began(
    before: list[float], change: list[float], kept: float
) -> None:
    mean, plain = LearntMean.empty(2), LearntMean.empty(2)
    for score in before:
        for each in (mean, plain):
            each.take(score, [-1.0, -1.0], kept=kept, pending=False)
    for score in change:
        mean.take(score, [0.5, -0.5], kept=kept, pending=False)
    mean.forget_change(0)
    found, expected = mean.bound(10.0), plain.bound(10.0)
    assert found is not None
    assert expected is not None
    assert found[0] == pytest.approx(expected[0], abs=1e-6)


def test_nothing_is_known_before_the_first_score_and_after_all_is_forgotten() -> None:
    mean = LearntMean.empty(1)
    assert mean.bound(10.0) is None
    learn(mean, [3.0, 4.0], evidence=1.0)
    assert mean.bound(10.0) is not None
    mean.forget_change(0)
    assert mean.bound(10.0) is None


def test_pending_scores_count_only_once_they_are_no_longer_pending() -> None:
    mean = LearntMean.empty(1)
    learn(mean, [8.0] * 10)
    mean.take(0.0, [1.0], kept=1.0, pending=True)
    found = mean.bound(10.0)
    assert found is not None
    assert found[0] == 8.0
    mean.take(8.0, [-2.0], kept=1.0, pending=False)
    found = mean.bound(10.0)
    assert found is not None
    assert found[0] == pytest.approx(88 / 12)
