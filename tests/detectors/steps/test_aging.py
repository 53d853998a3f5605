"""Counts by age: nothing is lost, split or guessed, however time passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.steps.aging import Aging, bin_of_slot

HORIZONS = st.sampled_from([20, 60, 1800, 86_400])
ORIGINS = st.integers(0, 2_000_000_000)
STORIES = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 2, 5, 11, 12, 13, 40, 700, 9000]),
        st.sampled_from([0, 0, 1, 3, 30, 500]),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=12,
)
"""Seconds that pass; how long ago somebody then entered; how many."""


def tell(aging: Aging, story: list[tuple[int, int, int]], *, step: bool = False) -> dict[int, int]:
    """Let time pass and counts come; the counts by second. `step`: a second at a time."""
    truth: dict[int, int] = {}
    for ahead, ago, count in story:
        target = aging.tick + ahead
        for second in range(aging.tick + 1, target + 1) if step else (target,):
            aging.advance(second)
        second = target - ago
        truth[second] = truth.get(second, 0) + count
        for channel in range(aging.counts.shape[1]):
            aging.counts[aging.place(second), channel, 0] += count
    return truth


def aging_at(origin: int, horizon: int, *, kept: int = 1, channels: int = 1) -> Aging:
    aging = Aging(horizon, channels, 1, kept=kept)
    aging.tick = origin
    return aging


@settings(max_examples=25, deadline=None)
@given(ORIGINS, HORIZONS, STORIES)
def test_a_jump_over_many_seconds_equals_going_through_them_one_by_one(
    origin: int, horizon: int, story: list[tuple[int, int, int]]
) -> None:
    stepped, jumped = (aging_at(origin, horizon, channels=2) for _ in range(2))
    tell(stepped, story, step=True)
    tell(jumped, story)
    assert stepped.tick == jumped.tick
    np.testing.assert_array_equal(stepped.counts, jumped.counts)


@settings(max_examples=60, deadline=None)
@given(ORIGINS, HORIZONS, STORIES, st.integers(0, 200_000))
def test_what_came_in_a_second_is_found_at_its_place_at_any_later_one(
    origin: int, horizon: int, story: list[tuple[int, int, int]], later: int
) -> None:
    aging = aging_at(origin, horizon)
    truth = tell(aging, story)
    aging.advance(aging.tick + later)
    expected = np.zeros(aging.slots)
    for second, count in truth.items():
        expected[aging.place(second)] += count
    np.testing.assert_array_equal(aging.counts[:, 0, 0], expected)
    seconds = np.array(sorted(truth))
    assert aging.places(seconds).tolist() == [aging.place(int(second)) for second in seconds]


@settings(max_examples=60, deadline=None)
@given(ORIGINS, HORIZONS, st.integers(0, 300_000))
@example(0, 60, 31)
@example(1, 60, 31)
@example(0, 1800, 64)
@example(1, 1800, 65)
def test_a_place_holds_the_seconds_from_its_start_to_the_next_one(origin: int, horizon: int, age: int) -> None:
    aging = aging_at(origin + 400_000, horizon)
    second = aging.tick - age
    slot = aging.place(second)
    if slot < aging.slots - 1:
        # The last slot of a level is empty every other time: its seconds have gone on to the next level.
        younger = (at for at in range(slot - 1, -1, -1) if aging.place(aging.start_of(at)) == at)
        next_one = next((aging.start_of(at) for at in younger), aging.tick + 1)
        assert aging.start_of(slot) <= second < next_one
        width = next_one - aging.start_of(slot)
        assert width <= max(1, age / 15 + 1)
        assert abs(aging.ages()[slot] - age) <= width / 2
    else:
        assert age > horizon / 2


@settings(max_examples=40, deadline=None)
@given(ORIGINS, HORIZONS, STORIES)
def test_kept_counts_stay_for_ever_and_the_others_go_once_they_outgrew_the_horizon(
    origin: int, horizon: int, story: list[tuple[int, int, int]]
) -> None:
    aging = aging_at(origin, horizon, kept=1, channels=2)
    truth = tell(aging, story)
    young = sum(count for second, count in truth.items() if aging.tick - second <= horizon)
    assert aging.counts[:, 0].sum() == sum(truth.values())
    assert young <= aging.counts[:, 1].sum() <= sum(truth.values())
    aging.advance(aging.tick + 4 * horizon + 64)
    assert aging.counts[-1, 0, 0] == aging.counts[:, 0].sum() == sum(truth.values())
    assert not aging.counts[:, 1].any()


@pytest.mark.parametrize("within", [1, 29, 31, 60, 600, 1800, 86_400, 30 * 86_400])
def test_age_bins_are_at_most_64_and_a_second_wide_up_to_30_seconds(within: int) -> None:
    aging = Aging(within)
    bins = aging.bins()
    assert len(bins) <= 64
    assert bins[:30].tolist() == list(range(30))
    assert (np.diff(bins) > 0).all()
    assert bins[-1] < aging.slots
    bin_of = bin_of_slot(bins, aging.slots)
    assert bin_of[bins].tolist() == list(range(len(bins)))
    assert (np.diff(bin_of) >= 0).all()


def test_the_future_is_taken_for_now() -> None:
    aging = aging_at(1000, 60)
    assert aging.place(1005) == 0
    assert aging.places(np.array([1005, 1000, 999])).tolist() == [0, 0, 1]


def test_time_does_not_run_backwards() -> None:
    aging = aging_at(1000, 60)
    aging.counts[3, 0, 0] = 7
    aging.advance(990)
    assert aging.tick == 1000
    assert aging.counts[3, 0, 0] == 7


@settings(max_examples=25, deadline=None)
@given(ORIGINS, HORIZONS, STORIES, STORIES)
def test_what_is_restored_goes_on_the_same(
    origin: int, horizon: int, story: list[tuple[int, int, int]], rest: list[tuple[int, int, int]]
) -> None:
    aging = aging_at(origin, horizon)
    tell(aging, story)
    again = Aging(horizon, kept=1)
    again.restore(aging.snapshot())
    assert again.snapshot() == aging.snapshot()
    tell(aging, rest)
    tell(again, rest)
    np.testing.assert_array_equal(aging.counts, again.counts)


def test_new_lanes_begin_empty_and_leave_the_others_alone() -> None:
    aging = aging_at(1000, 60)
    aging.add(0, np.array([0, 0, 5]), np.array([0, 0, 0]), np.array([1.0, 2.0, 4.0]))
    aging.extend(2)
    assert aging.lanes == 3
    assert aging.counts[:, 0].sum(axis=0).tolist() == [7.0, 0.0, 0.0]
    assert aging.counts[0, 0, 0] == 3.0
