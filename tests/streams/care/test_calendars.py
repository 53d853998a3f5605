"""Time that runs during opening hours only: weekends, holidays, changes of the clock."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.care.calendars import Hours, after
from streams.config.load import load_text
from streams.units import HOUR, parse_time
from tests.build import DAY

OFFICE = """
calendars:
  hours:
    timezone: Europe/Kyiv
    open: {mon: ["09:00", "18:00"], tue: ["09:00", "18:00"], wed: ["09:00", "18:00"], thu: ["09:00", "18:00"],
           fri: [["09:00", "13:00"], ["14:00", "18:00"]]}
    closed: [2026-12-25]
"""
NIGHT = """
calendars:
  hours: {timezone: Europe/Kyiv, open: {sat: ["20:00", "24:00"], sun: ["00:00", "05:00"]}}
"""
ALWAYS = """
calendars:
  hours:
    timezone: Europe/Kyiv
    open: {mon: ["00:00", "24:00"], tue: ["00:00", "24:00"], wed: ["00:00", "24:00"], thu: ["00:00", "24:00"],
           fri: ["00:00", "24:00"], sat: ["00:00", "24:00"], sun: ["00:00", "24:00"]}
"""


def hours(file: str) -> Hours:
    return Hours(load_text("version: 1\n" + file, "test.yml").config.calendars["hours"])


def moment(local: str, zone: str = "Europe/Kyiv") -> int:
    """A time on the wall there, in UTC epoch microseconds."""
    return parse_time(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).isoformat())


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-11-23T10:00:00", 2, "2026-11-23T12:00:00"),
        ("2026-11-23T17:00:00", 2, "2026-11-24T10:00:00"),  # over night
        ("2026-11-23T17:00:00", 1, "2026-11-23T18:00:00"),  # due at closing time
        ("2026-11-23T18:00:00", 1, "2026-11-24T10:00:00"),  # the closing time itself is closed
        ("2026-11-23T05:00:00", 1, "2026-11-23T10:00:00"),  # before they open
        ("2026-11-27T12:00:00", 2, "2026-11-27T15:00:00"),  # over lunch
        ("2026-11-27T17:30:00", 1, "2026-11-30T09:30:00"),  # over the weekend
        ("2026-11-28T12:00:00", 9, "2026-11-30T18:00:00"),  # from a Saturday
        ("2026-12-24T17:00:00", 2, "2026-12-28T10:00:00"),  # Friday is closed as well
        ("2026-11-23T09:00:00", 44, "2026-11-27T18:00:00"),  # a whole week
    ],
)
def test_time_runs_in_opening_hours_only(start: str, duration: int, end: str) -> None:
    assert after(moment(start), duration * HOUR, hours(OFFICE)) == moment(end)


def test_without_a_calendar_all_time_counts() -> None:
    assert after(moment("2026-11-27T17:30:00"), 48 * HOUR, None) == moment("2026-11-29T17:30:00")


def test_hours_without_a_zone_are_in_the_zone_of_the_file() -> None:
    file = 'timezone: America/New_York\ncalendars: {hours: {open: {mon: ["09:00", "17:00"]}}}'
    begins = moment("2026-11-23T09:00:00", "America/New_York")
    assert after(begins - HOUR, HOUR, hours(file)) == begins + HOUR


def test_opening_hours_that_the_clock_skips_begin_after_the_skip() -> None:
    # On 29 March 2026 the clock in Kyiv goes from 03:00 to 04:00.
    file = 'calendars: {hours: {timezone: Europe/Kyiv, open: {sun: ["03:30", "06:00"]}}}'
    begin, end = next(hours(file).stretches(moment("2026-03-28T12:00:00")))
    assert begin == parse_time("2026-03-29T01:00:00Z")
    assert end - begin == 2 * HOUR


def test_opening_hours_that_come_twice_begin_with_the_first() -> None:
    # On 25 October 2026 the clock in Kyiv goes from 04:00 back to 03:00.
    file = 'calendars: {hours: {timezone: Europe/Kyiv, open: {sun: ["03:30", "06:00"]}}}'
    begin, end = next(hours(file).stretches(moment("2026-10-24T12:00:00")))
    assert begin == parse_time("2026-10-25T00:30:00Z")
    assert end - begin == 3.5 * HOUR


def test_hours_across_midnight_are_two_stretches_that_meet() -> None:
    first, second = islice(hours(NIGHT).stretches(moment("2026-11-27T00:00:00")), 2)
    assert first[1] == second[0]
    assert after(moment("2026-11-28T23:00:00"), 3 * HOUR, hours(NIGHT)) == moment("2026-11-29T02:00:00")


YEAR = st.integers(parse_time("2026-01-01T00:00:00Z"), parse_time("2027-01-01T00:00:00Z"))
DURATIONS = st.integers(1, 20 * DAY)
CALENDARS = st.sampled_from([OFFICE, NIGHT, ALWAYS]).map(hours)


@given(CALENDARS, YEAR, DURATIONS, DURATIONS)
def test_two_durations_one_after_the_other_are_as_long_as_their_sum(
    calendar: Hours, start: int, first: int, second: int
) -> None:
    assert after(after(start, first, calendar), second, calendar) == after(start, first + second, calendar)


@given(CALENDARS, YEAR, DURATIONS)
def test_the_time_that_ran_is_the_duration_asked_for(calendar: Hours, start: int, duration: int) -> None:
    end, ran = after(start, duration, calendar), 0
    for begins, ends in calendar.stretches(start):
        if begins >= end:
            break
        ran += min(ends, end) - begins
    assert ran == duration


@given(YEAR, DURATIONS)
def test_where_it_is_always_open_all_time_counts_across_changes_of_the_clock(start: int, duration: int) -> None:
    assert after(start, duration, hours(ALWAYS)) == start + duration


@given(CALENDARS, YEAR)
def test_stretches_are_in_order_do_not_overlap_and_begin_at_the_start_at_the_earliest(
    calendar: Hours, start: int
) -> None:
    ends = start
    for begin, end in islice(calendar.stretches(start), 20):
        assert ends <= begin < end
        ends = end
