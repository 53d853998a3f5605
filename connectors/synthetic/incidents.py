"""When the simulated shop breaks: a schedule, incidents started by hand, and the truth about both."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000
MINUTE = 60 * SECOND
DROP = 0.8
"""Share of mobile payments that fail while an incident lasts."""


class Incident(msgspec.Struct, frozen=True):
    """One planted fault, as it really was. Times in UTC epoch microseconds."""

    start: int
    end: int
    """First instant after it."""
    journey: str = "purchase"
    step: str = "checkout"
    """The step customers are in and do not complete."""
    next_step: str = "paid"
    segment: dict[str, str] = msgspec.field(default_factory=lambda: {"device": "mobile"})
    drop: float = DROP
    """Share of the segment's completions that are lost."""
    deployed: int = 0
    """When the change behind it went live; that `change.deployed` event is in the stream."""


class Schedule(msgspec.Struct, frozen=True):
    """Incidents that come by themselves. Times in UTC epoch microseconds, durations in microseconds."""

    first: int
    every: int = 10 * MINUTE
    lasts: int = 3 * MINUTE

    def between(self, since: int, until: int) -> list[Incident]:
        """The incidents any part of which lies in [since, until)."""
        number = max(0, (since - self.first - self.lasts) // self.every + 1)
        found = []
        start = self.first + number * self.every
        while start < until:
            found.append(Incident(start, start + self.lasts, deployed=start - 15 * SECOND))
            start += self.every
        return found


class Incidents:
    """Every incident of one simulation."""

    def __init__(self, schedule: Schedule | None) -> None:
        self._schedule = schedule
        self._by_hand: list[Incident] = []

    def plan(self, schedule: Schedule) -> None:
        """From now on those of this schedule come by themselves; its first lies ahead."""
        self._schedule = schedule

    def trigger(self, now: int, lasts: int = 3 * MINUTE) -> Incident:
        """Start one at `now`; while one is already going on, that one is returned and nothing starts."""
        running = self.between(now, now + 1)
        if running:
            return running[0]
        incident = Incident(now, now + lasts, deployed=now)
        self._by_hand.append(incident)
        return incident

    def between(self, since: int, until: int) -> list[Incident]:
        """The incidents any part of which lies in [since, until), by start."""
        found = [] if self._schedule is None else self._schedule.between(since, until)
        found += [incident for incident in self._by_hand if incident.start < until and incident.end > since]
        return sorted(found, key=lambda incident: incident.start)

    def hit(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the instants fall into an incident; an instant of 0 never does."""
        hit = np.zeros(len(times), dtype=bool)
        exposed = times[times > 0]
        if len(exposed):
            for incident in self.between(int(exposed.min()), int(exposed.max()) + 1):
                hit |= (times >= incident.start) & (times < incident.end)
        return hit
