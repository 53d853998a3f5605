"""What a watched series has to say."""

from __future__ import annotations

from typing import Literal, NamedTuple

Direction = Literal["down", "up"]
State = Literal["learning", "quiet", "watching", "pending", "firing"]

DAY = 86_400
UPDATES = (60, 300, 900, 3600)
"""Seconds after an alarm at which more is said about it; then every six hours."""
LATER = 21_600
NEW_NORMAL = DAY
"""Seconds a challenger must have been learnt for before it takes over; longer where hours of the week are known."""
NEW_NORMAL_WEEK = 7 * DAY
SURE = 0.05
"""Relative standard error up to which a challenger may take over by itself."""


class Facts(NamedTuple):
    """A change as known now. Seconds are UTC epoch."""

    since: int
    since_low: int
    since_high: int
    observed: float
    expected: float
    size: float | None
    """Part of what was expected that is gone, or came on top; with its 95 % interval."""
    size_low: float | None
    size_high: float | None
    early: bool
    evidence: float


class Report(NamedTuple):
    """One piece of news about a series."""

    verb: Literal["fire", "update", "resolve", "rebaseline"]
    direction: Direction
    tick: int
    facts: Facts | None = None
    ratio: float = 1.0
    """`rebaseline`: the new normal divided by the old."""


def next_update(fired: int, tick: int) -> int:
    """The second at which more is said about an alarm, after `tick`."""
    for after in UPDATES:
        if fired + after > tick:
            return fired + after
    return fired + ((tick - fired) // LATER + 1) * LATER
