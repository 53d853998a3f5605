"""What a step is fed: the input of the update to come, and of every update since the state was stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

import msgspec

from streams.effects import Cell
from streams.stages.lanes import Groups

_MOST_ENTRIES = 4000
_MOST_VALUE = 1 << 60
_SAMPLES = 8
_TO_COME = -1
"""Stands for the tick of the update to come."""

Row = tuple[Cell, int, int, int]


class Entry(msgspec.Struct, array_like=True):
    """The input of one update."""

    tick: int
    whole: float
    """Expected false alarms per second granted to the whole."""
    segment: float
    """The same for each segment value under watch."""
    entered: list[Row] = []
    """Cell, second of entry, customers, sum of their values scaled by 1e6."""
    left: list[Row] = []
    """Cell, second of entry, completed in time, gone otherwise."""
    groups: Groups | None = None
    """Admitted segment values, where they changed."""
    accept: bool = False
    """Somebody accepted what is normal now."""
    bar: float = 1.0
    """The evidence that fires."""


class _Stored(msgspec.Struct, array_like=True):
    samples: list[tuple[int, tuple[str, ...]]]
    entries: list[bytes]


class StepJournal:
    """Inputs of one step. Ticks and seconds are UTC epoch."""

    def __init__(self) -> None:
        self.samples: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=_SAMPLES)
        """Tick and subjects of the latest entrants."""
        self._queue = Entry(_TO_COME, 0.0, 0.0)
        self._entries: list[bytes] = []

    def enter(self, cell: Cell, second: int, count: int, value: int) -> None:
        """So many entered the step in this second; the sum of their values is scaled by 1e6."""
        self._queue.entered.append((cell, second, count, _bounded(value)))

    def leave(self, cell: Cell, second: int, completed: int, gone: int) -> None:
        """Of those who entered in this second, so many went on in time and so many left otherwise."""
        self._queue.left.append((cell, second, completed, gone))

    def accept(self) -> None:
        """Somebody accepts what is normal now."""
        self._queue.accept = True

    @property
    def waits(self) -> bool:
        """Whether anything has come for the update to come."""
        return bool(self._queue.entered or self._queue.left or self._queue.accept)

    @property
    def full(self) -> bool:
        """Whether it is time to store the state and begin anew."""
        return len(self._entries) >= _MOST_ENTRIES

    def close(self, tick: int, whole: float, segment: float, groups: Groups | None, bar: float = 1.0) -> Entry:
        """The input of the update at `tick`, noted down; what comes from now on belongs to the next one."""
        entry, self._queue = self._queue, Entry(_TO_COME, 0.0, 0.0)
        entry.tick, entry.whole, entry.segment, entry.groups, entry.bar = tick, whole, segment, groups, bar
        entry.entered, entry.left = _together(entry.entered), _together(entry.left)
        self._entries.append(msgspec.msgpack.encode(entry))
        return entry

    def clear(self) -> None:
        """The state is stored: what led to it need not be gone through again."""
        self._entries = []

    def forget(self, subjects: Collection[str]) -> bool:
        """Give these customers as examples no more; whether there was any of them."""
        kept = [(tick, tuple(name for name in found if name not in subjects)) for tick, found in self.samples]
        named = kept != list(self.samples)
        self.samples = deque((one for one in kept if one[1]), maxlen=_SAMPLES)
        return named

    def dump(self, *, past: bool = True) -> bytes:
        """What has come for the update to come and, where `past`, all since `clear`."""
        queue = msgspec.msgpack.encode(self._queue)
        return msgspec.msgpack.encode(_Stored(list(self.samples), [*(self._entries if past else ()), queue]))

    def load(self, body: bytes, since: int | None) -> Iterator[Entry]:
        """Take what `dump` wrote; the inputs of updates after `since`, to be gone through again."""
        stored = _DECODE(body)
        self.samples = deque(stored.samples, maxlen=_SAMPLES)
        for one in stored.entries:
            entry = _DECODE_ENTRY(one)
            if entry.tick < 0:
                self._queue = entry
            elif since is None or entry.tick > since:  # else the state has it already
                self._entries.append(one)
                yield entry

    def examples(self) -> tuple[str, ...]:
        """Subjects of the latest entrants, at most four, the latest first."""
        found: list[str] = []
        for _, subjects in reversed(self.samples):
            found += [subject for subject in subjects if subject not in found]
        return tuple(found[:4])


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
_DECODE_ENTRY = msgspec.msgpack.Decoder(Entry).decode


def _together(rows: list[Row]) -> list[Row]:
    """Rows of one cell and second as one, sorted: how they were spread over partitions does not show, not even in the
    last bit."""
    sums: dict[tuple[Cell, int], tuple[int, int]] = {}
    for cell, second, one, other in rows:
        before = sums.get((cell, second), (0, 0))
        sums[cell, second] = before[0] + one, _bounded(before[1] + other)
    return [(cell, second, *both) for (cell, second), both in sorted(sums.items())]


def _bounded(value: int) -> int:
    """A sum that can be stored: an event may name any amount."""
    return max(min(value, _MOST_VALUE), -_MOST_VALUE)
