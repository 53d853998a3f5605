"""Many independent series of one step, simulated tick by tick: who enters, and who completes having entered when."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.delays import DelayLaw
from benchmarks.detection.nulls import Null, Party

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COMPLETION = 0.6
"""Probability to complete, if there were no deadline."""
WITHIN = 1800
"""Seconds after which nobody is in flight any more."""
_BLOCK = 128
"""Ticks whose entrants are drawn together."""


class Tick(NamedTuple):
    """What happened in one tick."""

    number: int
    """Since the beginning, from 0."""
    entered: Floats
    """Entrants, shape (lanes,)."""
    lanes: Integers
    """The lane of each completion."""
    entries: Integers
    """The number of the tick in which each of them had entered, at most this one."""


class _Arrived(NamedTuple):
    """Customers who will complete, in order of `due`."""

    due: Integers
    lanes: Integers
    entries: Integers

    def part(self, first: int, last: int) -> _Arrived:
        return _Arrived(self.due[first:last], self.lanes[first:last], self.entries[first:last])


class Traffic:
    """So many lanes, each a series of its own.

    A customer whose completion fails stays in flight until the deadline. Entrants are drawn in blocks of ticks, with
    the tick in which each of them will complete; those wait sorted by block. A tick costs about 60 ns per completion.

    Parameters
    ----------
    lanes
        Number of independent series.
    rate
        Completions per second and lane while nothing varies.
    law
        How long those take who complete.
    null
        What varies though nothing is wrong; its state becomes this traffic's.
    tick
        Seconds per tick.
    seed
        Of all chance; the same seed gives the same traffic.
    """

    def __init__(
        self, lanes: int, rate: float, law: DelayLaw, null: Null | None = None, tick: int = 1, seed: int = 0
    ) -> None:
        self.lanes = lanes
        self.law = law
        self.null = Null() if null is None else null
        self.tick_seconds = tick
        self.now = 0
        """Number of the next tick."""
        self.passing: Floats | float = 1.0
        """Part of the completions that get through, of each lane or of all: 1 − d after a drop of size d."""
        self._chance = np.random.default_rng([seed, 1])
        self._entrants = rate * tick / COMPLETION
        self._ages = WITHIN // tick
        self._entered: Floats = np.zeros((_BLOCK, lanes))
        self._waiting: dict[int, list[_Arrived]] = {}
        self._due = _Arrived(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
        self._bounds: list[int] = [0] * (_BLOCK + 1)

    def copy(self) -> Traffic:
        """Another that goes on the same."""
        return copy.deepcopy(self)

    def step(self) -> Tick:
        """The next tick."""
        number = self.now
        at = number % _BLOCK
        if at == 0:
            self._draw(number // _BLOCK)
        self.now += 1
        due = self._due.part(self._bounds[at], self._bounds[at + 1])
        if isinstance(self.passing, float):
            if self.passing == 1.0:
                return Tick(number, self._entered[at], due.lanes, due.entries)
            passed = self._chance.random(len(due.lanes)) < self.passing
        else:
            passed = self._chance.random(len(due.lanes)) < self.passing[due.lanes]
        return Tick(number, self._entered[at], due.lanes[passed], due.entries[passed])

    def _draw(self, block: int) -> None:
        """Draw who enters in a block, and gather who completes in it."""
        first = block * _BLOCK
        seconds = (first + np.arange(_BLOCK)) * self.tick_seconds
        chance, null, lanes = self._chance, self.null, self.lanes
        shape = (_BLOCK, lanes)
        expected = np.broadcast_to(self._entrants * null.arrivals(seconds, lanes), shape)
        completion = COMPLETION * null.headroom
        if null.party is None:
            going = chance.poisson(expected * completion)
            others = chance.poisson(expected * (1 - completion))
            self._entered = (going + others).astype(np.float64)
            cells = np.repeat(np.arange(_BLOCK * lanes, dtype=np.int32), going.ravel())
            ages = self.law.draw(chance, len(cells)) / self.tick_seconds + chance.random(len(cells))
        else:
            cells, going_too, ages = _parties(chance, null.party, expected, completion, self.law, self.tick_seconds)
            self._entered = np.bincount(cells, minlength=_BLOCK * lanes).reshape(shape).astype(np.float64)
            cells, ages = cells[going_too], ages[going_too]
        idlers = null.idlers(seconds, lanes)
        if idlers.any():
            self._entered += chance.poisson(np.broadcast_to(self._entrants * idlers, shape))
        self._await(first, cells, np.minimum(ages, self._ages).astype(np.int32))
        self._gather(block, null.passing(seconds, lanes) / null.headroom)

    def _await(self, first: int, cells: NDArray[np.int32], ages: NDArray[np.int32]) -> None:
        """File those who will complete under the block in which they will."""
        rows = (cells // self.lanes).astype(np.int32)
        due = rows + ages
        # 16 bits sort by radix.
        order = np.argsort(due.astype(np.int16), kind="stable")
        order = order[ages[order] < self._ages]
        entries = rows[order].astype(np.int64)
        arrived = _Arrived(due[order].astype(np.int64) + first, cells[order] - entries * self.lanes, first + entries)
        last = int(arrived.due[-1]) if len(arrived.due) else first
        edges = range(first, last + _BLOCK + 1, _BLOCK)
        cuts = np.searchsorted(arrived.due, edges).tolist()
        for edge, begin, end in zip(edges, cuts, cuts[1:], strict=False):
            if end > begin:
                self._waiting.setdefault(edge // _BLOCK, []).append(arrived.part(begin, end))

    def _gather(self, block: int, passing: Floats) -> None:
        """Those due in this block, in order of ticks, without those whom the null holds back."""
        parts = self._waiting.pop(block, [self._due.part(0, 0)])
        due, lanes, entries = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows = (due - block * _BLOCK).astype(np.int16)
        if passing.min() < 1.0:
            odds = np.broadcast_to(passing, (_BLOCK, self.lanes))[rows, lanes]
            kept = self._chance.random(len(rows)) < odds
            rows, due, lanes, entries = rows[kept], due[kept], lanes[kept], entries[kept]
        order = np.argsort(rows, kind="stable")
        self._due = _Arrived(due[order], lanes[order], entries[order])
        self._bounds = np.searchsorted(rows[order], np.arange(_BLOCK + 1)).tolist()


def _parties(
    chance: np.random.Generator, party: Party, expected: Floats, completion: float, law: DelayLaw, tick: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_], Floats]:
    """The cell of every entrant, whether they will complete, and at which age, in ticks since that of their entry."""
    parties = np.repeat(
        np.arange(expected.size, dtype=np.int32), chance.poisson(np.asarray(expected) / party.mean).ravel()
    )
    sizes = 1 + np.searchsorted(np.cumsum(party.sizes), chance.random(len(parties)) * (1 - 1e-12))
    members = np.repeat(np.arange(len(parties)), sizes)
    count = len(members)
    alike = chance.random(count) < party.together
    going = np.where(alike, (chance.random(len(parties)) < completion)[members], chance.random(count) < completion)
    moments = chance.random(len(parties))
    together = law.draw(chance, len(parties)) / tick + moments
    ages = np.where(alike, together[members], law.draw(chance, count) / tick + moments[members])
    return parties[members], going, ages
