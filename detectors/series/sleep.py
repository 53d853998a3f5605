"""The quarters of an hour in which a source always sleeps: a night that has been seen twice is no silence."""

from __future__ import annotations

import msgspec

from detectors.series.slots import SECONDS

_HOUR_SLOTS = 3600 // SECONDS
_DAY_SLOTS = 24 * _HOUR_SLOTS
_WEEKEND = 5
NIGHTS = 2
"""Visits in a row without an event after which a quarter of an hour is slept through."""


class Sleep(msgspec.Struct, array_like=True):
    """Per type of day (weekday, weekend) and quarter of an hour: visits, and how many of the last were silent."""

    visits: list[int] = msgspec.field(default_factory=lambda: [0] * (2 * _DAY_SLOTS))
    silent: list[int] = msgspec.field(default_factory=lambda: [0] * (2 * _DAY_SLOTS))

    def visit(self, slot: int, hour_of_week: int, spoke: bool) -> None:
        """A slot is over; `slot` counts from the epoch."""
        at = _cell(slot, hour_of_week)
        self.visits[at] += 1
        self.silent[at] = 0 if spoke else self.silent[at] + 1

    def asleep(self, slot: int, hour_of_week: int) -> bool:
        """Whether nothing is to be expected in this slot; a type of day that is not known goes by the other."""
        at = _cell(slot, hour_of_week)
        if self.visits[at] < NIGHTS:
            at = (at + _DAY_SLOTS) % (2 * _DAY_SLOTS)
        return self.silent[at] >= NIGHTS


def _cell(slot: int, hour_of_week: int) -> int:
    day, hour = divmod(hour_of_week, 24)
    return (day >= _WEEKEND) * _DAY_SLOTS + hour * _HOUR_SLOTS + slot % _HOUR_SLOTS
