"""Hours in which nobody is asked, in the customer's own zone and across changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from streams.config.structs import QuietHours

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo | None:
    """The IANA zone of a name; None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def customer_zone(stated: Any, default: ZoneInfo) -> ZoneInfo:
    """The zone that a customer's `timezone` trait names, else the file's."""
    found = zone_of(stated) if isinstance(stated, str) and stated else None
    return default if found is None else found


def quiet_until(now: int, hours: QuietHours, zone: ZoneInfo) -> int | None:
    """When the quiet hours end in which `now` lies; None outside of them. Both UTC epoch microseconds.

    Quiet is `[from, to)` by the clock on the wall. An end that the clock skips is the moment after the skip, one that
    comes twice is the first, unless that has passed.
    """
    local = _local(now, zone)
    clock = (local - local.replace(hour=0, minute=0, second=0, microsecond=0)) // timedelta(microseconds=1)
    begins, ends = hours.from_, hours.to
    if not hours.covers(clock):
        return None
    days = int(begins > ends and clock >= begins)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=days)
    wanted = midnight + timedelta(microseconds=ends)
    first = moment_of(wanted, zone)
    if first > now:
        return first
    second = _moment(wanted.replace(tzinfo=zone, fold=1))
    return second if second > now else now + _SECOND


def next_at(now: int, clock: int, zone: ZoneInfo) -> int:
    """The next moment, `now` included, at which it is `clock` (microseconds since the day began) on the wall."""
    midnight = _local(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    wanted = midnight + timedelta(microseconds=clock)
    moment = moment_of(wanted, zone)
    return moment if moment >= now else moment_of(wanted + timedelta(days=1), zone)


def moment_of(wanted: datetime, zone: ZoneInfo) -> int:
    """UTC epoch microseconds of a time on the wall: the first that comes, or the moment after it was skipped."""
    moment = _moment(wanted.replace(tzinfo=zone))
    if _local(moment, zone).replace(tzinfo=None) == wanted:
        return moment
    # The clock jumped over it. The jump lies between what the offsets before and after it make of that time.
    other = _moment(wanted.replace(tzinfo=zone, fold=1))
    low, high = sorted((moment // _SECOND, other // _SECOND))
    after = _local(high * _SECOND, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if _local(middle * _SECOND, zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high * _SECOND


def _local(moment: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=moment)).astimezone(zone)


def _moment(local: datetime) -> int:
    return (local.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
