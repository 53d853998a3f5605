"""Quiet hours: `[from, to)` by the customer's own clock, also on the two nights when clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from streams.care.quiet import customer_zone, moment_of, quiet_until
from streams.config.structs import QuietHours
from tests.build import DAY, HOUR, SECOND

KYIV = ZoneInfo("Europe/Kyiv")
NIGHT = QuietHours(from_=21 * HOUR, to=9 * HOUR)


def local(text: str, zone: ZoneInfo = KYIV, fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()) * SECOND


def test_half_past_eleven_at_night_waits_for_nine_in_the_morning() -> None:
    assert quiet_until(local("2026-03-06T23:30"), NIGHT, KYIV) == local("2026-03-07T09:00")


def test_three_in_the_morning_waits_for_nine_of_the_same_day() -> None:
    assert quiet_until(local("2026-03-07T03:00"), NIGHT, KYIV) == local("2026-03-07T09:00")


def test_quiet_begins_with_its_first_minute_and_ends_before_its_last() -> None:
    assert quiet_until(local("2026-03-07T21:00"), NIGHT, KYIV) == local("2026-03-08T09:00")
    assert quiet_until(local("2026-03-07T09:00"), NIGHT, KYIV) is None
    assert quiet_until(local("2026-03-07T20:59"), NIGHT, KYIV) is None


def test_hours_within_a_day_end_the_same_day() -> None:
    siesta = QuietHours(from_=13 * HOUR, to=15 * HOUR)
    assert quiet_until(local("2026-03-07T14:00"), siesta, KYIV) == local("2026-03-07T15:00")
    assert quiet_until(local("2026-03-07T12:00"), siesta, KYIV) is None


def test_an_end_that_the_clock_skips_is_the_moment_after_the_skip() -> None:
    # On 2026-03-29 Kyiv goes from 03:00 to 04:00.
    until_half_past_three = QuietHours(from_=21 * HOUR, to=3 * HOUR + HOUR // 2)
    until = quiet_until(local("2026-03-28T23:00"), until_half_past_three, KYIV)
    assert until == local("2026-03-29T04:00")


def test_an_end_that_comes_twice_is_the_first_of_them() -> None:
    # On 2026-10-25 Kyiv goes from 04:00 back to 03:00.
    hours = QuietHours(from_=21 * HOUR, to=3 * HOUR + HOUR // 2)
    assert quiet_until(local("2026-10-24T23:00"), hours, KYIV) == local("2026-10-25T03:30", fold=0)
    again = quiet_until(local("2026-10-25T03:10", fold=1), hours, KYIV)
    assert again == local("2026-10-25T03:30", fold=1)


def test_a_customer_without_a_known_zone_lives_in_that_of_the_file() -> None:
    assert customer_zone("America/New_York", KYIV) == ZoneInfo("America/New_York")
    for unknown in (None, "", "Mars/Olympus", 7, "../etc/passwd"):
        assert customer_zone(unknown, KYIV) is KYIV


@given(
    now=st.integers(local("2026-01-01T00:00"), local("2026-12-31T00:00")),
    begins=st.integers(0, 24 * 60 - 1),
    ends=st.integers(0, 24 * 60 - 1),
    zone=st.sampled_from(["Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]),
)
def test_an_end_is_always_ahead_within_a_day_or_so_and_not_quiet_itself(
    now: int, begins: int, ends: int, zone: str
) -> None:
    if begins == ends:
        ends = (ends + 1) % (24 * 60)
    hours, where = QuietHours(from_=begins * 60 * SECOND, to=ends * 60 * SECOND), ZoneInfo(zone)
    until = quiet_until(now, hours, where)
    if until is not None:
        assert now < until <= now + DAY + 2 * HOUR
        # A skip may land inside of other quiet hours only where they begin within it.
        assert quiet_until(until, hours, where) is None or begins > ends or ends < begins + 60


@given(minutes=st.integers(0, 365 * 24 * 60 - 1), zone=st.sampled_from(["Europe/Kyiv", "America/New_York", "UTC"]))
def test_a_time_on_the_wall_is_found_as_it_is_shown(minutes: int, zone: str) -> None:
    where = ZoneInfo(zone)
    moment = local("2026-01-01T00:00", where) + minutes * 60 * SECOND
    shown = datetime.fromtimestamp(moment / SECOND, where).replace(tzinfo=None, fold=0)
    found = moment_of(shown, where)
    assert found == moment or datetime.fromtimestamp(moment / SECOND, where).fold == 1
