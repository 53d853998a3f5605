"""One number of false alarms is spread over everything watched, and never exceeded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stages.budget import Live, per_second, per_week, shares
from streams.units import Rate

COUNTS = st.integers(0, 500)


@given(COUNTS, COUNTS, COUNTS, st.floats(1e-9, 1.0))
def test_all_of_the_budget_is_handed_out_and_not_more_as_soon_as_anything_is_live(
    wholes: int, segments: int, others: int, budget: float
) -> None:
    live = Live(wholes, segments, others)
    granted = sum(part * count for part, count in zip(shares(budget, live), live, strict=True))
    assert granted == pytest.approx(budget if any(live) else 0.0)


def test_half_goes_to_whole_steps_and_a_quarter_each_to_segments_and_other_signals() -> None:
    granted = shares(1.0, Live(2, 5, 10))
    assert granted == pytest.approx((0.25, 0.05, 0.025))


@pytest.mark.parametrize(
    ("live", "parts"),
    [
        (Live(1, 0, 0), (1.0, 0.0, 0.0)),
        (Live(1, 1, 0), (2 / 3, 1 / 3, 0.0)),
        (Live(1, 0, 1), (2 / 3, 0.0, 1 / 3)),
        (Live(0, 1, 1), (0.0, 0.5, 0.5)),
        (Live(0, 0, 1), (0.0, 0.0, 1.0)),
        (Live(0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_what_a_group_does_not_use_goes_to_the_others_in_proportion(
    live: Live, parts: tuple[float, float, float]
) -> None:
    assert shares(1.0, live) == pytest.approx(parts)


@given(COUNTS, COUNTS, COUNTS)
def test_whoever_joins_takes_from_nobody_more_than_is_there(wholes: int, segments: int, others: int) -> None:
    before, after = shares(1.0, Live(wholes, segments, others)), shares(1.0, Live(wholes + 1, segments, others))
    if wholes:
        assert after.whole < before.whole
    assert after.segment <= before.segment + 1e-12
    assert after.other <= before.other + 1e-12


def test_a_budget_is_given_per_any_time() -> None:
    weekly = Rate(3, "week")
    assert per_second(weekly) == pytest.approx(3 / 604_800)
    assert per_week(weekly) == 3
    assert per_week(Rate(1, "hour")) == 168
