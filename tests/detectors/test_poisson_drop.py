"""A rate that falls: what the evidence promises, and when it alarms."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.poisson_drop import PoissonDrop, log_evidence
from detectors.recursion import RATIOS, Floats
from tests.detectors.chance import ledger, poisson


def evidence(counts: Floats, expected: float, dispersion: float = 1.0) -> Floats:
    n = len(counts)
    return log_evidence(counts, np.full(n, expected), np.full(n, dispersion))


def alarms(detector: PoissonDrop, counts: Iterable[float]) -> list[int]:
    return [at for at, count in enumerate(counts) if detector.update(float(count)).alarm]


@given(null=st.floats(0.01, 40), above=st.floats(1, 3))
def test_evidence_expects_no_more_than_1_at_every_rate_the_null_allows(null: float, above: float) -> None:
    most = int(null * above + 12 * (null * above) ** 0.5 + 30)
    counts = np.arange(most + 1.0)
    expectation = poisson(null * above, most) @ np.exp(evidence(counts, null))
    assert expectation.max() <= 1 + 1e-9
    if above == 1:
        assert expectation == pytest.approx(np.ones(len(RATIOS)))


@given(
    sizes=st.lists(st.floats(0.001, 1), min_size=1, max_size=8),
    clusters=st.floats(0.05, 20),
    above=st.floats(1, 2),
)
def test_tempered_evidence_expects_no_more_than_1_for_any_clumps(
    sizes: list[float], clusters: float, above: float
) -> None:
    """By the generating function of a compound Poisson: clumps of 1, 2, … events with these chances."""
    chances, size = np.array(sizes) / sum(sizes), np.arange(1.0, len(sizes) + 1)
    mean, squares = chances @ size, chances @ size**2
    dispersion = squares / mean
    null = clusters * mean / above
    none, one = evidence(np.array([0.0, 1.0]), float(null), float(dispersion))
    log_expectation = none + clusters * (chances @ np.exp(np.outer(size, one - none)) - 1)
    assert log_expectation.max() <= 1e-9


def test_clumps_without_tempering_would_be_taken_for_a_drop() -> None:
    per_event, size = RATIOS, 3
    untempered = (per_event**size - 1) / size + (1 - RATIOS)
    assert untempered.max() > 0.1


def test_false_alarms_at_the_edge_of_the_null_stay_within_the_credit() -> None:
    chance = np.random.default_rng(5)
    at_edge = ledger(
        lambda _: evidence(chance.poisson(2.7, 1000).astype(float), 2.7), series=1000, updates=300, credit=0.01
    )
    assert 0.3 < at_edge.ratio <= 1, at_edge
    beyond = ledger(
        lambda _: evidence(chance.poisson(2.4, 1000).astype(float), 2.7), series=1000, updates=300, credit=0.01
    )
    assert beyond.ratio > 1, beyond


def test_an_outage_at_three_a_second_alarms_within_ten_seconds() -> None:
    counts = np.concatenate([np.random.default_rng(1).poisson(3.0, 2000), np.zeros(20)])
    assert alarms(PoissonDrop(expected=3.0), counts)[0] == 2005


def test_a_rate_that_falls_by_half_alarms_within_a_minute() -> None:
    chance = np.random.default_rng(2)
    counts = np.concatenate([chance.poisson(3.0, 2000), chance.poisson(1.5, 200)])
    first = alarms(PoissonDrop(expected=3.0), counts)[0]
    assert 2000 < first <= 2060


def test_a_steady_rate_says_nothing_for_hours() -> None:
    assert alarms(PoissonDrop(expected=0.3), np.random.default_rng(3).poisson(0.3, 20_000)) == []


def test_a_fall_within_the_tolerance_is_no_drop() -> None:
    assert alarms(PoissonDrop(expected=3.0, tolerance=0.2), np.random.default_rng(4).poisson(2.5, 20_000)) == []


def test_an_expectation_given_with_the_count_replaces_the_usual_one() -> None:
    detector = PoissonDrop(expected=3.0)
    assert not any(detector.update(0.0, expected=0.0).alarm for _ in range(1000))
    assert any(detector.update(0.0).alarm for _ in range(10))


def test_more_dispersion_is_slower() -> None:
    counts = np.concatenate([np.full(100, 3.0), np.zeros(200)])
    firsts = [alarms(PoissonDrop(expected=3.0, dispersion=dispersion), counts)[0] for dispersion in (1.0, 2.0, 4.0)]
    assert firsts == sorted(firsts)
    assert len(set(firsts)) == 3


@pytest.mark.parametrize(
    "wrong", [{"expected": 0.0}, {"tolerance": 1.0}, {"dispersion": 0.9}, {"credit": -1.0}, {"expected": float("nan")}]
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected an expectation"):
        PoissonDrop(**wrong)


@pytest.mark.parametrize("count", [-1.0, float("inf"), float("-inf")])
def test_a_count_is_finite_and_not_negative(count: float) -> None:
    with pytest.raises(ValueError, match="expected a count"):
        PoissonDrop().update(count)
