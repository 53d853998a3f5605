"""One journey counted step by step as `formats.md` words it: plain Python, slow, one event at a time.

The log is the order in which events are given. A watermark follows two seconds behind the largest time seen; what is
older than it on arrival is late and takes effect at the watermark, everything else waits until the watermark has
passed it. Times and durations are int microseconds.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

SECOND = 1_000_000
DAY = 86_400 * SECOND
LATENESS = 2 * SECOND
DEFAULT_WITHIN = 30 * DAY

COUNTS = (
    "entered",
    "completed",
    "abandoned",
    "recovered",
    "skipped",
    "repeated",
    "unattributed",
    "merged",
    "in_flight",
)


@dataclass(frozen=True)
class Touch:
    """One event as the file gives it."""

    time: int
    sequence: int
    id: str
    type: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of the journey under test."""

    name: str
    matches: Callable[[Touch], bool]
    within: int | None = None
    optional: bool = False


@dataclass
class _Instance:
    at: int
    deadline: int
    """By the customer's own times."""
    due: int
    """When the timer goes off: never before the watermark at which it was set."""
    abandoned: bool = False
    forgotten: int | None = None


@dataclass
class Result:
    """What the counter found."""

    steps: dict[str, dict[str, int]]
    door: dict[str, int]


class Funnel:
    """One journey; `by` names the field that keeps a customer's instances apart."""

    def __init__(self, steps: list[Step], *, by: str | None = None, keep: int = 7 * DAY) -> None:
        self._steps = steps
        self._by = by
        self._keep = keep
        self._counts = {step.name: Counter[str]() for step in steps}
        self._instances: dict[tuple[str, str | None], _Instance] = {}

    def count(self, log: Iterable[Touch]) -> Result:
        """Every event of the log, then the end of input."""
        door = Counter[str](read=0, accepted=0, duplicate=0, late=0)
        seen: set[str] = set()
        waiting: list[tuple[int, int, str, Touch]] = []
        watermark = last = -(1 << 60)
        for touch in log:
            door["read"] += 1
            last = max(last, touch.time)
            watermark = max(watermark, touch.time - LATENESS)
            while waiting and waiting[0][0] < watermark:
                released = heapq.heappop(waiting)[-1]
                self._apply(released, released.time)
            # The real files repeat a row at once or never, so the 24 hours need not be looked at here.
            if touch.id in seen:
                door["duplicate"] += 1
                continue
            seen.add(touch.id)
            door["accepted"] += 1
            if touch.time < watermark:
                door["late"] += 1
                self._apply(touch, watermark)
            else:
                heapq.heappush(waiting, (touch.time, touch.sequence, touch.id, touch))
        while waiting:
            released = heapq.heappop(waiting)[-1]
            self._apply(released, released.time)
        for instance in self._instances.values():
            if not instance.abandoned and instance.forgotten is None and instance.due <= last:
                self._abandon(instance, instance.due)
        return Result(self._table(), dict(door))

    def _table(self) -> dict[str, dict[str, int]]:
        for instance in self._instances.values():
            if not instance.abandoned and instance.at < len(self._steps) - 1:
                self._counts[self._steps[instance.at].name]["in_flight"] += 1
        return {name: {what: counts[what] for what in COUNTS} for name, counts in self._counts.items()}

    def _apply(self, touch: Touch, now: int) -> None:
        matching = [k for k, step in enumerate(self._steps) if step.matches(touch)]
        if not matching:
            return
        value = None
        if self._by is not None:
            value = touch.data.get(self._by)
            if value is None:
                self._add(matching[0], "unattributed")
                return
        key = (touch.subject, value)
        instance = self._instances.get(key)
        if instance is not None and instance.forgotten is None and not instance.abandoned and instance.due < now:
            self._abandon(instance, instance.due)
        if instance is not None and instance.forgotten is not None and instance.forgotten < now:
            del self._instances[key]
            instance = None
        if instance is None:
            self._begin(key, matching, touch, now)
            return
        if instance.at == len(self._steps) - 1:
            self._add(matching[0], "repeated")
            return
        if not instance.abandoned and touch.time > instance.deadline:
            # A late event by whose own time the customer had given up, although the timer has yet to say so.
            self._abandon(instance, now)
        if instance.abandoned and matching[0] == 0:
            del self._instances[key]
            self._begin(key, matching, touch, now)
            return
        forward = [k for k in matching if k > instance.at]
        if not forward:
            self._add(matching[0], "repeated")
            return
        self._add(instance.at, "recovered" if instance.abandoned else "completed")
        for between in range(instance.at + 1, forward[0]):
            if not self._steps[between].optional:
                self._add(between, "skipped")
        self._enter(key, forward[0], touch, now)

    def _begin(self, key: tuple[str, str | None], matching: list[int], touch: Touch, now: int) -> None:
        if matching[0] != 0:
            self._add(matching[0], "unattributed")
            return
        self._enter(key, 0, touch, now)

    def _enter(self, key: tuple[str, str | None], k: int, touch: Touch, now: int) -> None:
        self._add(k, "entered")
        if k == len(self._steps) - 1:
            self._add(k, "completed")
            if self._by is None:
                self._instances.pop(key, None)
            else:
                self._instances[key] = _Instance(k, now, now, forgotten=now + self._keep)
            return
        deadline = touch.time + self._longest(k)
        self._instances[key] = _Instance(k, deadline, max(deadline, now))

    def _longest(self, k: int) -> int:
        """The largest `within` from step k up to and including the next step that is not optional."""
        longest = 0
        for step in self._steps[k + 1 :]:
            longest = max(longest, DEFAULT_WITHIN if step.within is None else step.within)
            if not step.optional:
                break
        return longest

    def _abandon(self, instance: _Instance, when: int) -> None:
        instance.abandoned = True
        instance.forgotten = when + self._keep
        self._add(instance.at, "abandoned")

    def _add(self, k: int, what: str) -> None:
        self._counts[self._steps[k].name][what] += 1
