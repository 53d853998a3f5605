"""What is usual for the rate of one series: a Gamma level times hour-of-week factors, and how far it may be wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from detectors.recursion import Floats
from detectors.series.report import DAY
from detectors.series.slots import SECONDS, Slots
from detectors.series.spread import Spread
from detectors.steps.season import HOURS, Season

HALF_LIFE = 7.0 * DAY
_PRIOR = 0.5
"""Events that every level is credited with."""
_UNSEEN = 0.75**2
"""Variance of the logarithm that the first day is allowed, as nights have not been seen: only an outage shows then."""

_DIFFERENT = 0.1
"""Logarithm of a factor from which on hours count as different."""

HourOfWeek = Callable[[int], int]
"""Second (UTC epoch) -> hour of the week in the file's timezone, 0…167, Monday first."""


class Stored(msgspec.Struct, array_like=True):
    """State of a baseline."""

    slots: Slots
    cells: list[float]
    spread: Spread
    season: bytes
    seen: float
    rate: float | None
    factor: float
    variance: float
    doubt: float


class Baseline:
    """Learns a rate; `refresh` says what it expects in the slot to come.

    What is learnt of a slot is [events, seconds]. Seconds are kept by hour of the week, so that the level follows at
    once when the factors of the hours change.
    """

    def __init__(self, hour_of_week: HourOfWeek) -> None:
        self.hour_of_week = hour_of_week
        self.slots = Slots(HALF_LIFE, [0.0, 0.0])
        self.cells: Floats = np.zeros(HOURS)
        """Faded seconds learnt, by hour of the week."""
        self.spread = Spread.empty()
        self.season = Season()
        self.seen = 0.0
        """Seconds learnt, not faded."""
        self.rate: float | None = None
        """Events per second at factor 1; None before anything has been learnt. As of `refresh`, like the rest."""
        self.factor = 1.0
        self.variance = math.inf
        """κ²: squared relative error of what is learnt."""
        self.doubt = 0.0
        """What comes on top of it while nights have not been seen."""

    def refresh(self, slot: int) -> None:
        """Bring the expectation up to what has been learnt before this slot."""
        count = self.slots.total[0]
        exposure = float(self.cells @ self.season.factors)
        self.spread.estimate()
        self.factor, variance = self.season.factor(self.hour_of_week(slot * SECONDS))
        self.rate = (count + _PRIOR) / exposure if exposure > 0 else None
        self.variance = self.spread.slow / (count + _PRIOR) + variance
        self.doubt = _UNSEEN if self.seen < DAY else 0.0

    @property
    def errors(self) -> tuple[float, float]:
        """Standard error of the logarithm of what is expected: of a minute, and of what lasts."""
        lasting = self.variance + self.doubt
        return math.sqrt(lasting + self.spread.drift), math.sqrt(lasting)

    @property
    def seasonal(self) -> bool:
        """Whether hours of the week differ by more than the tolerance for changes."""
        return bool((np.abs(np.log(self.season.factors)) > _DIFFERENT).any())

    def learn(self, slot: int, sums: list[float]) -> None:
        """A quiet slot, and what was held back before it."""
        for earlier, kept in [*self.slots.release(), (slot, sums)]:
            self._take(earlier, kept)

    def _take(self, slot: int, sums: list[float]) -> None:
        before = self.slots.last
        self.slots.learn(slot, sums)
        if before is not None:
            self.cells *= 0.5 ** ((slot - before) * SECONDS / HALF_LIFE)
        self.cells[self._cell(slot)] += sums[1]
        self.seen += sums[1]
        self.visit(slot, sums)

    def settle(self) -> None:
        """Believe everything, and forget when it was learnt: it is the baseline of somebody who begins now."""
        for slot, sums in self.slots.release():
            self._take(slot, sums)
        self.slots.settle()
        self.spread.settle()
        self.season.forget_open()

    def visit(self, slot: int, sums: list[float]) -> None:
        """How busy this hour of the week was."""
        if self.rate is not None:
            expected = self.rate * sums[1]
            self.season.add(slot * SECONDS // 3600, self._cell(slot), sums[0], expected, self.spread.slow)

    def undo(self, slot: int) -> None:
        """An alarm of a change that began in this slot."""
        for learnt, (_, seconds) in self.slots.undo(slot):
            cell = self._cell(learnt)
            self.cells[cell] = max(self.cells[cell] - seconds, 0.0)
        self.season.forget_open()

    def replace(self, slot: int, sums: list[float], cells: list[float]) -> None:
        """A new normal up to this slot; the hours of the week stay as they are."""
        self.slots.replace(slot, sums)
        self.cells = np.array(cells)

    def _cell(self, slot: int) -> int:
        return self.hour_of_week(slot * SECONDS)

    def dump(self) -> Stored:
        """Everything, for `load`: the expectation too, which holds until the next `refresh`."""
        return Stored(
            self.slots,
            self.cells.tolist(),
            self.spread,
            self.season.snapshot(),
            self.seen,
            self.rate,
            self.factor,
            self.variance,
            self.doubt,
        )

    def load(self, stored: Stored) -> None:
        """Take what `dump` gave."""
        self.slots, self.spread, self.seen = stored.slots, stored.spread, stored.seen
        self.cells = np.array(stored.cells)
        self.season.restore(stored.season)
        self.rate, self.factor = stored.rate, stored.factor
        self.variance, self.doubt = stored.variance, stored.doubt
