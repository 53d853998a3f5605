"""Which ticks are closed: a tick closes when every source partition has declared it (exactness rule 8)."""

from __future__ import annotations

import heapq

from streams.effects import Partial


class SequenceGap(ValueError):
    """A partition's partials skip a number: what is missing has to be read again before going on."""


class Closing:
    """Partials waiting for the slower partitions; they come out by tick, then partition, whatever their arrival."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.positions: dict[int, int] = {}
        """Partition -> sequence number of the partial expected next."""
        self.declared: dict[int, int] = {}
        """Partition -> last tick it has declared closed."""
        self._waiting: list[tuple[int, int, int, Partial]] = []

    def take(self, partial: Partial) -> bool:
        """Queue a partial; False for a repeat, which changes nothing.

        Raises SequenceGap when a partial before it is missing, ValueError for a partition that does not exist or a
        tick declared twice.
        """
        partition = partial.partition
        if not 0 <= partition < self.partitions:
            raise ValueError(f"partial of partition {partition}: expected 0 to {self.partitions - 1}")
        expected = self.positions.get(partition, partial.sequence)
        if partial.sequence < expected:
            return False
        if partial.sequence > expected:
            raise SequenceGap(
                f"partition {partition}: partial {partial.sequence} arrived, expected {expected}; "
                "read the partials again from that number"
            )
        declared = self.declared.get(partition)
        if declared is not None and partial.first_tick <= declared or partial.tick < partial.first_tick:
            raise ValueError(
                f"partition {partition}: partial {partial.sequence} declares ticks {partial.first_tick} to "
                f"{partial.tick}, expected ascending ones after {declared}"
            )
        self.positions[partition] = partial.sequence + 1
        self.declared[partition] = partial.tick
        heapq.heappush(self._waiting, (partial.tick, partition, partial.sequence, partial))
        return True

    @property
    def closed(self) -> int | None:
        """The last tick that all partitions have declared; None before all have spoken."""
        if len(self.declared) < self.partitions:
            return None
        return min(self.declared.values())

    @property
    def held_back_by(self) -> list[int]:
        """Partitions that have declared less than the others, or nothing yet."""
        latest = max(self.declared.values(), default=None)
        return [at for at in range(self.partitions) if latest is not None and self.declared.get(at, -1) != latest]

    def declare(self, until: int) -> None:
        """The input has ended: all partitions have declared all ticks up to `until`."""
        for partition in range(self.partitions):
            self.declared[partition] = max(until, self.declared.get(partition, until))

    def next_tick(self) -> int | None:
        """The tick of the first waiting partial."""
        return self._waiting[0][0] if self._waiting else None

    def pop(self, tick: int) -> list[Partial]:
        """The partials of a tick, by partition."""
        found = []
        while self._waiting and self._waiting[0][0] == tick:
            found.append(heapq.heappop(self._waiting)[3])
        return found

    def waiting(self) -> list[Partial]:
        """Everything that waits, in the order it will come out."""
        return [entry[3] for entry in sorted(self._waiting, key=lambda entry: entry[:3])]

    def load(self, positions: dict[int, int], declared: dict[int, int], waiting: list[Partial]) -> None:
        """Take up where another left off."""
        self.positions, self.declared = positions, declared
        self._waiting = [(partial.tick, partial.partition, partial.sequence, partial) for partial in waiting]
        heapq.heapify(self._waiting)
