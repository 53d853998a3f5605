"""The time cells of a file: text in the source's own format and zone to UTC epoch microseconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

ReadTime = Callable[[str], int]
"""Cell to microseconds; raises ValueError with one sentence."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_MAX_KNOWN = 100_000
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.ASCII).fullmatch


def read_iso(zone: ZoneInfo) -> ReadTime:
    """Reads RFC 3339, with or without `T`, seconds and offset; without an offset it is local time of `zone`.

    A local time that exists twice is the first; one that does not exist moves forward by the hour that was skipped.
    """
    minutes: dict[str, int] = {}

    def read(cell: str) -> int:
        if len(cell) == 19:
            # Rows come in bursts within a minute: one look into the zone's rules serves them all.
            minute = minutes.get(cell[:16])
            second = cell[17:]
            if minute is not None and cell[16] == ":" and second.isdigit() and second < "60" and second.isascii():
                return minute + int(second) * _SECOND
        cell = cell.strip()
        if _SHAPE(cell) is None:
            raise ValueError(f"expected a time such as 2026-03-07 09:00:00, got {cell[:40]!r}")
        try:
            moment = datetime.fromisoformat(cell)
        except ValueError:
            raise ValueError(f"expected a time such as 2026-03-07 09:00:00, got {cell[:40]!r}") from None
        if moment.tzinfo is not None:
            return _since_epoch(moment)
        value = _since_epoch(moment.replace(tzinfo=zone))
        if len(cell) == 19:
            if len(minutes) >= _MAX_KNOWN:
                minutes.clear()
            minutes[cell[:16]] = value - moment.second * _SECOND
        return value

    return read


def read_format(layout: str, zone: ZoneInfo) -> ReadTime:
    """Reads a strptime format; `%s` alone is seconds since the epoch. Without `%z` it is local time of `zone`."""
    if layout == "%s":
        return _read_epoch
    known: dict[str, int] = {}

    def read(cell: str) -> int:
        value = known.get(cell)
        if value is None:
            try:
                moment = datetime.strptime(cell.strip(), layout)  # noqa: DTZ007  # the zone follows below
            except ValueError:
                raise ValueError(f"expected a time as {layout}, got {cell[:40]!r}") from None
            value = _since_epoch(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
            if len(known) >= _MAX_KNOWN:
                known.clear()
            known[cell] = value
        return value

    return read


class TimeText:
    """Writes times as RFC 3339 in UTC, to the millisecond, or finer where the file is."""

    def __init__(self) -> None:
        self._minutes: dict[int, str] = {}

    def __call__(self, time: int) -> str:
        """`time` in UTC epoch microseconds."""
        minute, rest = divmod(time, 60 * _SECOND)
        start = self._minutes.get(minute)
        if start is None:
            if len(self._minutes) >= _MAX_KNOWN:
                self._minutes.clear()
            start = (_EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:").rjust(17, "0")
            self._minutes[minute] = start
        second, fine = divmod(rest, _SECOND)
        if fine % 1000 == 0:
            return f"{start}{second:02d}.{fine // 1000:03d}Z"
        return f"{start}{second:02d}.{fine:06d}Z"


def _read_epoch(cell: str) -> int:
    try:
        seconds = Decimal(cell.strip())
        return _since_epoch(_EPOCH + timedelta(microseconds=int(seconds * _SECOND)))
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"expected seconds since 1970, got {cell[:40]!r}") from None


def _since_epoch(moment: datetime) -> int:
    delta = moment - _EPOCH
    return delta.days * _DAY + delta.seconds * _SECOND + delta.microseconds
