"""Times of a story: `3d2h` after its beginning, `3d 10:00` by the clock on the wall, or a full date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from streams.care.quiet import moment_of, zone_of
from streams.units import DAY, SECOND, parse_duration, parse_time

DEFAULT = "2026-01-05"
"""A Monday, on which stories begin that say nothing else."""
_BEGIN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([0-9]{2}:[0-9]{2}))?(?: ([A-Za-z][A-Za-z0-9_+/-]*))?")
_CLOCK = re.compile(r"([0-9]+)d ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SAYS = "a time such as 3d2h (after the start), 3d 10:00 (by the clock) or 2026-03-07T07:00:00Z"


class Moments:
    """Reads and shows the times of one story.

    Parameters
    ----------
    start
        `0d`, UTC epoch microseconds.
    zone
        Where days begin and clocks hang.
    """

    def __init__(self, start: int, zone: ZoneInfo) -> None:
        self.start = start
        self.zone = zone

    @classmethod
    def beginning(cls, text: str) -> Moments:
        """From `DATE [HH:MM] [ZONE]`; midnight and UTC unless said. Raises ValueError."""
        found = _BEGIN.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"expected a start such as 2026-03-28 09:00 Europe/Kyiv, got {text!r}")
        try:
            wanted = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}")
        except ValueError:
            raise ValueError(f"expected a start that exists, got {text!r}") from None
        zone = zone_of(found[3] or "UTC")
        if zone is None:
            raise ValueError(f"expected a zone such as Europe/Kyiv, got {found[3]!r}")
        return cls(moment_of(wanted, zone), zone)

    def read(self, text: str) -> int:
        """UTC epoch microseconds. Raises ValueError."""
        clock = _CLOCK.fullmatch(text.strip())
        if clock is not None:
            days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            if hours < 24 and minutes < 60 and seconds < 60 and days < 36_525:
                midnight = self._local(self.start).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
                wanted = midnight + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
                return moment_of(wanted, self.zone)
        for parse in (lambda given: self.start + parse_duration(given), parse_time):
            try:
                return parse(text)
            except ValueError:
                continue
        raise ValueError(f"expected {SAYS}, got {text!r}")

    def show(self, time: int) -> str:
        """`3d 10:00`, with seconds where there are any."""
        local = self._local(time)
        days = (local.date() - self._local(self.start).date()).days
        exact = local.strftime("%H:%M:%S") if time % (60 * SECOND) else local.strftime("%H:%M")
        return f"{days}d {exact}" + (f".{time % SECOND // 1000:03}" if time % SECOND // 1000 else "")

    def day(self) -> str:
        """What `0d` is: `Sat 28 Mar 2026, Europe/Kyiv`."""
        local = self._local(self.start)
        return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}, {self.zone.key}"

    def _local(self, time: int) -> datetime:
        return (_EPOCH + timedelta(days=time // DAY, microseconds=time % DAY)).astimezone(self.zone)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
