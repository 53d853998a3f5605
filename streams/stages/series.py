"""Where a customer counts: the series of the whole, and one per segment dimension."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from streams.effects import Cell
from streams.segments import Dimension

UNKNOWN = "unknown"
_REMEMBERED = 4096

Columns = tuple[tuple[Dimension, int], ...]
"""The dimensions of the file in force, each with its place in the cells of a partial, -1 where they do not have it."""


class Series(Protocol):
    """A row of rings and what else is counted for one whole or one segment value."""

    row: int


S = TypeVar("S", bound=Series)


class Table(Generic[S]):
    """The series of one step or signal: the whole, and values of dimensions, made when first counted."""

    def __init__(self, whole: S) -> None:
        self.whole = whole
        self.values: dict[tuple[str, str], S] = {}
        """(dimension, value) -> series."""
        self._found: dict[Cell, tuple[int, list[S]]] = {}
        """Cell -> the tick from which its entries count in these series. Emptied by `forget`."""
        self._columns: Columns | None = None

    def __iter__(self) -> Iterator[tuple[tuple[str, str], S]]:
        yield ("", ""), self.whole
        yield from self.values.items()

    def find(self, columns: Columns, cell: Cell, entry_tick: int, make: Callable[[], S]) -> list[S]:
        """The series that count a customer who entered with this cell in this tick; new ones are made."""
        if columns is self._columns:
            known = self._found.get(cell)
            if known is not None and entry_tick >= known[0]:
                return known[1]
        else:
            self.forget()
            self._columns = columns
        found, values, newest = [self.whole], self.values, entry_tick
        for dimension, at in columns:
            value = cell[at] if at >= 0 else UNKNOWN
            admitted = max(dimension.admitted.get(value, dimension.since), dimension.since)
            newest = max(newest, admitted)
            if entry_tick < dimension.since:
                continue
            place = (dimension.name, dimension.series(value, entry_tick))
            series = values.get(place)
            if series is None:
                series = values[place] = make()
            found.append(series)
        if newest == entry_tick:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[cell] = (min(entry_tick, self._found.get(cell, (entry_tick,))[0]), found)
        return found

    def forget(self) -> None:
        """Values were admitted or lost their place: cells have to be looked up anew."""
        self._found.clear()

    def remove(self, place: tuple[str, str]) -> S | None:
        """Take a value's series out."""
        self.forget()
        return self.values.pop(place, None)

    def in_order(self, dimensions: Sequence[Dimension]) -> list[tuple[str, str, S]]:
        """Segment series by dimension in the file's order, then by value with `other` last."""
        order = {dimension.name: at for at, dimension in enumerate(dimensions)}
        keys = sorted(self.values, key=lambda key: (order[key[0]], key[1] == "other", key[1]))
        return [(*key, self.values[key]) for key in keys]
