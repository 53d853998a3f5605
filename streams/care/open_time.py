"""How much of the time a calendar has been open, counted, so that long spells cost no more than short ones."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from streams.care.quiet import moment_of
from streams.config.caring import Calendar, Weekday

_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_AHEAD = 64
"""Days laid out at a time."""
_DAY = 86_400 * 1_000_000
_FIRST = date(1970, 1, 1).toordinal()


class OpenTime:
    """The open hours of a calendar one after the other. Moments are UTC epoch microseconds.

    Open time is counted from 1970; all of the time before the first opening counts. Days are laid out when they are
    first asked for, some 50 ms for the years until now; then a question costs 2 µs. Memory 24 bytes for each opening.
    """

    def __init__(self, calendar: Calendar) -> None:
        self.closed = frozenset(calendar.closed)
        """Days on which it is closed in any case."""
        self.pattern = msgspec.json.encode([calendar.timezone, sorted(calendar.open.items())]).decode()
        """What every week looks like: zone and hours."""
        self.week = calendar.week
        """Microseconds a week in which it is open, holidays apart."""
        self.zone = ZoneInfo(calendar.timezone or "UTC")
        self._open = tuple(calendar.open.get(day, ()) for day in _WEEKDAYS)
        self._day = _FIRST
        self._begins, self._ends, self._before = array("q"), array("q"), array("q")
        self._more(0)

    def _more(self, moment: int) -> None:
        """Lay out days until one opens after a moment."""
        while not self._ends or self._ends[-1] <= moment:
            for day in range(self._day, self._day + _AHEAD):
                self._lay_out(date.fromordinal(day))
            self._day += _AHEAD

    def _lay_out(self, day: date) -> None:
        hours = self._open[day.weekday()]
        if not hours or day.isoformat() in self.closed:
            return
        midnight = datetime.combine(day, time())
        offset = self.zone.utcoffset(midnight)
        assert offset is not None
        plain = offset == self.zone.utcoffset(midnight + timedelta(days=1))
        start = (day.toordinal() - _FIRST) * _DAY - offset // timedelta(microseconds=1)
        for opens, closes in hours:
            if plain:
                begin, end = start + opens, start + closes
            else:
                begin = moment_of(midnight + timedelta(microseconds=opens), self.zone)
                end = moment_of(midnight + timedelta(microseconds=closes), self.zone)
            last = self._ends[-1] if self._ends else begin
            # Where a clock is set back at midnight the last hours of a day may reach into the next.
            begin = max(begin, last)
            if end > begin:
                self._before.append(self._before[-1] + last - self._begins[-1] if self._ends else 0)
                self._begins.append(begin)
                self._ends.append(end)

    def before(self, moment: int) -> int:
        """Open microseconds before a moment."""
        if self._ends[-1] <= moment:
            self._more(moment)
        at = bisect_right(self._begins, moment) - 1
        if at < 0:
            return moment - self._begins[0]
        return self._before[at] + min(moment, self._ends[at]) - self._begins[at]

    def reached(self, opened: int) -> int:
        """The first moment before which it has been open for so long: at closing time, not the next morning."""
        self._reach(opened)
        return self._at(bisect_left(self._before, opened) - 1, opened)

    def left(self, opened: int) -> int:
        """The last such moment: not at closing time but the next morning."""
        self._reach(opened)
        return self._at(bisect_right(self._before, opened) - 1, opened)

    def _reach(self, opened: int) -> None:
        while self._before[-1] <= opened:
            self._more(self._ends[-1])

    def _at(self, stretch: int, opened: int) -> int:
        if stretch < 0:
            return self._begins[0] + opened
        return self._begins[stretch] + opened - self._before[stretch]

    def after(self, start: int, duration: int) -> int:
        """The moment at which so many microseconds (more than 0) have run since `start`, as `calendars.after`."""
        return self.reached(self.before(start) + duration)


def open_time(calendar: Calendar) -> OpenTime:
    """The open time of a calendar; one for all that are equal."""
    return _of(msgspec.json.encode(calendar))


@lru_cache(maxsize=64)
def _of(calendar: bytes) -> OpenTime:
    return OpenTime(msgspec.json.decode(calendar, type=Calendar))
