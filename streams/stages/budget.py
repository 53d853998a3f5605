"""How the file's one number, the false alarms that are acceptable, is spread over time and over everything watched.

Half goes to whole journey steps, a quarter to their segment values, a quarter to all other signals, evenly over those
that are live; what a group does not use goes to the others in proportion. Shares are decided before the tick they are
for, and never sum to more than the budget.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.units import SECOND, WEEK, Rate

_WHOLES, _SEGMENTS, _OTHERS = 0.5, 0.25, 0.25


class Shares(NamedTuple):
    """Expected false alarms per second granted to each series of a group."""

    whole: float
    segment: float
    other: float


class Live(NamedTuple):
    """Series of each group that can be given credit now."""

    wholes: int
    segments: int
    others: int


def per_second(false_alarms: Rate) -> float:
    """A budget such as `1 per week`, per second."""
    return false_alarms.count * SECOND / false_alarms.period


def per_week(false_alarms: Rate) -> float:
    """The same per week."""
    return false_alarms.count * WEEK / false_alarms.period


def shares(budget: float, live: Live) -> Shares:
    """`budget` in false alarms per second, spread over what is live."""
    parts = (_WHOLES, _SEGMENTS, _OTHERS)
    used = sum(part for part, count in zip(parts, live, strict=True) if count)
    return Shares(*(budget * part / used / count if count else 0.0 for part, count in zip(parts, live, strict=True)))
