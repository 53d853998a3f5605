"""Quantiles of the mergeable histogram stay within 1 % and merge exactly."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.histogram import ACCURACY, SMALLEST, bucket, merge, quantile, quantile_interval, representative

MAGNITUDES = st.floats(min_value=SMALLEST, max_value=1e18)
VALUES = st.one_of(MAGNITUDES, MAGNITUDES.map(lambda value: -value), st.just(0.0))


def histogram(values: list[float]) -> dict[int, int]:
    return merge({bucket(value): 1} for value in values)


@given(VALUES)
def test_the_representative_of_a_bucket_is_within_one_percent_of_every_value_in_it(value: float) -> None:
    assert math.isclose(representative(bucket(value)), value, rel_tol=ACCURACY * 1.0000001)


@given(VALUES, VALUES)
def test_buckets_are_ordered_as_their_values_are(one: float, other: float) -> None:
    if one < other:
        assert bucket(one) <= bucket(other)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-10, -1e-10, 5e-324])
def test_what_is_nearly_zero_counts_as_zero(value: float) -> None:
    assert bucket(value) == 0
    assert representative(0) == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_has_no_bucket(value: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        bucket(value)


@given(st.lists(VALUES, min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_one_percent_of_the_order_statistic(values: list[float], q: float) -> None:
    exact = sorted(values)[max(math.ceil(q * len(values) - 1e-9), 1) - 1]
    assert math.isclose(quantile(histogram(values), q), exact, rel_tol=ACCURACY * 1.0000001)


@given(st.lists(st.lists(VALUES, max_size=20), max_size=5))
def test_merging_histograms_equals_one_histogram_of_all_values(parts: list[list[float]]) -> None:
    assert merge(histogram(part) for part in parts) == histogram([value for part in parts for value in part])


def test_the_interval_of_a_quantile_comes_from_the_order_statistics() -> None:
    counts = histogram([2.0**power for power in range(100)])
    found = quantile_interval(counts, 0.5)
    # 50 ± 1.96·5 → ranks 40 and 60 of 100, rounded outwards.
    assert math.isclose(found.low, 2.0**39, rel_tol=0.0101)
    assert math.isclose(found.value, 2.0**49, rel_tol=0.0101)
    assert math.isclose(found.high, 2.0**59, rel_tol=0.0101)


def test_the_interval_of_a_high_quantile_stops_at_the_largest_value() -> None:
    found = quantile_interval(histogram([float(value) for value in range(1, 31)]), 0.99)
    assert math.isclose(found.value, 30, rel_tol=0.0101)
    assert found.high == found.value


def test_ninety_percent_of_thirty_is_the_27th_value() -> None:
    counts = histogram([2.0**power for power in range(30)])
    assert math.isclose(quantile(counts, 0.9), 2.0**26, rel_tol=0.0101)


def test_a_quantile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        quantile({}, 0.5)
