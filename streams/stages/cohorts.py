"""Entry cohorts of one step, waiting until all their customers have had their time.

Entrants are kept by slot of entry tick, at most 256 slots per step: a step with 30 minutes has slots of 8 s, so its
cohorts mature up to 8 s after the deadline of their first entrant. Where the step's time runs in a calendar they wait
for its open hours. What is booked for a cohort that has matured already
(late events) counts at once.
"""

from __future__ import annotations

import heapq

from streams.care.open_time import OpenTime

_SLOTS = 256
_SECOND = 1_000_000

Counts = list[int]
"""[entered, completed in time, merged]."""


class Cohorts:
    """Counts by entry slot and series row; ticks are seconds."""

    def __init__(self, deadline: int, opening: OpenTime | None = None) -> None:
        """`deadline`: microseconds that a customer may stay in the step, of `opening` where there is one."""
        self.opening = opening
        self.limit = -(-deadline // 1_000_000)
        self.width = max(1, -(-self.limit // _SLOTS))
        self._pending: dict[int, dict[int, Counts]] = {}
        self._order: list[int] = []

    def matures(self, entry_tick: int) -> int:
        """The tick at whose close the cohort of an entry tick is complete."""
        last = (entry_tick // self.width + 1) * self.width - 1
        if self.opening is None:
            return last + self.limit
        return self.opening.after((last + 1) * _SECOND - 1, self.limit * _SECOND) // _SECOND

    def next_due(self) -> int | None:
        """The earliest tick at whose close a cohort matures."""
        return self.matures(self._order[0] * self.width) if self._order else None

    def add(self, row: int, entry_tick: int, entered: int, completed: int, merged: int) -> None:
        """Count customers of an entry tick whose cohort has not matured yet."""
        slot = entry_tick // self.width
        rows = self._pending.get(slot)
        if rows is None:
            rows = self._pending[slot] = {}
            heapq.heappush(self._order, slot)
        counts = rows.get(row)
        if counts is None:
            rows[row] = [entered, completed, merged]
        else:
            counts[0] += entered
            counts[1] += completed
            counts[2] += merged

    def mature(self, tick: int) -> list[tuple[int, int, int]]:
        """Cohorts complete at the close of `tick`, removed: row, entered less merged, completed in time."""
        matured = []
        while self._order and self.matures(self._order[0] * self.width) <= tick:
            rows = self._pending.pop(heapq.heappop(self._order))
            matured += [(row, entered - merged, completed) for row, (entered, completed, merged) in rows.items()]
        return matured

    def fold(self, row: int, into: int) -> None:
        """Count a row's customers in another row."""
        for rows in self._pending.values():
            counts = rows.pop(row, None)
            if counts is not None:
                mine = rows.setdefault(into, [0, 0, 0])
                for at in range(3):
                    mine[at] += counts[at]

    def drop(self, row: int) -> None:
        """Forget a row."""
        for rows in self._pending.values():
            rows.pop(row, None)

    def retime(self, deadline: int, opening: OpenTime | None = None) -> None:
        """Follow another deadline (microseconds of `opening`); who waits now matures by it."""
        self.opening = opening
        before, pending = self.width, self._pending
        self.limit = -(-deadline // 1_000_000)
        self.width = max(1, -(-self.limit // _SLOTS))
        self._pending, self._order = {}, []
        for slot, rows in pending.items():
            for row, counts in rows.items():
                self.add(row, (slot + 1) * before - 1, *counts)

    def dump(self) -> dict[int, dict[int, Counts]]:
        """What is pending: slot -> row -> counts."""
        return self._pending

    def load(self, pending: dict[int, dict[int, Counts]]) -> None:
        """Take what `dump` gave, rows translated by the caller."""
        self._pending = pending
        self._order = sorted(pending)
