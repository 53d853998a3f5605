"""The segment dimensions of the file in force, and what the cells of partials counted under any file mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.config.structs import Segment
from streams.effects import Partial
from streams.segments import Dimension
from streams.stages.series import UNKNOWN, Columns

Stored = list[tuple[str, tuple[int, dict[str, int], dict[str, int], dict[str, tuple[int, int]]]]]


class Dimensions:
    """All dimensions, in the order of the file. Ticks are seconds, UTC epoch."""

    def __init__(self, segments: Sequence[Segment], config_hash: str) -> None:
        self._dimensions = {segment.name: Dimension(segment.name, segment.values) for segment in segments}
        self.cells = {config_hash: tuple(self._dimensions)}
        """Dimensions of a cell, by hash of the file that counted it."""
        self._columns: dict[str, Columns] = {}

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self._dimensions.values())

    def know(self, segments: Sequence[Segment], config_hash: str) -> None:
        """Partials counted under this file will come."""
        self.cells[config_hash] = tuple(segment.name for segment in segments)

    def switch(self, segments: Sequence[Segment], since: int | None) -> None:
        """Follow another file: dimensions keep their values by name, new ones count entries from tick `since` on."""
        before, self._dimensions = self._dimensions, {}
        for segment in segments:
            dimension = before.get(segment.name)
            if dimension is None:
                dimension = Dimension(segment.name, segment.values, since)
            else:
                dimension.relist(segment.values, 0 if since is None else since)
            self._dimensions[segment.name] = dimension
        self._columns = {}

    def columns(self, config_hash: str) -> Columns:
        """Every dimension with its place in the cells counted under a file, -1 where they do not have it."""
        columns = self._columns.get(config_hash)
        if columns is None:
            cells = self.cells[config_hash]
            columns = self._columns[config_hash] = tuple(
                (dimension, cells.index(name) if name in cells else -1) for name, dimension in self._dimensions.items()
            )
        return columns

    def admit(self, tick: int, partials: Sequence[Partial]) -> bool:
        """Take a tick's content, of all partitions together, towards admission; True when a value was admitted."""
        admitted = False
        for name, dimension in self._dimensions.items():
            entries: dict[str, int] = {}
            seen: set[str] = set()
            for partial in partials:
                cells = self.cells[partial.config]
                at = cells.index(name) if name in cells else -1
                for entered in partial.entered:
                    value = entered.cell[at] if at >= 0 else UNKNOWN
                    entries[value] = entries.get(value, 0) + entered.count
                for measured in partial.measured:
                    seen.add(measured.cell[at] if at >= 0 else UNKNOWN)
            admitted |= dimension.count(entries, seen, tick)
        return admitted

    def dump(self) -> Stored:
        """What the dimensions have admitted and count, for `load`."""
        return [(name, dimension.dump()) for name, dimension in self._dimensions.items()]

    def load(self, stored: Stored, cells: dict[str, tuple[str, ...]]) -> None:
        """Take what `dump` wrote, and the `cells` of then."""
        self.cells = cells
        for name, dimension in stored:
            self._dimensions[name].load(dimension)
