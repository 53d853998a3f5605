"""Reading: one record of the log → an event ready to be applied, or what else it is.

Pure: nothing here depends on the records before it but the file in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from streams import reasons, seen
from streams.codec import Rejection, decode_all, sequence_number
from streams.effects import Cell
from streams.journeys import LONGEST, NEVER
from streams.model import Event, Record
from streams.notices import ERASED
from streams.rules import NOTHING, Rules
from streams.stages.parcels import KINDS as PARCELS
from streams.stages.parcels import parcel_of
from streams.stages.waiting import Arrived, Waiting

_MOST_CELLS = 100_000


class Own(msgspec.Struct, frozen=True):
    """A record of Touchline itself: time has reached t, or other rules hold."""

    event: Event
    time: int | None


Prepared = Waiting | Own | Arrived | Rejection
NEVER_BEFORE = -NEVER


class Reading(NamedTuple):
    """Records read."""

    entries: list[Prepared]
    """One for each, in their order."""
    highest: int
    """The latest time any of them moves the watermark towards, NEVER_BEFORE without one."""
    others: list[Own | Arrived]
    """Those of the entries that are neither events nor rejected."""


class Reader:
    """Reads records by the file in force."""

    def __init__(self) -> None:
        self.aheads: list[tuple[int, int]] = []
        """Since which offset which `max_ahead` (microseconds) has held."""

    def use(self, rules: Rules, since: int) -> None:
        """Another file holds from offset `since` on."""
        self.aheads.append((since, rules.config.max_ahead))
        self._hits = rules.hits
        self._dimensions = rules.dimensions
        self._values_of = _picker(rules.dimensions)
        self._cells: dict[tuple[Any, ...], Cell] = {}

    def forget_before(self, low: int) -> None:
        """No record before this offset will be read again."""
        while len(self.aheads) > 1 and self.aheads[1][0] <= low:
            del self.aheads[0]

    def take(self, record: Record) -> Prepared:
        """Everything about a record that does not depend on what came before it."""
        return self.take_all((record,)).entries[0]

    def take_all(self, records: Sequence[Record]) -> Reading:
        """`take` of each record."""
        hits_of, values_of, cells, digest = self._hits.get, self._values_of, self._cells, seen.digest
        entries: list[Prepared] = []
        append = entries.append
        others: list[Own | Arrived] = []
        highest = NEVER_BEFORE
        for record, taken in zip(records, decode_all(records), strict=True):
            if type(taken) is Rejection:
                append(taken)
                continue
            event, time = taken  # type: ignore[misc]  # a pair, by the line before
            log_time = record.log_time
            future = False
            if time is None or record.internal or (log_time is not None and time > log_time):
                settled = self._settle(record, event, time)
                if not isinstance(settled, tuple):
                    append(settled)
                    if not isinstance(settled, Rejection):
                        others.append(settled)
                    if isinstance(settled, Own) and settled.time is not None:
                        highest = max(highest, _reached(settled.time, log_time))
                    continue
                time, future = settled
                highest = max(highest, _reached(time, log_time))
            elif time > highest:
                highest = time
            kind, sequence, source, name, data = event.type, event.sequence, event.source, event.id, event.data
            hits = hits_of(kind, NOTHING)
            cell = value = None
            if hits is NOTHING:
                data = None
            elif data is None:
                data = {}
            elif hits.only is not None:
                try:
                    cell = cells[values_of(data)]
                except (KeyError, TypeError):
                    cell = self._cell(data)
                value = hits.only.rule.worth(data)
                if cell is not None:
                    data = None
            append(
                (
                    time, 0 if sequence is None else sequence_number(sequence), source, name, record.offset,
                    event.subject, kind, digest(source, name), hits, cell, value, data,
                    record, hits.plain and not future, future,
                )
            )  # fmt: skip
        return Reading(entries, highest, others)

    def _settle(self, record: Record, event: Event, time: int | None) -> tuple[int, bool] | Own | Arrived | Rejection:
        """What a record is that its owner wrote, or that has no time, or one ahead of its log's: of an event its time,
        and whether it was too far ahead."""
        if record.internal and event.type.startswith("touchline."):
            if event.type in PARCELS:
                parcel = parcel_of(event)
                return parcel if isinstance(parcel, Rejection) else Arrived(parcel, record)
            if event.type != ERASED or event.subject is None:
                return Own(event, time)
        log_time = record.log_time
        if time is None:
            if log_time is None:
                return Rejection(reasons.NO_TIME, "time: missing, and this log has no time of reception")
            return log_time, False
        if log_time is not None and time > log_time + self._ahead_at(record.offset):
            return log_time, True
        return time, False

    def _ahead_at(self, offset: int) -> int:
        """`max_ahead` of the file under which a record was first read: a restart reads some once more."""
        return next(ahead for since, ahead in reversed(self.aheads) if offset >= since)

    def again(self, entry: Waiting) -> Waiting:
        """A waiting event under other rules; its time was settled when it arrived."""
        time, _, _, _, _, _, _, _, _, _, _, _, record, _, future = entry
        if isinstance(record, Arrived):
            return entry
        made = self.take(record)
        if not isinstance(made, tuple):
            return entry
        _, order, source, name, offset, subject, kind, digest, hits, cell, value, data, _, _, _ = made
        return (
            time, order, source, name, offset,
            subject, kind, digest, hits, cell, value, data,
            record, hits.plain and not future, future,
        )  # fmt: skip

    def _cell(self, data: Mapping[str, Any]) -> Cell | None:
        """An event's segment values where its data says them all as text; each tuple exists once."""
        cell: Cell = tuple([data.get(dimension, "") for dimension in self._dimensions])
        if not all(type(value) is str and 0 < len(value) <= LONGEST for value in cell):
            return None
        if len(self._cells) >= _MOST_CELLS:
            self._cells.clear()
        return self._cells.setdefault(cell, cell)


def _reached(time: int, log_time: int | None) -> int:
    """How far the watermark may go by a record."""
    return time if log_time is None or time < log_time else log_time


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """The values under these names as a tuple; raises KeyError where one is missing."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda data: tuple([data[name] for name in names])
