"""The waiting room: events whose time the watermark has not passed, in the order in which they will be applied."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import msgspec

from streams.effects import Cell, Parcel
from streams.journeys import NEVER
from streams.model import Record
from streams.rules import NOTHING, Hits
from streams.stages.parcels import FORWARDED

FIRST = float("-inf")
"""A customer who moves comes before the events of the same moment."""
_COMPACT = 1024
"""Applied entries that may stay at the front before they are cut off."""
_offset = itemgetter(4)


class Arrived(msgspec.Struct, frozen=True):
    """A parcel and the record it came in."""

    parcel: Parcel
    record: Record


Waiting = tuple[
    int, float, str, str, int,
    str | None, str, bytes, Hits, Cell | None, int | None, dict[str, Any] | None,
    Record | Arrived, bool, bool,
]  # fmt: skip
"""An event in the reorder buffer. Time, sequence, source, id, offset (this far the order of application), subject,
type, digest, hits, segment values and `value` (where they are known before the customer is), data (where it is still
needed), its record, whether it is plain (nothing special about it), whether it was clamped.

As little of the event as possible: what waits two seconds falls out of the processor's caches."""


class WaitingRoom:
    """The reorder buffer of a partition."""

    def __init__(self) -> None:
        self.entries: list[Waiting] = []
        """Sorted. Mostly appended to; whoever appends knows that nothing here comes later."""
        self.front = 0
        """Entries before this one have been applied; whoever applies moves it."""

    def put(self, entry: Waiting) -> None:
        """An event takes its place, wherever that is."""
        insort(self.entries, entry, self.front)

    def next_time(self) -> int:
        """Time of the first event that waits (UTC epoch microseconds), NEVER without one."""
        return self.entries[self.front][0] if self.front < len(self.entries) else NEVER

    def until(self, limit: int) -> int:
        """Where those end that are earlier than `limit`."""
        return bisect_left(self.entries, (limit,), self.front)

    def before(self, limit: int) -> list[Waiting]:
        """Those earlier than `limit`."""
        return self.entries[self.front : self.until(limit)]

    def low(self, cursor: int) -> int:
        """The smallest offset that waits, or `cursor` where none is smaller. Looks through all."""
        return min(min(map(_offset, self.entries[self.front :]), default=cursor), cursor)

    def trim(self) -> None:
        """Cut off what has been applied, where that is much."""
        front = self.front
        if front > _COMPACT and 8 * front > len(self.entries):
            del self.entries[:front]
            self.front = 0

    def reread(self, again: Callable[[Waiting], Waiting]) -> None:
        """Other rules hold: every event that waits is replaced by what `again` makes of it."""
        self.entries = [again(entry) for entry in self.entries[self.front :]]
        self.front = 0


def waiting_parcel(arrived: Arrived) -> Waiting:
    """A parcel's place in the waiting room."""
    parcel = arrived.parcel
    keys: dict[str, Any] = {key: None for key in (parcel.customer, parcel.into) if key is not None}
    order: Any = FIRST if parcel.kind != FORWARDED else 0
    return (
        parcel.time, order, f"touchline/{parcel.sender:09}", f"{parcel.number:019}", arrived.record.offset,
        parcel.target, "", b"", NOTHING, None, None, keys,
        arrived, False, False,
    )  # fmt: skip
