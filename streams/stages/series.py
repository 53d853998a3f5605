"""Where a customer counts: the series of the whole, and one per segment dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from streams.effects import Cell
from streams.segments import Dimension

UNKNOWN = "unknown"

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

    def __iter__(self) -> Iterator[tuple[tuple[str, str], S]]:
        yield ("", ""), self.whole
        yield from self.values.items()

    def places(self, columns: Columns, cell: Cell, entry_tick: int) -> list[tuple[str, str]]:
        """The (dimension, value) pairs that count a customer who entered with this cell in this tick."""
        return [
            (dimension.name, dimension.series(cell[at] if at >= 0 else UNKNOWN, entry_tick))
            for dimension, at in columns
            if entry_tick >= dimension.since
        ]

    def in_order(self, dimensions: Sequence[Dimension]) -> list[tuple[str, str, S]]:
        """Segment series by dimension in the file's order, then by value with `other` last."""
        order = {dimension.name: at for at, dimension in enumerate(dimensions)}
        keys = sorted(self.values, key=lambda key: (order[key[0]], key[1] == "other", key[1]))
        return [(*key, self.values[key]) for key in keys]
