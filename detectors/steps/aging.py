"""Counts by age, finely for the young and coarsely for the old, in bounded memory however old they get.

A slot of level l is 2**l seconds wide. Slots are aligned to multiples of their width, so two of them become one of the
next level, and nothing is ever split or guessed: what entered in a given second can be found again at any later one.
Ages up to 31 s have a slot each; beyond, a slot is a fifteenth to a thirty-second of the age it holds.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats
from detectors.steps.packed import Packed, pack, unpack

Integers = NDArray[np.int64]

_HALF = 16
_FINE = 2 * _HALF
_FINE_BINS = 30
"""Bins of a second each, from age 0."""
_MOST_BINS = 64
_FEW = 16
"""Up to so many seconds are found faster one by one."""
_JUMP = 12
"""From so many seconds on, moving everything at once is cheaper than second by second."""


class Aging:
    """Counts of several channels and lanes by age. Shape of `counts`: (slots, channels, lanes).

    Parameters
    ----------
    horizon
        Seconds up to which ages are told apart.
    channels
        Kinds of counts that age together.
    kept
        So many channels, from the first on, keep what has grown older than the horizon in the last slot; the others
        lose it.
    lanes
        Places side by side, such as the cells of a step; more can be added.

    Memory 8 bytes per slot, channel and lane: 128 slots for half an hour, 304 for 30 days. A second costs about 5 µs.
    """

    def __init__(self, horizon: int, channels: int = 1, lanes: int = 0, *, kept: int = 0) -> None:
        self.horizon = horizon
        self.kept = kept
        self.levels = 1
        while _FINE << (self.levels - 1) <= horizon:
            self.levels += 1
        self.slots = _FINE + _HALF * (self.levels - 1)
        self._level, self._behind = _layout(self.levels)
        self.counts: Floats = np.zeros((self.slots, channels, lanes))
        self.tick = 0
        """The second whose counts have age 0."""

    @property
    def lanes(self) -> int:
        """Places side by side."""
        return int(self.counts.shape[2])

    def extend(self, lanes: int) -> None:
        """So many more lanes, empty."""
        wider = np.zeros((*self.counts.shape[:2], self.lanes + lanes))
        wider[..., : self.lanes] = self.counts
        self.counts = wider

    def clear(self) -> None:
        """Nothing is left."""
        self.counts[:] = 0.0

    # Time

    def advance(self, tick: int) -> None:
        """Everything grows older, up to second `tick`."""
        ahead = tick - self.tick
        if ahead <= 0:
            return
        if ahead >= _JUMP:
            self._jump(tick)
            return
        for now in range(self.tick + 1, tick + 1):
            self._step(now)
        self.tick = tick

    def _step(self, now: int) -> None:
        counts = self.counts
        incoming: Floats | float = 0.0
        start, end = 0, _FINE
        for level in range(self.levels):
            last = end - 1
            out = counts[last].copy()
            counts[start + 1 : end] = counts[start:last]
            counts[start] = incoming
            if level == self.levels - 1:
                counts[last, : self.kept] += out[: self.kept]
                if not (now >> level) & 1:
                    counts[last, self.kept :] = 0.0
                return
            if (now >> level) & 1:
                return
            incoming = out + counts[last]
            counts[last] = 0.0
            start, end = end, end + _HALF

    def _jump(self, tick: int) -> None:
        # A level moves when a multiple of its width has passed; above the first that has none, nothing does.
        moving = (self.tick ^ tick).bit_length()
        slots = self.slots if moving >= self.levels else _FINE + _HALF * (moving - 1)
        counts = self.counts.reshape(self.slots, -1)
        held = np.flatnonzero(counts[:slots].any(axis=1))
        if moving > self.levels and self.kept < self.counts.shape[1]:
            # Those that outgrow the last level go to its last slot: they stay there or are lost.
            beyond = held[(tick >> self.levels) - (self._starts(self.tick)[held] >> self.levels) >= _HALF]
            if len(beyond):
                self.counts[beyond, self.kept :] = 0.0
        places = _later(self.levels, self.tick, tick)[held]
        moved = places != held
        held, places = held[moved], places[moved]
        if len(held):
            new = np.empty(len(places), dtype=bool)
            new[0] = True
            np.not_equal(places[1:], places[:-1], out=new[1:])
            firsts = new.nonzero()[0]
            gone = counts[held]
            counts[held] = 0.0
            counts[places[firsts]] += np.add.reduceat(gone, firsts, axis=0)
        self.tick = tick

    def _starts(self, tick: int) -> Integers:
        """The first second that each slot holds at `tick`, by slot."""
        starts: Integers = ((tick >> self._level) - self._behind) << self._level
        return starts

    def ages(self) -> Floats:
        """Mean age of each slot's seconds, in seconds; shape (slots,)."""
        widths = (1 << self._level).astype(np.float64)
        ages: Floats = np.maximum(self.tick - self._starts(self.tick) - (widths - 1) / 2, 0.0)
        return ages

    def start_of(self, slot: int) -> int:
        """The first second that a slot holds now."""
        return int(self._starts(self.tick)[slot])

    # Places

    def place(self, second: int) -> int:
        """The slot that holds a second now; those to come are taken for now."""
        now = self.tick
        age = now - second
        if age < _HALF:
            return max(age, 0)
        level = max(age.bit_length() - 5, 0)
        if (now >> (level + 1)) - (second >> (level + 1)) >= _HALF:
            level += 1
        if level >= self.levels:
            return self.slots - 1
        behind = (now >> level) - (second >> level)
        return behind if level == 0 else _HALF * level + behind

    def places(self, seconds: Integers, now: int | None = None) -> Integers:
        """The slots that hold these seconds, now or at another time."""
        if now is None and len(seconds) <= _FEW:
            return np.array([self.place(second) for second in seconds.tolist()], dtype=np.int64)
        return _places(self.levels, seconds, self.tick if now is None else now)

    def add(self, channel: int, slots: Integers, lanes: Integers, counts: Floats) -> None:
        """Add counts at (slot, lane); the same place may come more than once."""
        np.add.at(self.counts[:, channel], (slots, lanes), counts)

    # Storing

    def snapshot(self) -> tuple[int, Packed]:
        """Everything, for `restore`."""
        return self.tick, pack(self.counts)

    def restore(self, stored: tuple[int, Packed]) -> None:
        """Take what `snapshot` of the same horizon wrote; lanes follow."""
        self.tick, packed = stored
        self.counts = unpack(packed)

    # Bins

    def bins(self) -> Integers:
        """First slot of each age bin: a second each up to 30 s, then equal runs of slots; at most 64 bins."""
        rest = self.slots - _FINE_BINS
        wide = min(rest, _MOST_BINS - _FINE_BINS)
        edges = _FINE_BINS + (np.arange(wide) * rest) // wide
        return np.concatenate([np.arange(_FINE_BINS), edges]).astype(np.int64)


@cache
def _layout(levels: int) -> tuple[Integers, Integers]:
    """Level of each slot, and how many slots of its width it lies behind the present one."""
    level = np.concatenate([np.zeros(_FINE, dtype=np.int64), np.repeat(np.arange(1, levels, dtype=np.int64), _HALF)])
    behind = np.concatenate([np.arange(_FINE), np.tile(np.arange(_HALF, _FINE), levels - 1)])
    return level, behind


def _places(levels: int, seconds: Integers, now: int) -> Integers:
    """The slots that hold these seconds at another one."""
    level = np.maximum(np.frexp(np.maximum(now - seconds, 0))[1].astype(np.int64) - 5, 0)
    level += (now >> (level + 1)) - (seconds >> (level + 1)) >= _HALF
    places: Integers = np.maximum((now >> level) - (seconds >> level), 0)
    places += _HALF * level
    # What has outgrown the last level is in its last slot.
    return np.minimum(places, _FINE + _HALF * (levels - 1) - 1)


@lru_cache(maxsize=4)
def _later(levels: int, before: int, now: int) -> Integers:
    """Where each slot of the second `before` is at `now`. Those in flight and their past ask for the same."""
    level, behind = _layout(levels)
    return _places(levels, ((before >> level) - behind) << level, now)


def bin_of_slot(bins: Integers, slots: int) -> Integers:
    """The bin of each slot, from the first slots of the bins."""
    return np.searchsorted(bins, np.arange(slots), side="right") - 1
