"""Rolling windows over many series at once: rings of counts in one integer array.

A window is cut into at most 60 slots; a count goes into the slot of its tick, a slot is emptied when it has passed out
of the window, and a window's content is the sum of its slots. Nothing is ever subtracted and everything is an integer,
so a window holds exactly what was added, however long it runs. A slot is a whole number of seconds: 1m moves on every
second, 5m every 5 s, 1h every minute, 24h every 24 minutes, 7d every 168 minutes. The newest slot is still filling, so
a window covers its length less at most one slot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

SLOTS = 60
"""Most slots of a window."""
STANDARD = {"1m": 60, "5m": 300, "1h": 3600, "24h": 86_400, "7d": 604_800}
"""Windows that every series has, in seconds."""

_LOW_BITS = 48
_LOW_MASK = (1 << _LOW_BITS) - 1
_WIDEST = 1 << 55
_CARRY_EVERY = 256
_FIRST_ROWS = 16

Integers = npt.NDArray[np.int64]


class Window(msgspec.Struct, frozen=True):
    """How one length of time is cut into slots; all times in seconds."""

    seconds: int
    slot: int
    """Length of a slot; slots begin at multiples of it."""
    count: int
    """Number of slots; `slot * count` is `seconds`, or up to one slot more where `seconds` does not divide."""

    @classmethod
    def of(cls, seconds: int) -> Window:
        """The window of a length in seconds, at least 1."""
        slot = max(1, -(-seconds // SLOTS))
        return cls(seconds, slot, -(-seconds // slot))

    def first_tick(self, tick: int) -> int:
        """The earliest tick that the window still holds when `tick` is the latest."""
        return (tick // self.slot - self.count + 1) * self.slot


class Rings:
    """Counts of many series over several windows.

    A series is a row; rows are given out by `open` and returned by `close`. `narrow` fields are plain counts, `wide`
    ones are integers of up to 110 bits (sums of scaled values and of their squares), kept in two columns each.

    Adding to a handful of series costs about 20 µs; memory is `bytes_per_series`.
    """

    def __init__(self, windows: Iterable[int], narrow: int, wide: int = 0) -> None:
        self.windows = {seconds: Window.of(seconds) for seconds in sorted(set(windows))}
        self.narrow = narrow
        self.wide = wide
        self.tick: int | None = None
        """The latest tick; None before the first."""
        columns = narrow + 2 * wide
        self._starts: dict[int, int] = {}
        total = 0
        for seconds, window in self.windows.items():
            self._starts[seconds] = total
            total += window.count
        self.bytes_per_series = 8 * total * columns
        self._data: Integers = np.zeros((total, _FIRST_ROWS, columns), dtype=np.int64)
        self._used: list[deque[int]] = [deque() for _ in self.windows]
        """Per window the slots that hold something, as tick // slot, ascending."""
        self._cuts = list(self.windows.values())
        self._offsets = list(self._starts.values())
        self._additions = 0
        self.rows = 0
        """Rows ever given out, also those returned since."""
        self._free: list[int] = []
        self._indices = [0] * len(self._cuts)
        self._open: Integers = np.zeros((len(self._cuts), 1), dtype=np.int64)

    def open(self) -> int:
        """An empty row."""
        if self._free:
            return self._free.pop()
        if self.rows == self._data.shape[1]:
            grown = np.zeros((self._data.shape[0], 2 * self.rows, self._data.shape[2]), dtype=np.int64)
            grown[:, : self.rows] = self._data
            self._data = grown
        self.rows += 1
        return self.rows - 1

    def close(self, row: int) -> None:
        """Give a row back; its counts are gone."""
        self._data[:, row] = 0
        self._free.append(row)

    def fold(self, row: int, into: int) -> None:
        """Add a row's counts to another's and give it back."""
        self._data[:, into] += self._data[:, row]
        self._carry(self._data[:, into])
        self.close(row)

    def advance(self, tick: int) -> None:
        """Empty the slots that passed since the last tick: at most all of them, however far the jump."""
        if self.tick is not None and tick <= self.tick:
            return
        first = self.tick is None
        self.tick = tick
        for at, window in enumerate(self._cuts):
            index = tick // window.slot
            if index == self._indices[at] and not first:
                continue
            self._indices[at] = index
            self._open[at, 0] = self._offsets[at] + index % window.count
            used, oldest = self._used[at], index - window.count + 1
            while used and used[0] < oldest:
                self._data[self._offsets[at] + used.popleft() % window.count, : self.rows] = 0

    def add(self, rows: Sequence[int], fields: Sequence[Sequence[int]]) -> None:
        """Add to distinct rows at the present tick; per row the narrow fields, then the wide ones."""
        values = self._columns(fields)
        self._data[self._open, list(rows)] += values
        for used, index in zip(self._used, self._indices, strict=True):
            if not used or used[-1] != index:
                used.append(index)
        self._additions += 1
        if self._additions == _CARRY_EVERY:
            self._additions = 0
            for slot in self._open[:, 0]:
                self._carry(self._data[slot])

    def _columns(self, fields: Sequence[Sequence[int]]) -> Integers:
        """Columns are: narrow fields, high parts of the wide ones, their low parts."""
        narrow, wide = self.narrow, self.wide
        if not wide:
            return np.array(fields, dtype=np.int64)
        columns = np.empty((len(fields), narrow + 2 * wide), dtype=np.int64)
        try:
            given = np.array(fields, dtype=np.int64)
        except OverflowError:
            columns[:, :narrow] = [field[:narrow] for field in fields]
            columns[:, narrow:] = [
                [_high(value) for value in field[narrow:]] + [value & _LOW_MASK for value in field[narrow:]]
                for field in fields
            ]
            return columns
        columns[:, : narrow + wide] = given
        columns[:, narrow : narrow + wide] >>= _LOW_BITS
        columns[:, narrow + wide :] = given[:, narrow:] & _LOW_MASK
        return columns

    def _carry(self, block: Integers) -> None:
        # Low parts stay below 256 * 2**48, so that the sum of 60 slots cannot leave 64 bits.
        if self.wide:
            low = block[..., self.narrow + self.wide :]
            block[..., self.narrow : self.narrow + self.wide] += low >> _LOW_BITS
            low &= _LOW_MASK

    def _span(self, seconds: int) -> Integers:
        start = self._starts[seconds]
        return self._data[start : start + self.windows[seconds].count]

    def sums(self, seconds: int, rows: Sequence[int]) -> list[list[int]]:
        """All fields of several rows over one window, as exact integers, in the order of the rows."""
        if not len(rows):
            return []
        span = self._span(seconds)
        if 2 * len(rows) < self.rows:
            columns = span[:, list(rows)].sum(axis=0)
        else:
            columns = span[:, : self.rows].sum(axis=0)[list(rows)]
        return [self._fields(row) for row in columns.tolist()]

    def row(self, seconds: int, row: int) -> list[int]:
        """All fields of one row over one window, as exact integers."""
        return self._fields(self._span(seconds)[:, row].sum(axis=0).tolist())

    def _fields(self, columns: list[int]) -> list[int]:
        narrow, wide = self.narrow, self.wide
        return [
            *columns[:narrow],
            *((columns[narrow + at] << _LOW_BITS) + columns[narrow + wide + at] for at in range(wide)),
        ]

    def slots(self, seconds: int, row: int, field: int, last: int) -> list[int]:
        """A narrow field in each of the last slots of a window, oldest first; the newest is still filling."""
        window = self.windows[seconds]
        start = self._starts[seconds]
        index = (self.tick or 0) // window.slot
        at = [start + (index - back) % window.count for back in range(last - 1, -1, -1)]
        counts: list[int] = self._data[at, row, field].tolist()
        return counts

    def rewindowed(self, windows: Iterable[int]) -> Rings:
        """The same rows with other windows: those there are already keep their counts, new ones start empty."""
        other = Rings(windows, self.narrow, self.wide)
        if other.windows == self.windows:
            return self
        other._data = np.zeros((other._data.shape[0], *self._data.shape[1:]), dtype=np.int64)
        other.rows, other._free = self.rows, self._free
        for seconds, window in self.windows.items():
            if seconds in other.windows:
                other._span(seconds)[:] = self._span(seconds)
                other._used[other._cuts.index(window)] = self._used[self._cuts.index(window)]
        if self.tick is not None:
            other.advance(self.tick)
        return other

    def dump(self, rows: Sequence[int]) -> bytes:
        """The counts of several rows, for `load` at the same tick or later: places of those that are not 0, values."""
        block = self._data[:, list(rows)].ravel()
        places = np.flatnonzero(block)
        return places.astype("<u4").tobytes() + block[places].astype("<i8").tobytes()

    def load(self, rows: Sequence[int], body: bytes, tick: int) -> None:
        """Take what `dump` wrote at `tick`; slots that have passed out of their window since stay empty."""
        stored = np.zeros((self._data.shape[0], len(rows), self._data.shape[2]), dtype=np.int64)
        count = len(body) // 12
        stored.ravel()[np.frombuffer(body, "<u4", count)] = np.frombuffer(body, "<i8", count, offset=4 * count)
        now = tick if self.tick is None else self.tick
        filled: npt.NDArray[np.bool_] = np.any(stored, axis=(1, 2))
        for at, window in enumerate(self._cuts):
            index, held = now // window.slot, set(self._used[at])
            for slot in range(index - window.count + 1, index + 1):
                position = self._offsets[at] + slot % window.count
                if slot > tick // window.slot:
                    stored[position] = 0
                elif filled[position]:
                    held.add(slot)
            self._used[at] = deque(sorted(held))
        self._carry(stored)
        self._data[:, list(rows)] = stored


def _high(value: int) -> int:
    # Beyond 103 bits in one tick no customer's value is real; it must not stop the stream.
    return min(max(value >> _LOW_BITS, -_WIDEST), _WIDEST)
