"""What was deployed lately, and which of it lies near the beginning of an alert."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from streams.units import DAY, MINUTE, SECOND

KEPT = DAY
"""How long a change is remembered, in event time."""
MOST = 200
"""Changes remembered; beyond, the oldest go."""
BEFORE = 10 * MINUTE
"""A change so long before the earliest beginning of an alert still belongs to it."""
SHOWN = 3
_FIELDS, _LETTERS = 20, 300


class Change(msgspec.Struct, frozen=True, array_like=True):
    """One `change.deployed`."""

    time: int
    """Its event time, UTC epoch microseconds."""
    source: str
    id: str
    data: dict[str, Any]


class Changes:
    """The changes of the last 24 hours."""

    def __init__(self) -> None:
        self._kept: list[Change] = []

    def add(self, time: int, source: str, name: str, data: dict[str, Any] | None) -> Change | None:
        """Remember a change; None when it is there already, or older than what is kept."""
        change = Change(time, source, name, shortened(data or {}))
        if any((kept.source, kept.id) == (source, name) for kept in self._kept):
            return None
        self._kept = sorted([*self._kept, change], key=_order)
        newest = self._kept[-1].time
        self._kept = [kept for kept in self._kept[-MOST:] if kept.time > newest - KEPT]
        return change if change in self._kept else None

    def of(self, since: int, since_low: int, fired: int, known: Iterable[Change] = ()) -> list[Change]:
        """At most three changes from ten minutes before `since_low` to the firing, the nearest to `since` first.

        All three are ticks. `known`: changes the alert has already, which may have been forgotten here since.
        """
        first, last, middle = since_low * SECOND - BEFORE, (fired + 1) * SECOND, since * SECOND
        found = {(change.source, change.id): change for change in (*known, *self._kept)}
        near = [change for change in found.values() if first <= change.time <= last]
        return sorted(near, key=lambda change: (abs(change.time - middle), *_order(change)))[:SHOWN]

    def dump(self) -> list[Change]:
        """For `load`."""
        return list(self._kept)

    def load(self, stored: list[Change]) -> None:
        """Take what `dump` gave."""
        self._kept = list(stored)


def shortened(data: dict[str, Any]) -> dict[str, Any]:
    """The first 20 plain fields, texts cut to 300 letters: an alert repeats them, so they must not be large."""
    plain = {name: value for name, value in data.items() if isinstance(value, str | int | float | bool)}
    return {
        name[:_LETTERS]: value[:_LETTERS] if isinstance(value, str) else value
        for name, value in list(plain.items())[:_FIELDS]
    }


def _order(change: Change) -> tuple[int, str, str]:
    return change.time, change.source, change.id
