"""The recursion: credit is all that grows while nothing is wrong, and an alarm uses up 1 of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.recursion import PENDING, RATIOS, Recursion
from tests.detectors.chance import ledger

CREDITS = st.lists(st.floats(0, 0.5), min_size=1, max_size=40)


@given(credits=CREDITS, alternatives=st.integers(1, 5))
def test_without_evidence_the_level_is_the_credit_handed_out(credits: list[float], alternatives: int) -> None:
    recursion = Recursion(alternatives, series=1)
    for credit in credits:
        recursion.update(np.zeros((1, alternatives)), np.array([credit]))
    assert recursion.levels[0] == pytest.approx(sum(credits), abs=1e-12)


def test_alarms_that_begin_anew_use_up_the_credit_one_by_one() -> None:
    recursion, alarms = Recursion(3, series=1), []
    for update in range(40):
        level = recursion.update(np.zeros((1, 3)), np.array([0.25]))[0]
        if level >= 1:
            alarms.append(update)
            recursion.reset([0])
    assert alarms == [3, 7, 11, 15, 19, 23, 27, 31, 35, 39]
    assert recursion.levels[0] == 0


def test_evidence_multiplies_the_credit_of_its_own_update_too() -> None:
    recursion = Recursion(1, series=2)
    log_e = np.log(np.array([[2.0], [0.5]]))
    assert recursion.update(log_e, np.array([0.1, 0.1])) == pytest.approx([0.2, 0.05])
    assert recursion.update(log_e, np.array([0.1, 0.1])) == pytest.approx([0.6, 0.075])


def test_the_level_is_the_weighted_mean_of_the_alternatives_and_never_the_largest() -> None:
    recursion = Recursion(2, series=1, weights=np.array([0.75, 0.25]))
    recursion.update(np.log(np.array([[1.0, 9.0]])), np.array([0.1]))
    assert recursion.levels[0] == pytest.approx(0.75 * 0.1 + 0.25 * 0.9)
    assert recursion.best(0) == 1


def test_series_do_not_touch_each_other_and_come_without_evidence() -> None:
    recursion = Recursion(1, series=1)
    recursion.update(np.array([[1.0]]), np.array([0.3]))
    before = recursion.levels[0]
    recursion.extend(2)
    levels = recursion.update(np.zeros((3, 1)), np.array([0.0, 0.1, 0.0]))
    assert levels.tolist() == [before, 0.1, 0.0]
    recursion.reset([0])
    assert recursion.levels.tolist() == [0.0, 0.1, 0.0]
    assert len(recursion) == 3


@pytest.mark.parametrize("alternatives", [1, 4, 7, 12, 33])
def test_a_series_has_the_same_bits_alone_as_among_many(alternatives: int) -> None:
    chance = np.random.default_rng(9)
    log_e = chance.normal(0, 1, (101, alternatives))
    many = Recursion(alternatives, series=101)
    for _ in range(3):
        levels = many.update(log_e, np.full(101, 0.01))
    for size in (1, 2, 7):
        few = Recursion(alternatives, series=size)
        for _ in range(3):
            own = few.update(log_e[:size], np.full(size, 0.01))
        assert own.tobytes() == levels[:size].tobytes()


def test_no_credit_means_no_alarm_whatever_the_evidence() -> None:
    recursion = Recursion(1, series=1)
    for _ in range(10):
        assert recursion.update(np.array([[50.0]]), np.array([0.0]))[0] == 0


def test_evidence_beyond_all_bounds_stays_a_number() -> None:
    recursion = Recursion(2, series=1)
    level = recursion.update(np.array([[1e12, np.inf]]), np.array([0.5]))[0]
    assert np.isfinite(level)
    assert level >= 1
    assert recursion.update(np.array([[-np.inf, -1e12]]), np.array([0.5]))[0] == 0


@given(credits=CREDITS, seed=st.integers(0, 2**32 - 1))
def test_a_copy_through_its_snapshot_goes_on_the_same(credits: list[float], seed: int) -> None:
    chance = np.random.default_rng(seed)
    one, other = Recursion(3, series=2), Recursion(3)
    for credit in credits:
        one.update(chance.normal(0, 3, (2, 3)), np.full(2, credit))
    other.restore(one.snapshot())
    log_e = chance.normal(0, 3, (2, 3))
    assert one.update(log_e, np.full(2, 0.01)).tobytes() == other.update(log_e, np.full(2, 0.01)).tobytes()
    assert one.snapshot() == other.snapshot()


def test_a_snapshot_of_another_number_of_alternatives_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 24 bytes"):
        Recursion(3).restore(Recursion(2, series=1).snapshot())


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [1.0]])
def test_weights_are_a_mixture(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="one non-negative weight per alternative"):
        Recursion(2, weights=np.array(weights))


def test_a_recursion_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 alternative"):
        Recursion(0)


def test_fair_bets_alarm_no_more_often_than_credit_was_handed_out() -> None:
    chance = np.random.default_rng(11)
    sizes = np.array([0.2, 0.5, 0.9])
    fair = ledger(
        lambda _: np.log1p(sizes * chance.choice([-1.0, 1.0], (500, 1))), series=500, updates=400, credit=0.01
    )
    assert 0.3 < fair.ratio <= 1, fair
    loaded = ledger(
        lambda _: np.log1p(sizes * chance.choice([-1.0, 1.0], (500, 1), p=[0.45, 0.55])),
        series=500,
        updates=400,
        credit=0.01,
    )
    assert loaded.ratio > 1, loaded


def test_alternatives_of_a_drop_leave_something_of_the_rate() -> None:
    assert RATIOS.min() > 0
    assert RATIOS.max() < 1
    assert np.all(np.diff(RATIOS) > 0)
    assert 0 < PENDING < 1
