"""Exposure: a case that one customer opened grows with everybody else who meets the same until somebody acts."""

from __future__ import annotations

from streams.care.calendars import Hours, between
from streams.care.said import Said
from streams.conditions import TRAIT
from streams.config.structs import Exposure
from streams.fields import lookup, number
from streams.units import HOUR


def exposed_per_hour(exposure: Exposure | None, said: Said) -> float:
    """People an hour by the event that opens a case; 0 where nothing is known, or less than nobody."""
    if exposure is None:
        return 0.0
    stated = None
    if exposure.field is not None:
        read = said.traits if exposure.field.startswith(TRAIT) else said.data
        stated = number(lookup(read, exposure.field.removeprefix(TRAIT)))
    found = exposure.per_hour if stated is None else stated
    return max(0.0, float(found or 0.0))


def sooner(duration: int, limit: float | None, per_hour: float) -> int:
    """The time (microseconds) until `limit` people are exposed, where that is shorter than `duration`."""
    if limit is None or per_hour <= 0:
        return duration
    return int(min(duration, limit / per_hour * HOUR))


def exposed(per_hour: float, since: int, time: int, hours: Hours | None) -> int:
    """How many people between two moments, in open hours."""
    return round(per_hour * between(since, time, hours) / HOUR)
