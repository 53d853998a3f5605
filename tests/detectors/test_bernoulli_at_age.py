"""Too many still open at an age: what the evidence promises, and when it alarms."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bernoulli_at_age import ODDS, BernoulliAtAge, log_evidence
from detectors.recursion import Floats
from tests.detectors.chance import ledger

SHARE = st.floats(0, 1)


def factors(null: float, odds: Floats = ODDS) -> tuple[Floats, Floats]:
    """e of one that is done and of one that is still open."""
    log_e = log_evidence(np.ones(2), np.array([0.0, 1.0]), np.full(2, null), odds)
    return np.exp(log_e[0]), np.exp(log_e[1])


def alarms(detector: BernoulliAtAge, observations: Iterable[float]) -> list[int]:
    return [at for at, x in enumerate(observations) if detector.update(float(x)).alarm]


@given(null=SHARE, part=SHARE)
def test_evidence_expects_no_more_than_1_for_every_share_the_null_allows(null: float, part: float) -> None:
    done, still_open = factors(null)
    share = null * part
    assert ((1 - share) * done + share * still_open).max() <= 1 + 1e-12
    assert (1 - null) * done + null * still_open == pytest.approx(np.ones(len(ODDS)))


@given(null=SHARE, part=SHARE)
def test_the_mirror_expects_no_more_than_1_for_every_share_above(null: float, part: float) -> None:
    done, still_open = factors(null, 1 / ODDS)
    share = null + part * (1 - null)
    assert ((1 - share) * done + share * still_open).max() <= 1 + 1e-12


@given(null=st.floats(0.001, 0.999))
def test_each_observation_is_a_bet_that_cannot_lose_more_than_it_has(null: float) -> None:
    done, still_open = factors(null)
    bet = still_open - done
    assert done == pytest.approx(1 - bet * null)
    assert bet.max() <= 1 / null + 1e-9
    assert done.min() > 0


@given(observations=st.lists(st.booleans(), min_size=1, max_size=20), null=st.floats(0.01, 0.9))
def test_many_of_one_update_are_the_product_of_each(observations: list[bool], null: float) -> None:
    done, still_open = factors(null)
    together = log_evidence(np.array([len(observations)]), np.array([sum(observations)]), np.array([null]))
    each = sum(np.log(still_open if one else done) for one in observations)
    assert together[0] == pytest.approx(each)


def test_false_alarms_at_the_edge_of_the_null_stay_within_the_credit() -> None:
    chance = np.random.default_rng(5)

    def calls(share: float) -> Floats:
        count = chance.poisson(3.0, 1000)
        return log_evidence(count.astype(float), chance.binomial(count, share).astype(float), np.full(1000, 0.12))

    at_edge = ledger(lambda _: calls(0.12), series=1000, updates=300, credit=0.01)
    assert 0.3 < at_edge.ratio <= 1, at_edge
    beyond = ledger(lambda _: calls(0.15), series=1000, updates=300, credit=0.01)
    assert beyond.ratio > 1, beyond


def test_a_share_still_open_that_trebles_alarms_within_three_hundred_calls() -> None:
    chance = np.random.default_rng(1)
    calls = np.concatenate([chance.random(3000) < 0.1, chance.random(1000) < 0.3])
    first = alarms(BernoulliAtAge(share=0.1), calls)[0]
    assert 3000 < first <= 3300


def test_a_rare_overrun_that_becomes_three_in_ten_alarms_soon() -> None:
    chance = np.random.default_rng(1)
    calls = np.concatenate([chance.random(3000) < 0.005, chance.random(200) < 0.3])
    first = alarms(BernoulliAtAge(share=0.005, tolerance=0.005), calls)[0]
    assert 3000 < first <= 3030


def test_a_share_within_tolerance_and_three_standard_errors_says_nothing() -> None:
    calls = np.random.default_rng(2).random(8000) < 0.15
    assert alarms(BernoulliAtAge(share=0.1, tolerance=0.02, error=0.01), calls) == []
    assert alarms(BernoulliAtAge(share=0.1, tolerance=0.02, error=0.0), calls) != []


def test_a_share_that_is_not_known_at_all_never_alarms() -> None:
    assert alarms(BernoulliAtAge(share=0.5, error=0.2), np.ones(3000)) == []


@pytest.mark.parametrize(
    "wrong", [{"share": 1.0}, {"share": -0.1}, {"tolerance": -0.1}, {"error": -0.1}, {"credit": -1.0}]
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a"):
        BernoulliAtAge(**wrong)


@pytest.mark.parametrize("x", [0.5, -1.0, 2.0, float("inf")])
def test_one_is_either_still_open_or_done(x: float) -> None:
    with pytest.raises(ValueError, match="still open"):
        BernoulliAtAge().update(x)
