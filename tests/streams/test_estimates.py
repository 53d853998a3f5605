"""Golden values of the estimates, and what they promise at the edges."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.estimates import Estimate, mean, nps, percentile, rate, share, total
from streams.histogram import bucket, merge

MILLION = 1_000_000


def sums(values: list[float]) -> tuple[int, int, int]:
    scaled = [round(value * MILLION) for value in values]
    return len(values), sum(scaled), sum(value * value for value in scaled)


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "value", "low", "high"),
    [
        (50, 30, 20, 30.00, 14.05, 44.20),
        (200, 200, 100, 20.00, 13.34, 26.42),
        (12, 6, 2, 50.00, 15.02, 71.94),
        (5, 0, 0, 100.00, 17.49, 100.0),
        (500, 300, 200, 30.00, 25.08, 34.74),
    ],
)
def test_nps_has_the_adjusted_wald_interval(
    promoters: int, passives: int, detractors: int, value: float, low: float, high: float
) -> None:
    found = nps(promoters, detractors, promoters + passives + detractors, min_n=1)
    assert found.value == pytest.approx(value, abs=0.005)
    assert found.low == pytest.approx(low, abs=0.005)
    assert found.high == pytest.approx(high, abs=0.005)


@pytest.mark.parametrize(
    ("hits", "n", "value", "low", "high"),
    [(80, 100, 0.80, 0.711, 0.867), (8, 10, 0.80, 0.490, 0.943), (29, 30, 29 / 30, 0.833, 0.994)],
)
def test_a_share_has_the_wilson_interval(hits: int, n: int, value: float, low: float, high: float) -> None:
    found = share(hits, n, min_n=1)
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(low, abs=0.0005)
    assert found.high == pytest.approx(high, abs=0.0005)


def test_more_completions_than_entries_are_a_conversion_of_one() -> None:
    assert share(40, 30) == share(30, 30)
    assert share(30, 30).value == 1.0


def test_a_mean_has_the_normal_interval_of_the_sample_variance() -> None:
    found = mean(*sums([1.0, 2.0, 3.0, 4.0]), min_n=1)
    reach = 1.959964 * math.sqrt((5 / 3) / 4)
    assert found.value == 2.5
    assert found.low == pytest.approx(2.5 - reach)
    assert found.high == pytest.approx(2.5 + reach)


def test_a_small_spread_far_from_zero_is_not_lost_to_rounding() -> None:
    found = mean(*sums([1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3]), min_n=1)
    assert found.high is not None
    assert found.value is not None
    assert found.high - found.value == pytest.approx(1.959964 * 0.1 / math.sqrt(3), rel=1e-4)


def test_the_interval_of_a_mean_stays_on_its_scale() -> None:
    found = mean(*sums([7.0] * 29 + [1.0]), scale=(1.0, 7.0))
    assert found.high == 7.0
    assert mean(*sums([7.0] * 29 + [1.0])).high == pytest.approx(7.192, abs=0.001)


def test_one_value_has_a_mean_and_no_interval() -> None:
    assert mean(*sums([3.0]), min_n=1) == Estimate(1, 3.0)


def test_a_rate_is_per_minute_with_byars_interval() -> None:
    found = rate(60, 600)
    assert found.value == 6.0
    # Exact Poisson limits of 60 events are 45.79 and 77.23.
    assert found.low == pytest.approx(4.579, abs=0.002)
    assert found.high == pytest.approx(7.723, abs=0.002)


def test_a_sum_varies_with_the_number_of_events_too() -> None:
    found = total(*sums([1.0] * 100))
    assert found.value == 100
    assert found.low == pytest.approx(80.4, abs=0.01)
    assert found.high == pytest.approx(119.6, abs=0.01)


@pytest.mark.parametrize(
    "estimate",
    [
        lambda n: nps(n, 0, n),
        lambda n: share(n, n),
        lambda n: mean(n, n * MILLION, n * MILLION * MILLION),
        lambda n: rate(n, 60),
        lambda n: total(n, n * MILLION, n * MILLION * MILLION),
        lambda n: percentile({bucket(1.0): n} if n else {}, 0.9),
    ],
    ids=["nps", "share", "mean", "rate", "sum", "percentile"],
)
def test_below_thirty_observations_there_is_no_value_but_always_n(estimate: Callable[[int], Estimate]) -> None:
    assert estimate(29) == Estimate(29, None, None, None)
    assert estimate(0) == Estimate(0, None, None, None)
    assert estimate(30).value is not None


@pytest.mark.parametrize("n", [0, -1])
def test_without_observations_there_is_no_value_even_when_the_file_asks_for_one(n: int) -> None:
    for found in (nps(0, 0, n, 0), share(0, n, 0), mean(n, 0, 0, 0), rate(n, 60, 0), total(n, 0, 0, 0)):
        assert found == Estimate(n)


@given(st.integers(1, 300), st.data())
def test_the_interval_always_holds_the_value_and_stays_in_its_range(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    down = data.draw(st.integers(0, n - hits))
    ratio = share(hits, n, 1)
    assert ratio.low is not None
    assert ratio.value is not None
    assert ratio.high is not None
    assert 0 <= ratio.low <= ratio.value <= ratio.high <= 1
    score = nps(hits, down, n, 1)
    assert score.low is not None
    assert score.high is not None
    assert -100 <= score.low < score.high <= 100


def test_the_interval_of_a_median_covers_the_truth_in_95_of_100_samples() -> None:
    random_ = random.Random(7)
    covered = 0
    for _ in range(1000):
        counts = merge({bucket(random_.lognormvariate(3, 1)): 1} for _ in range(100))
        found = percentile(counts, 0.5)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= math.exp(3) * 1.01 and found.high >= math.exp(3) / 1.01
    assert covered >= 940


def test_the_table_of_the_reference_page_holds() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "signals.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for promoters, passives, detractors, *shown in rows:
        found = nps(int(promoters), int(detractors), int(promoters) + int(passives) + int(detractors), min_n=1)
        assert [f"{number:.2f}" for number in (found.value, found.low, found.high)] == shown
