"""What a whole input came to: the `--summary` file, letter by letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.effects import DoorCounts, Partial
from streams.estimates import Estimate
from streams.units import format_time
from streams.view import StepTotals


class Counted(msgspec.Struct, array_like=True):
    """Counts of all partials taken so far. Times are UTC epoch microseconds."""

    door: list[int] = msgspec.field(default_factory=lambda: [0] * len(DoorCounts.__struct_fields__))
    """In the order of `DoorCounts`."""
    types: dict[str, int] = msgspec.field(default_factory=dict)
    sources: dict[str, int] = msgspec.field(default_factory=dict)
    first: int | None = None
    """Earliest event."""
    last: int | None = None
    """Latest event."""
    care: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """`WHAT NUL RULE NUL DETAIL` -> [count, total]: asks, answers, cases, offers."""

    def take(self, partial: Partial) -> None:
        """Add a partial."""
        if partial.door.read or partial.door != _NO_DOOR:
            for at, count in enumerate(msgspec.structs.astuple(partial.door)):
                self.door[at] += count
        for type_, count in partial.types.items():
            self.types[type_] = self.types.get(type_, 0) + count
        for counted in partial.care:
            key = f"{counted.what}\0{counted.rule}\0{counted.detail}"
            count, total = self.care.get(key, (0, 0))
            self.care[key] = [count + counted.count, total + counted.total]
        for seen in partial.sources:
            self.sources[seen.source] = self.sources.get(seen.source, 0) + seen.count
            self.first = seen.first if self.first is None else min(self.first, seen.first)
            self.last = seen.last if self.last is None else max(self.last, seen.last)


_NO_DOOR = DoorCounts()


class Totals(msgspec.Struct, frozen=True):
    """Everything since the beginning; journeys, steps and signals in the order of the file, also when zero."""

    door: DoorCounts
    journeys: dict[str, dict[str, StepTotals]]
    signals: dict[str, Estimate]
    types: dict[str, int]
    """Accepted events by type."""
    sources: dict[str, int]
    """Accepted events by source."""
    first: int | None
    """Earliest accepted event's own time, UTC epoch microseconds."""
    last: int | None
    """Latest accepted event's own time, UTC epoch microseconds."""
    tick: int | None
    """The last closed second, UTC epoch."""
    care: dict[str, list[int]] = {}
    """`WHAT NUL RULE NUL DETAIL` -> [count, total]: asks, answers, cases, promises, offers."""


def summary(
    totals: Totals,
    *,
    decisions: Mapping[str, int],
    first: int | None = None,
    until: int | None = None,
    events_per_second: float = 0,
) -> dict[str, Any]:
    """The summary as plain values, keys in the order of the format; only `events_per_second` differs between runs.

    `decisions` counts by type. `first` and `until` (UTC epoch microseconds) default to the first and last event.
    """
    first = totals.first if first is None else first
    until = totals.last if until is None else until
    door = totals.door
    events = {
        "read": door.read,
        "accepted": door.accepted,
        "duplicate": door.duplicate,
        "late": door.late,
        "future": door.future,
        "invalid": door.invalid,
    }
    if door.skipped_rows:
        events["skipped_rows"] = door.skipped_rows
    return {
        "events": events,
        "journeys": {
            name: {"steps": {step: msgspec.structs.asdict(counts) for step, counts in steps.items()}}
            for name, steps in totals.journeys.items()
        },
        "signals": {name: msgspec.structs.asdict(estimate) for name, estimate in totals.signals.items()},
        "decisions": dict(sorted(decisions.items())),
        "from": None if first is None else format_time(first),
        "until": None if until is None else format_time(until),
        "events_per_second": events_per_second,
    }
