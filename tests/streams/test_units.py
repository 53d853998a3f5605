"""Durations, rates, clocks, comparisons and times, as the file and the records write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.units import (
    DAY,
    HOUR,
    LONGEST,
    MINUTE,
    SECOND,
    Comparison,
    Count,
    NoZone,
    Rate,
    compare,
    format_clock,
    format_duration,
    format_time,
    parse_clock,
    parse_comparison,
    parse_count,
    parse_duration,
    parse_rate,
    parse_ratio,
    parse_time,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", 90 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("0s", 0),
        ("2w", 14 * DAY),
        ("1.5h", 90 * MINUTE),
        ("0.1s", 100_000),
        ("250ms", 250_000),
        ("1 d 12 h", 36 * HOUR),
        ("0.001ms", 1),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, duration: int) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "soon", "30", "m", "-1h", "1h30", "1y", "30 M", "1e3s", "٣m", "0.0001ms", "101w36500d"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="^expected"):
        parse_duration(text)


@given(st.integers(0, LONGEST))
def test_a_duration_reads_back_as_it_was_shown(duration: int) -> None:
    assert parse_duration(format_duration(duration)) == duration


def test_a_shown_duration_uses_days_at_most() -> None:
    assert format_duration(7 * DAY) == "7d"
    assert format_duration(0) == "0s"
    assert format_duration(90 * MINUTE + 1500) == "1h30m1.5ms"
    assert format_duration(-HOUR) == "-1h"


def test_rates() -> None:
    assert parse_rate("1 per week") == Rate(1, "week")
    assert parse_rate("0.5 per month").period == 30 * DAY
    for text in ("1/week", "per week", "1 per year", "-1 per day"):
        with pytest.raises(ValueError, match="expected a rate"):
            parse_rate(text)


def test_counts_in_a_window() -> None:
    assert parse_count("3 within 10m") == Count(3, 10 * MINUTE)
    for text in ("3", "3 in 10m", "0 within 10m", "3 within 0s", "3 within soon"):
        with pytest.raises(ValueError, match="expected"):
            parse_count(text)


@pytest.mark.parametrize("text", ["00:00", "09:05", "21:00", "23:59", "24:00"])
def test_a_time_of_day_reads_back_as_it_was_shown(text: str) -> None:
    assert format_clock(parse_clock(text)) == text


@pytest.mark.parametrize("text", ["9:00", "24:01", "12:60", "12", "12:00:00", "12:00 "])
def test_anything_else_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time of day"):
        parse_clock(text)


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("<= 360", Comparison("<=", 360)),
        (">=80%", Comparison(">=", 0.8, percent=True)),
        ("!= -1.5", Comparison("!=", -1.5)),
        (" == 0 ", Comparison("==", 0)),
        ("< 0.1%", Comparison("<", 0.001, percent=True)),
    ],
)
def test_comparisons(text: str, comparison: Comparison) -> None:
    assert parse_comparison(text) == comparison


@pytest.mark.parametrize("text", ["360", "=< 360", "<= ", "<= 1e3", "<= 3 %%", "= 3"])
def test_anything_else_is_no_comparison(text: str) -> None:
    with pytest.raises(ValueError, match="expected a comparison"):
        parse_comparison(text)


def test_each_operator_means_what_it_says() -> None:
    operators = ("<", "<=", ">", ">=", "==", "!=")
    truths = {operator: [compare(value, operator, 2) for value in (1, 2, 3)] for operator in operators}
    assert truths == {
        "<": [True, False, False],
        "<=": [True, True, False],
        ">": [False, False, True],
        ">=": [False, True, True],
        "==": [False, True, False],
        "!=": [True, False, True],
    }
    with pytest.raises(ValueError, match="expected one of"):
        compare(1, "=", 2)
    assert Comparison(">=", 0.8).holds(0.8)


def test_ratios() -> None:
    assert [parse_ratio(value) for value in ("80%", "0.5 %", 0.25, 1, 0, "100%")] == [0.8, 0.005, 0.25, 1, 0, 1]
    for value in ("0.8", "101%", 1.5, -0.1, True, "many"):
        with pytest.raises(ValueError, match="expected a ratio"):
            parse_ratio(value)


def stamps() -> st.SearchStrategy[datetime]:
    offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    return st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offsets)  # noqa: DTZ001 - zones are drawn


@given(stamps(), st.booleans())
@example(datetime(2026, 3, 29, 3, 0, tzinfo=UTC), True)
def test_a_time_is_its_distance_from_the_epoch(stamp: datetime, again: bool) -> None:
    expected = (stamp - EPOCH) // timedelta(microseconds=1)
    assert parse_time(stamp.isoformat()) == expected
    if again:
        assert parse_time(stamp.isoformat()) == expected  # now from what was remembered


@given(st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000))
def test_a_time_is_shown_in_milliseconds_and_utc(time: int) -> None:
    shown = format_time(time)
    assert len(shown) == 24
    assert parse_time(shown) == time // 1000 * 1000


def test_times_that_are_written_differently_are_the_same() -> None:
    written = [
        "2026-03-07T07:00:00Z",
        "2026-03-07t07:00:00.000z",
        "2026-03-07 09:00:00+02:00",
        "2026-03-06T23:30:00-07:30",
    ]
    assert {parse_time(text) for text in written} == {1_772_866_800_000_000}


def test_digits_beyond_the_microsecond_are_cut_off() -> None:
    assert parse_time("1970-01-01T00:00:00.0000019Z") == 1


def test_a_leap_second_is_the_next_minute() -> None:
    assert parse_time("2016-12-31T23:59:60Z") == parse_time("2017-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-07",
        "2026-02-30T07:00:00Z",
        "2026-13-01T07:00:00Z",
        "2026-03-07T24:00:00Z",
        "2026-03-07T07:00:61Z",
        "2026-03-07T07:00Z",
        "2026-03-07T07:00:00+2:00",
        "2026-03-07T07:00:00+24:00",
        "2026-03-07T07:00:00+01:60",
        "2026-03-07T07:00:00Z ",
        "٢٠٢٦-03-07T07:00:00Z",
        "Sat, 07 Mar 2026 07:00:00 GMT",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="^expected") as caught:
        parse_time(text)
    assert not isinstance(caught.value, NoZone)


def test_a_time_without_offset_is_told_apart() -> None:
    parse_time("2026-03-07T07:00:00Z")
    with pytest.raises(NoZone):
        parse_time("2026-03-07T07:00:00")
