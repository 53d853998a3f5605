"""Time cells: zones, daylight saving, formats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.timestamps import TimeText, read_format, read_iso
from streams.units import format_time, parse_time

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("cell", "utc"),
    [
        ("2026-01-15T10:00:00", "2026-01-15T08:00:00.000Z"),
        ("2026-07-15 10:00:00", "2026-07-15T07:00:00.000Z"),
        ("2026-07-15T10:00", "2026-07-15T07:00:00.000Z"),
        ("2026-07-15", "2026-07-14T21:00:00.000Z"),
        ("2026-07-15T10:00:00Z", "2026-07-15T10:00:00.000Z"),
        ("2026-07-15 10:00:00.250-05:00", "2026-07-15T15:00:00.250Z"),
        (" 2026-07-15T10:00:00Z ", "2026-07-15T10:00:00.000Z"),
        # The clock goes back from 04:00 to 03:00: 03:30 is there twice, the first is meant.
        ("2026-10-25T03:30:00", "2026-10-25T00:30:00.000Z"),
        # It goes forward from 03:00 to 04:00: 03:30 does not exist and becomes 04:30.
        ("2026-03-29T03:30:00", "2026-03-29T01:30:00.000Z"),
        ("2026-03-29T02:59:59", "2026-03-29T00:59:59.000Z"),
        ("2026-03-29T04:00:00", "2026-03-29T01:00:00.000Z"),
    ],
)
def test_local_times_are_read_in_the_sources_zone(cell: str, utc: str) -> None:
    read = read_iso(KYIV)
    assert format_time(read(cell)) == utc
    assert format_time(read(cell)) == utc


@pytest.mark.parametrize(
    "cell", ["", "soon", "10:00", "1767225600", "2026-13-01T00:00:00", "2026-02-30 10:00:00", "20260101T000000",
             "2026-W01-1", "2026-01-01T25:00:00", "2026-01-01T10:00:61", "2026-01-01T10:00:0x"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_what_was_expected(cell: str) -> None:
    read = read_iso(KYIV)
    read("2026-01-01T10:00:00")
    with pytest.raises(ValueError, match="expected a time such as"):
        read(cell)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31)), st.timedeltas(timedelta(0), timedelta(minutes=2)))  # noqa: DTZ001  # local times are what is tested
def test_the_minute_cache_changes_nothing(moment: datetime, after: timedelta) -> None:
    read = read_iso(KYIV)
    for local in (moment, moment + after):
        local = local.replace(microsecond=0)
        expected = (local.replace(tzinfo=KYIV) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        assert read(local.isoformat()) == expected
        assert read(local.isoformat(" ")) == expected


@pytest.mark.parametrize(
    ("layout", "cell", "utc"),
    [
        ("%d/%m/%Y %H:%M", "15/07/2026 10:00", "2026-07-15T07:00:00.000Z"),
        ("%d/%m/%Y %H:%M %z", "15/07/2026 10:00 +0100", "2026-07-15T09:00:00.000Z"),
        ("%Y-%m-%d %H:%M:%S UTC", "2026-07-15 10:00:00 UTC", "2026-07-15T07:00:00.000Z"),
        ("%s", "1784109600", "2026-07-15T10:00:00.000Z"),
        ("%s", "1784109600.25", "2026-07-15T10:00:00.250Z"),
    ],
)
def test_a_format_is_strptimes_in_the_sources_zone(layout: str, cell: str, utc: str) -> None:
    read = read_format(layout, KYIV)
    assert format_time(read(cell)) == utc
    assert format_time(read(cell)) == utc


@pytest.mark.parametrize(
    ("layout", "cell"), [("%d/%m/%Y", "2026-07-15"), ("%s", "soon"), ("%s", "1e99"), ("%s", "NaN")]
)
def test_a_cell_in_another_format_is_refused(layout: str, cell: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_format(layout, KYIV)(cell)


@given(st.integers(-(10**15), 4 * 10**15))
def test_a_written_time_reads_back_to_the_microsecond(time: int) -> None:
    write = TimeText()
    assert parse_time(write(time)) == time
    assert parse_time(write(time)) == time
