"""Cohorts mature when the last of their customers has had their time, not before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.care.open_time import open_time
from streams.config.caring import Calendar
from streams.stages.cohorts import Cohorts
from streams.units import HOUR, parse_time

SECOND = 1_000_000
START = 1_800_000_000


def test_a_short_step_matures_at_the_second_of_its_deadline() -> None:
    cohorts = Cohorts(30 * SECOND)
    cohorts.add(3, START, 10, 4, 1)
    assert cohorts.next_due() == START + 30
    assert cohorts.mature(START + 29) == []
    assert cohorts.mature(START + 30) == [(3, 9, 4)]
    assert cohorts.next_due() is None


def test_a_part_of_a_second_counts_as_a_whole_one() -> None:
    assert Cohorts(1_500_000).matures(START) == START + 2


def test_entries_and_outcomes_of_one_slot_mature_together() -> None:
    cohorts = Cohorts(1800 * SECOND)
    assert cohorts.width == 8
    slot = START // 8 * 8
    cohorts.add(0, slot, 5, 0, 0)
    cohorts.add(0, slot + 7, 5, 3, 0)
    assert cohorts.mature(slot + 1800 + 6) == []
    assert cohorts.mature(slot + 1800 + 7) == [(0, 10, 3)]


@given(st.integers(1, 400 * 86_400), st.integers(-5000, 5000))
def test_a_cohort_never_matures_before_its_deadline_and_at_most_one_slot_after(limit: int, entry: int) -> None:
    cohorts = Cohorts(limit * SECOND)
    assert entry + limit <= cohorts.matures(entry) < entry + limit + cohorts.width
    assert limit // cohorts.width <= 256


def test_what_is_booked_for_a_matured_cohort_counts_at_once() -> None:
    cohorts = Cohorts(10 * SECOND)
    cohorts.add(0, START - 100, 1, 0, 0)
    assert cohorts.next_due() == START - 90
    assert cohorts.mature(START) == [(0, 1, 0)]


def test_a_folded_series_matures_in_the_other() -> None:
    cohorts = Cohorts(10 * SECOND)
    cohorts.add(0, START, 5, 1, 0)
    cohorts.add(1, START, 2, 2, 1)
    cohorts.add(1, START + 1, 1, 0, 0)
    cohorts.fold(1, 0)
    assert cohorts.mature(START + 10) == [(0, 6, 3)]
    assert cohorts.mature(START + 11) == [(0, 1, 0)]


def test_a_dropped_series_does_not_mature() -> None:
    cohorts = Cohorts(10 * SECOND)
    cohorts.add(0, START, 5, 1, 0)
    cohorts.drop(0)
    assert cohorts.mature(START + 10) == []


def test_who_waits_follows_a_changed_deadline() -> None:
    cohorts = Cohorts(10 * SECOND)
    cohorts.add(0, START, 5, 1, 0)
    cohorts.retime(60 * SECOND)
    assert cohorts.mature(START + 59) == []
    assert cohorts.mature(START + 60) == [(0, 5, 1)]


OFFICE = Calendar(timezone="UTC", open={"mon": ((9 * HOUR, 18 * HOUR),), "fri": ((9 * HOUR, 18 * HOUR),)})
FRIDAY = parse_time("2026-03-27T17:59:30Z") // SECOND
MONDAY = parse_time("2026-03-30T09:00:00Z") // SECOND


def test_a_cohort_waits_for_its_opening_hours() -> None:
    cohorts = Cohorts(60 * SECOND, open_time(OFFICE))
    assert cohorts.matures(FRIDAY - 60) == FRIDAY
    # The last of them enters at the very end of its second.
    assert cohorts.matures(FRIDAY) == MONDAY + 30
    assert cohorts.matures(FRIDAY + 3600) == MONDAY + 60
    cohorts.add(0, FRIDAY, 5, 1, 0)
    cohorts.retime(60 * SECOND)
    assert cohorts.next_due() == FRIDAY + 60


@given(st.integers(1, 400 * 3600), st.integers(-500_000, 500_000))
def test_with_opening_hours_too_it_never_matures_before_its_deadline(limit: int, entry: int) -> None:
    opening = open_time(OFFICE)
    cohorts = Cohorts(limit * SECOND, opening)
    entered = (FRIDAY + entry + 1) * SECOND - 1
    assert cohorts.matures(FRIDAY + entry) >= opening.after(entered, limit * SECOND) // SECOND
    assert cohorts.matures(FRIDAY + entry) <= cohorts.matures(FRIDAY + entry + 1)
