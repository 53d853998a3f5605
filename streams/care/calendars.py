"""`calendars:` – time that runs only while someone is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from streams.care.quiet import moment_of
from streams.config.caring import Calendar, Weekday

_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Hours:
    """Opening hours as stretches of time, in the calendar's own zone and across changes of the clock.

    An opening time that the clock skips is the moment after the skip, one that comes twice is the first.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._zone = ZoneInfo(calendar.timezone or "UTC")
        self._open = tuple(calendar.open.get(day, ()) for day in _WEEKDAYS)
        self._closed = frozenset(date.fromisoformat(day) for day in calendar.closed)

    def stretches(self, start: int) -> Iterator[tuple[int, int]]:
        """When it is open from `start` on: pairs `[from, to)` in UTC epoch microseconds, in order, without end."""
        # Two days earlier by the calendar: hours may reach past midnight where a clock is set back at midnight.
        day = (_EPOCH + timedelta(microseconds=start)).astimezone(self._zone).date() - _DAY
        while True:
            if day not in self._closed:
                midnight = datetime.combine(day, time())
                for opens, closes in self._open[day.weekday()]:
                    begin = moment_of(midnight + timedelta(microseconds=opens), self._zone)
                    end = moment_of(midnight + timedelta(microseconds=closes), self._zone)
                    if end > start and end > begin:
                        yield max(begin, start), end
            day += _DAY


def after(start: int, duration: int, hours: Hours | None) -> int:
    """The moment at which `duration` (microseconds) has run since `start`, counting open hours only.

    Without hours all time counts. What runs out at closing time is due at closing time, not the next morning.
    """
    if hours is None or duration <= 0:
        return start + duration
    left = duration
    for begin, end in hours.stretches(start):
        if left <= end - begin:
            return begin + left
        left -= end - begin
    raise AssertionError("stretches have no end")  # pragma: no cover


def between(start: int, end: int, hours: Hours | None) -> int:
    """Microseconds from one moment to a later one, counting open hours only; without hours all of them."""
    if hours is None or end <= start:
        return max(0, end - start)
    total = 0
    for begin, close in hours.stretches(start):
        if begin >= end:
            return total
        total += min(close, end) - begin
    raise AssertionError("stretches have no end")  # pragma: no cover
