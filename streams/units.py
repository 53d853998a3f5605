"""Durations, rates, clocks, comparisons and times as the file and the records write them.

Time is int microseconds since the UTC epoch, a duration is int microseconds. Every parser raises ValueError whose text
says what was expected and what was there, ready to be shown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

DURATION_UNITS = {"ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
DURATION_PATTERN = r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|w)\s*)+$"
LONGEST = 36_525 * DAY
"""A century: longer durations are taken for a slip."""

RateUnit = Literal["hour", "day", "week", "month"]
RATE_UNITS: dict[RateUnit, int] = {"hour": HOUR, "day": DAY, "week": WEEK, "month": 30 * DAY}
RATE_PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s+per\s+(hour|day|week|month)\s*$"

COUNT_PATTERN = r"^\s*[0-9]+\s+within\s+([0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|w)\s*)+$"
CLOCK_PATTERN = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
COMPARISON_PATTERN = r"^\s*(<=|>=|==|!=|<|>)\s*-?[0-9]+(\.[0-9]+)?\s*%?\s*$"
RATIO_PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"

_DURATION = re.compile(DURATION_PATTERN)
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)")
_RATE = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s+per\s+(hour|day|week|month)\s*$")
_COUNT = re.compile(r"^\s*([0-9]+)\s+within\s+(.+)$")
_CLOCK = re.compile(CLOCK_PATTERN)
_COMPARISON = re.compile(r"^\s*(<=|>=|==|!=|<|>)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*(%?)\s*$")
_RATIO = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*$")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:)([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?"
)


class NoZone(ValueError):
    """A time is well formed but says no offset."""


class Rate(msgspec.Struct, frozen=True):
    """So many per hour, day, week or month (30 days)."""

    count: float
    """At least 0."""
    unit: RateUnit

    @property
    def period(self) -> int:
        """Length of the unit in microseconds."""
        return RATE_UNITS[self.unit]


class Count(msgspec.Struct, frozen=True):
    """So many events within a window."""

    n: int
    """At least 1."""
    within: int | None = None
    """Microseconds; None: however long it takes."""


class Comparison(msgspec.Struct, frozen=True):
    """An operator and the number to compare with."""

    operator: Operator
    target: float
    percent: bool = False
    """Written with `%`: `target` is already divided by 100."""

    def holds(self, value: float) -> bool:
        """Whether `value` is on the right side."""
        return compare(value, self.operator, self.target)


def compare(value: float, operator: str, target: float) -> bool:
    """`value operator target`, for the six operators of the file."""
    match operator:
        case "<":
            return value < target
        case "<=":
            return value <= target
        case ">":
            return value > target
        case ">=":
            return value >= target
        case "==":
            return value == target
        case "!=":
            return value != target
    raise ValueError(f"expected one of < <= > >= == !=, got {operator!r}")


def parse_duration(text: str) -> int:
    """`90s`, `1h30m`, `0s` in microseconds."""
    if not _DURATION.match(text):
        raise ValueError(f"expected a duration such as 30m, got {_shown(text)}")
    total = Decimal(0)
    for number, unit in _DURATION_PART.findall(text):
        total += Decimal(number) * DURATION_UNITS[unit]
    if total > LONGEST:
        raise ValueError(f"expected a duration of at most 100 years, got {_shown(text)}")
    if total != int(total):
        raise ValueError(f"expected whole microseconds, got {_shown(text)}")
    return int(total)


def format_duration(duration: int) -> str:
    """Microseconds in the units of the file, `1h30m`; parses back to the same number."""
    if duration < 0:
        return "-" + format_duration(-duration)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, duration = divmod(duration, DURATION_UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if duration:
        parts.append(
            f"{Decimal(duration) / 1000:f}".rstrip("0").rstrip(".") + "ms"
            if duration % 1000
            else f"{duration // 1000}ms"
        )
    return "".join(parts) or "0s"


def parse_rate(text: str) -> Rate:
    """`1 per week`."""
    found = _RATE.match(text)
    if not found:
        raise ValueError(f"expected a rate such as 1 per week (hour, day, week, month), got {_shown(text)}")
    unit: RateUnit = found[2]  # type: ignore[assignment]  # the pattern admits these four only
    return Rate(float(found[1]), unit)


def parse_count(text: str) -> Count:
    """`3 within 10m`."""
    found = _COUNT.match(text)
    if not found:
        raise ValueError(f"expected a count in a window such as 3 within 10m, got {_shown(text)}")
    count = Count(int(found[1]), parse_duration(found[2]))
    if count.n < 1 or not count.within:
        raise ValueError(f"expected at least 1 within more than 0s, got {_shown(text)}")
    return count


def parse_clock(text: str) -> int:
    """`21:00` in microseconds since the day began; `24:00` is its end."""
    if not _CLOCK.match(text):
        raise ValueError(f'expected a time of day such as "21:00", got {_shown(text)}')
    return int(text[:2]) * HOUR + int(text[3:]) * MINUTE


def format_clock(time_of_day: int) -> str:
    """Microseconds since the day began as `21:00`."""
    return f"{time_of_day // HOUR:02}:{time_of_day % HOUR // MINUTE:02}"


def parse_comparison(text: str) -> Comparison:
    """`<= 360`, `>= 80%` (0.8)."""
    found = _COMPARISON.match(text)
    if not found:
        raise ValueError(f'expected a comparison such as "<= 360" or ">= 80%", got {_shown(text)}')
    operator: Operator = found[1]  # type: ignore[assignment]  # the pattern admits these six only
    if found[3]:
        return Comparison(operator, float(Decimal(found[2]) / 100), percent=True)
    return Comparison(operator, float(found[2]))


def parse_ratio(value: str | int | float) -> float:
    """`0.8` or `80%`, between 0 and 1."""
    ratio = None
    if isinstance(value, str):
        found = _RATIO.match(value)
        if found:
            ratio = float(Decimal(found[1]) / 100)
    elif not isinstance(value, bool):
        ratio = float(value)
    if ratio is None or not 0 <= ratio <= 1:
        raise ValueError(f"expected a ratio between 0 and 1, or 0% and 100%, got {_shown(value)}")
    return ratio


MINUTES: dict[str, int] = {}
"""`2026-03-07T07:00:` -> microseconds as if UTC."""
RESTS: dict[str, int] = {}
"""`00.250+02:00` -> microseconds to add."""
_PREFIXES: dict[int, str] = {}
"""Minutes since the epoch -> `2026-03-07T07:00:`."""
_CACHED = 200_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_time(text: str) -> int:
    """An RFC 3339 time with its offset, in UTC epoch microseconds; digits beyond the microsecond are cut off.

    Events of the same minute share most of the work, so a stream costs two look-ups per time. Raises NoZone (a
    ValueError) when only the offset is missing.
    """
    try:
        return MINUTES[text[:17]] + RESTS[text[17:]]
    except KeyError:
        return _parse_time(text)


def _parse_time(text: str) -> int:
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"expected a time such as 2026-03-07T07:00:00Z, got {_shown(text)}")
    minute, second, fraction, utc, sign, offset_hours, offset_minutes = found.groups()
    if utc is None and sign is None:
        raise NoZone(f"expected an offset at the end, such as Z or +02:00, got {_shown(text)}")
    minute_us = MINUTES.get(minute)
    if minute_us is None:
        minute_us = _parse_minute(minute, text)
    rest = int(second) * SECOND
    if rest > MINUTE:
        raise ValueError(f"expected a time that exists, got {_shown(text)}")
    if fraction:
        rest += int(fraction[:6].ljust(6, "0"))
    if sign:
        offset = int(offset_hours) * HOUR + int(offset_minutes) * MINUTE
        if offset >= DAY or int(offset_minutes) > 59:
            raise ValueError(f"expected an offset that exists, got {_shown(text)}")
        rest += -offset if sign == "+" else offset
    # Beyond milliseconds the endings hardly repeat: keeping them would only evict those that do.
    if fraction is None or len(fraction) <= 3:
        if len(RESTS) >= _CACHED:
            RESTS.clear()
        RESTS[text[17:]] = rest
    return minute_us + rest


def _parse_minute(minute: str, text: str) -> int:
    try:
        start = datetime(
            int(minute[:4]), int(minute[5:7]), int(minute[8:10]), int(minute[11:13]), int(minute[14:16]), tzinfo=UTC
        )
    except ValueError:
        raise ValueError(f"expected a time that exists, got {_shown(text)}") from None
    if len(MINUTES) >= _CACHED:
        MINUTES.clear()
    MINUTES[minute] = minute_us = (start - _EPOCH) // _MICROSECOND
    return minute_us


def format_time(time: int) -> str:
    """UTC epoch microseconds as `2026-03-07T07:00:00.000Z`; cut to the millisecond."""
    minute, rest = divmod(time, MINUTE)
    prefix = _PREFIXES.get(minute)
    if prefix is None:
        if len(_PREFIXES) >= _CACHED:
            _PREFIXES.clear()
        prefix = _PREFIXES[minute] = (_EPOCH + timedelta(minutes=minute)).isoformat()[:17]
    second, rest = divmod(rest, SECOND)
    return f"{prefix}{second:02}.{rest // 1000:03}Z"


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
