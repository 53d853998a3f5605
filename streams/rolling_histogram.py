"""Rolling windows over one series' histogram: sparse, because most buckets of most slots are empty.

Slots are those of `streams.windows`; only slots that hold something exist. A slot that has ended is kept as two rows
of integers (16 B per bucket used), the running one as a dict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from streams.windows import Window


class _Slots:
    """The slots of one window."""

    __slots__ = ("closed", "index", "known", "merged", "open", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.index = 0
        self.open: dict[int, int] = {}
        self.closed: list[tuple[int, npt.NDArray[np.int64]]] = []
        self.merged: dict[int, int] = {}
        """Sum of the closed slots still in the window, valid while the oldest of them is `known`."""
        self.known: int | None = None

    def add(self, counts: Mapping[int, int], tick: int) -> None:
        index = tick // self.window.slot
        if index != self.index:
            self._end_slot()
            self.index = index
        opened = self.open
        for bucket, count in counts.items():
            opened[bucket] = opened.get(bucket, 0) + count

    def _end_slot(self) -> None:
        if self.open:
            self.closed.append((self.index, _columns(self.open)))
            self.open = {}
            self.known = None

    def counts(self, tick: int) -> dict[int, int]:
        index = tick // self.window.slot
        if index != self.index:
            self._end_slot()
            self.index = index
        oldest = index - self.window.count + 1
        if self.closed and self.closed[0][0] < oldest:
            self.closed = [slot for slot in self.closed if slot[0] >= oldest]
            self.known = None
        first = self.closed[0][0] if self.closed else index
        if self.known != first:
            self.merged = _merge([slot for _, slot in self.closed])
            self.known = first
        if not self.open:
            return self.merged
        merged = self.merged.copy()
        for bucket, count in self.open.items():
            merged[bucket] = merged.get(bucket, 0) + count
        return merged


class RollingHistogram:
    """Counts per bucket over several windows of one series; ticks must not go back."""

    def __init__(self, windows: Iterable[int]) -> None:
        self._slots = {seconds: _Slots(Window.of(seconds)) for seconds in sorted(set(windows))}

    def add(self, counts: Mapping[int, int], tick: int) -> None:
        """Add observations of a tick."""
        for slots in self._slots.values():
            slots.add(counts, tick)

    def counts(self, seconds: int, tick: int) -> Mapping[int, int]:
        """What the window holds at a tick; not to be changed."""
        return self._slots[seconds].counts(tick)

    def fold(self, other: RollingHistogram, tick: int) -> None:
        """Take over another series' observations, slot by slot; both have the same windows."""
        for seconds, slots in self._slots.items():
            theirs = other._slots[seconds]
            slots.counts(tick)
            theirs.counts(tick)
            for bucket, count in theirs.open.items():
                slots.open[bucket] = slots.open.get(bucket, 0) + count
            both = dict(slots.closed)
            for index, columns in theirs.closed:
                mine = both.get(index)
                both[index] = columns if mine is None else _columns(_merge([mine, columns]))
            slots.closed = sorted(both.items(), key=lambda slot: slot[0])
            slots.known = None

    def rewindow(self, windows: Iterable[int]) -> None:
        """Keep other windows from now on; those that were kept before keep their counts, new ones start empty."""
        self._slots = {
            seconds: self._slots.get(seconds) or _Slots(Window.of(seconds)) for seconds in sorted(set(windows))
        }

    def dump(self) -> bytes:
        """Everything, for `load`."""
        stored = {}
        for seconds, slots in self._slots.items():
            held = [(index, columns.tolist()) for index, columns in slots.closed]
            if slots.open:
                held.append((slots.index, _columns(slots.open).tolist()))
            stored[seconds] = held
        return msgspec.msgpack.encode(stored)

    def load(self, body: bytes) -> None:
        """Take what `dump` wrote; windows that did not exist then start empty."""
        stored = msgspec.msgpack.decode(body, type=dict[int, list[tuple[int, list[list[int]]]]])
        for seconds, slots in self._slots.items():
            slots.closed = [(index, np.array(columns, dtype=np.int64)) for index, columns in stored.get(seconds, ())]
            slots.known = None
            if slots.closed:
                slots.index, columns = slots.closed.pop()
                slots.open = dict(zip(*columns.tolist(), strict=True))


def _columns(counts: Mapping[int, int]) -> npt.NDArray[np.int64]:
    return np.array(sorted(counts.items()), dtype=np.int64).T


def _merge(parts: list[npt.NDArray[np.int64]]) -> dict[int, int]:
    if not parts:
        return {}
    every = np.concatenate(parts, axis=1)
    lowest = int(every[0].min())
    # bincount adds in float64, exact below 2**53 observations.
    counts = np.bincount(every[0] - lowest, weights=every[1])
    buckets = np.flatnonzero(counts)
    return dict(zip((buckets + lowest).tolist(), counts[buckets].astype(np.int64).tolist(), strict=True))
