"""Times of a story: elapsed, by the clock on the wall, full; and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scenarios.moments import Moments
from streams.units import DAY, HOUR, MINUTE, format_time, parse_time

KYIV = Moments.beginning("2026-03-28 09:00 Europe/Kyiv")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0d", "2026-03-28T07:00:00.000Z"),
        ("1d", "2026-03-29T07:00:00.000Z"),  # 24 hours later the clock shows ten: that night has one hour less
        ("1d 09:00", "2026-03-29T06:00:00.000Z"),
        ("1d 9:00", "2026-03-29T06:00:00.000Z"),
        ("1d 03:30", "2026-03-29T01:00:00.000Z"),  # does not exist, the next that does is 04:00
        ("0d 08:00", "2026-03-28T06:00:00.000Z"),
        ("0d 12:00:05", "2026-03-28T10:00:05.000Z"),
        ("90s", "2026-03-28T07:01:30.000Z"),
        ("1d2h", "2026-03-29T09:00:00.000Z"),
        ("2026-03-30T00:00:00Z", "2026-03-30T00:00:00.000Z"),
        ("2026-03-30T00:00:00+03:00", "2026-03-29T21:00:00.000Z"),
    ],
)
def test_a_time_is_after_the_start_or_by_the_clock_or_in_full(said: str, meant: str) -> None:
    assert format_time(KYIV.read(said)) == meant


def test_a_time_of_day_that_comes_twice_is_the_first() -> None:
    autumn = Moments.beginning("2026-10-25 Europe/Kyiv")
    assert format_time(autumn.read("0d 03:30")) == "2026-10-25T00:30:00.000Z"


@pytest.mark.parametrize(
    ("said", "meant", "day"),
    [
        ("2026-01-05", "2026-01-05T00:00:00.000Z", "Mon 5 Jan 2026, UTC"),
        ("2026-01-05 08:30", "2026-01-05T08:30:00.000Z", "Mon 5 Jan 2026, UTC"),
        ("2026-07-05 Asia/Tokyo", "2026-07-04T15:00:00.000Z", "Sun 5 Jul 2026, Asia/Tokyo"),
    ],
)
def test_a_start_is_midnight_in_utc_unless_it_says_more(said: str, meant: str, day: str) -> None:
    moments = Moments.beginning(said)
    assert format_time(moments.start) == meant
    assert moments.day() == day


@pytest.mark.parametrize("said", ["soon", "", "1d 24:00", "1d 10:60", "2026-03-30T00:00:00", "-1d", "1 day"])
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as 3d2h"):
        KYIV.read(said)


@pytest.mark.parametrize("said", ["tomorrow", "2026-02-30", "2026-01-01 25:00", "2026-01-01 Mars/Crater"])
def test_what_is_no_start_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="expected a (start|zone)"):
        Moments.beginning(said)


@given(st.integers(0, 300 * DAY // MINUTE), st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Europe/Kyiv"]))
def test_a_time_shown_is_read_back_as_itself_or_as_its_double_when_the_clocks_go_back(minutes: int, zone: str) -> None:
    moments = Moments.beginning(f"2026-01-05 {zone}")
    time = moments.start + minutes * MINUTE
    assert time - moments.read(moments.show(time)) in (0, HOUR)


def test_seconds_and_milliseconds_are_shown_where_there_are_any() -> None:
    assert KYIV.show(parse_time("2026-03-28T10:00:05Z")) == "0d 12:00:05"
    assert KYIV.show(parse_time("2026-03-28T10:00:00.250Z")) == "0d 12:00:00.250"
