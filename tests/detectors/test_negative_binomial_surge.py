"""A rate that rises: what the evidence promises, and when it alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.negative_binomial_surge import SURGES, NegativeBinomialSurge, log_evidence
from detectors.poisson_drop import log_evidence as poisson_evidence
from detectors.recursion import Floats
from tests.detectors.chance import ledger, negative_binomial


def evidence(counts: Floats, most: float, dispersion: float) -> Floats:
    n = len(counts)
    return log_evidence(counts, np.full(n, most), np.full(n, dispersion))


def expectation(mean: float, dispersion: float, null: float, null_dispersion: float) -> Floats:
    """E[e] for every alternative, summed until the terms vanish."""
    counts = np.arange(6000.0)
    with np.errstate(divide="ignore"):
        chances = np.log(negative_binomial(mean, dispersion, len(counts) - 1))
    total: Floats = np.exp(chances[:, None] + evidence(counts, null, null_dispersion)).sum(axis=0)
    return total


def alarms(detector: NegativeBinomialSurge, counts: Floats) -> list[int]:
    return [at for at, count in enumerate(counts) if detector.update(float(count)).alarm]


def clumped(chance: np.random.Generator, mean: float, dispersion: float, size: int) -> Floats:
    return chance.negative_binomial(mean / (dispersion - 1), 1 / dispersion, size).astype(float)


@pytest.mark.parametrize(("mean", "dispersion"), [(30.0, 3.0), (0.5, 1.0), (2.0, 1.0001), (5.0, 8.0), (20.0, 1.5)])
def test_evidence_expects_exactly_1_at_the_edge_of_the_null(mean: float, dispersion: float) -> None:
    assert expectation(mean, dispersion, mean, dispersion) == pytest.approx(np.ones(len(SURGES)), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    null=st.floats(0.01, 60),
    dispersion=st.floats(1, 6),
    of_mean=st.floats(0.05, 1),
    of_dispersion=st.floats(0, 1),
)
def test_evidence_expects_no_more_than_1_for_any_smaller_mean_and_dispersion(
    null: float, dispersion: float, of_mean: float, of_dispersion: float
) -> None:
    below = 1 + of_dispersion * (dispersion - 1)
    assert expectation(of_mean * null, below, null, dispersion).max() <= 1 + 1e-7


def test_tempered_poisson_would_overstate_a_surge() -> None:
    """Why drops and surges have different evidence: with φ = 3, tempering expects 2.7 at a doubling."""
    counts = np.arange(2000.0)
    tempered = poisson_evidence(counts, np.full(2000, 30.0), np.full(2000, 3.0), np.array([2.0]))
    with np.errstate(divide="ignore"):
        chances = np.log(negative_binomial(30.0, 3.0, 1999))
    assert np.exp(chances + tempered[:, 0]).sum() == pytest.approx(2.7, abs=0.05)


def test_without_dispersion_it_is_the_likelihood_ratio_of_two_poissons() -> None:
    counts, means = np.array([0.0, 4.0, 30.0]), np.array([2.0, 3.0, 10.0])
    expected = counts[:, None] * np.log(SURGES) + (1 - SURGES) * means[:, None]
    assert log_evidence(counts, means, np.ones(3)) == pytest.approx(expected)
    assert log_evidence(counts, means, np.full(3, 1 + 1e-8)) == pytest.approx(expected, rel=1e-5)


def test_false_alarms_at_the_edge_of_the_null_stay_within_the_credit() -> None:
    chance = np.random.default_rng(5)
    at_edge = ledger(
        lambda _: evidence(clumped(chance, 6.0, 2.5, 1000), 6.0, 2.5), series=1000, updates=300, credit=0.01
    )
    assert 0.3 < at_edge.ratio <= 1, at_edge
    beyond = ledger(
        lambda _: evidence(clumped(chance, 6.9, 2.5, 1000), 6.0, 2.5), series=1000, updates=300, credit=0.01
    )
    assert beyond.ratio > 1, beyond


def test_calls_that_double_alarm_within_a_minute() -> None:
    chance = np.random.default_rng(1)
    counts = np.concatenate([clumped(chance, 3.0, 1.5, 2000), clumped(chance, 6.0, 1.5, 100)])
    first = alarms(NegativeBinomialSurge(expected=3.0, dispersion=1.5), counts)[0]
    assert 2000 < first <= 2060


def test_clumped_complaints_say_nothing_for_hours() -> None:
    counts = clumped(np.random.default_rng(3), 0.5, 4.0, 20_000)
    assert alarms(NegativeBinomialSurge(expected=0.5, dispersion=4.0), counts) == []
    assert alarms(NegativeBinomialSurge(expected=0.5, dispersion=1.0), counts[:2000]) != []


def test_an_all_clear_asks_whether_the_rate_is_above_the_drop_again() -> None:
    """Null: at most 0.55 of 4 a second. A rate of 0.4 of it never passes for recovered, the old rate soon does."""
    chance = np.random.default_rng(8)
    still_down = ledger(
        lambda _: evidence(chance.poisson(1.6, 500).astype(float), 2.2, 1.0), series=500, updates=400, credit=1e-3
    )
    assert still_down.ratio < 0.1, still_down
    well_again = ledger(
        lambda _: evidence(chance.poisson(4.0, 500).astype(float), 2.2, 1.0), series=500, updates=20, credit=1e-3
    )
    assert well_again.alarms > 450


@pytest.mark.parametrize(
    "wrong", [{"expected": 0.0}, {"tolerance": -0.1}, {"dispersion": 0.9}, {"credit": -1.0}, {"credit": float("nan")}]
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a"):
        NegativeBinomialSurge(**wrong)


@pytest.mark.parametrize("count", [-1.0, float("inf"), float("-inf")])
def test_a_count_is_finite_and_not_negative(count: float) -> None:
    with pytest.raises(ValueError, match="expected a count"):
        NegativeBinomialSurge().update(count)
