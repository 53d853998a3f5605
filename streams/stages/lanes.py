"""Which cells of a step have a lane, and which series they belong to: the whole, and one value of each dimension."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from detectors.steps.aging import Integers
from streams.effects import Cell
from streams.segments import OTHER

MOST_LANES = 2000
"""Cells of a step with a lane of their own; the rest share one."""
WHOLE = 0
"""Number of the series of the whole."""

Groups = tuple[tuple[str, tuple[str, ...]], ...]
"""Per dimension of the file its name and the values that have a series, sorted."""


class Lanes:
    """The lanes of one step. The n-th new cell of an update, in the order of their values, gets the n-th new lane."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.groups: Groups = ()
        self.series: list[tuple[str, str] | None] = [("", "")]
        """Dimension and value of each series by number; None where the number is free."""
        self._index: dict[Cell, int] = {}
        self._others: Cell | None = None

    def take(self, cells: Iterable[Cell]) -> int:
        """Give every cell that has none a lane; how many are new."""
        before = len(self.cells)
        for cell in sorted(set(cells) - self._index.keys()):
            if len(self.cells) < MOST_LANES:
                self._open(cell)
            else:
                others = self._others or (OTHER,) * len(cell)
                self._others = others
                if others not in self._index:
                    self._open(others)
                self._index[cell] = self._index[others]
        return len(self.cells) - before

    def _open(self, cell: Cell) -> None:
        self._index[cell] = len(self.cells)
        self.cells.append(cell)

    def lane(self, cell: Cell) -> int:
        """The lane of a cell that `take` has seen."""
        return self._index[cell]

    def group(self, groups: Groups) -> list[int]:
        """Follow other admitted values; returns the numbers that stand for another series from now on."""
        self.groups = groups
        wanted = {(name, value) for name, values in groups for value in (*values, OTHER)}
        gone = [at for at, place in enumerate(self.series) if at != WHOLE and place is not None and place not in wanted]
        for at in gone:
            self.series[at] = None
        known = set(self.series)
        changed = list(gone)
        for place in sorted(wanted - known):
            free = next((at for at, held in enumerate(self.series) if held is None), None)
            if free is None:
                self.series.append(place)
            else:
                self.series[free] = place
                changed.append(free)
        return sorted(set(changed))

    def member(self) -> Integers:
        """Shape (1 + dimensions, lanes): the series of each lane in each grouping."""
        number = {place: at for at, place in enumerate(self.series) if place is not None}
        rows = [[WHOLE] * len(self.cells)]
        for at, (name, values) in enumerate(self.groups):
            admitted = set(values)
            rows.append([number[name, cell[at] if cell[at] in admitted else OTHER] for cell in self.cells])
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.cells))

    def matching(self, conjunctions: Sequence[dict[str, str]]) -> Integers:
        """Lanes of the cells in a union of conjunctions."""
        at = {name: place for place, (name, _) in enumerate(self.groups)}
        found = [
            lane
            for lane, cell in enumerate(self.cells)
            if any(all(cell[at[name]] == value for name, value in one.items()) for one in conjunctions)
        ]
        return np.array(found, dtype=np.int64)

    def dump(self) -> tuple[list[Cell], Groups, list[tuple[str, str] | None]]:
        """Everything, for `load`. Cells that share the last lane find it again when they come."""
        return self.cells, self.groups, self.series

    def load(self, stored: tuple[list[Cell], Groups, list[tuple[str, str] | None]]) -> None:
        """Take what `dump` wrote."""
        self.cells, self.groups, self.series = stored
        self._index = {cell: lane for lane, cell in enumerate(self.cells)}
        self._others = None


def groups_of(dimensions: Iterable[tuple[str, Iterable[str]]]) -> Groups:
    """Names of dimensions with their admitted values, in canonical form."""
    return tuple((name, tuple(sorted(values))) for name, values in dimensions)
