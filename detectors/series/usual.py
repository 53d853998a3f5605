"""What is usual for the mean of one series of values, how far that may be wrong, and since when it is another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from detectors.series.recent import Recent
from detectors.series.report import DAY, Direction, Facts
from detectors.series.slots import SECONDS, Slots

HALF_LIFE = 14.0 * DAY
_Z = 1.959964
_EARLY = 30.0
"""Values since a change below which its size is a first estimate."""


class Usual(msgspec.Struct, array_like=True):
    """Faded mean of values ≥ 0 of known width; what is learnt of a slot is [n, Σx, Σx²]. Memory 50 kB."""

    width: float
    slots: Slots
    recent: Recent
    first: int | None = None
    """First slot; negative: so many slots had been lived through when this was learnt elsewhere."""
    mean: float = 0.0
    """As of `refresh`, like the rest."""
    variance: float = 0.0
    """Of one value."""
    error: float = math.inf
    """Standard error of the mean."""
    a_day: float = 0.0
    """Values a day."""

    @staticmethod
    def empty(width: float, half_life: float = HALF_LIFE) -> Usual:
        """Nothing learnt yet. `width`: largest value there can be, or a scale of what they are."""
        return Usual(width, Slots(half_life, [0.0, 0.0, 0.0]), Recent())

    @property
    def n(self) -> float:
        """Faded number of values learnt."""
        return self.slots.total[0]

    def refresh(self, slot: int) -> None:
        """Bring mean and errors up to what has been learnt before this slot.

        The variance counts one more value at either end, so that a few equal ones are not taken for certainty.
        """
        n, total, squares = self.slots.total
        if self.first is None or self.first < 0:
            self.first = slot + (self.first or 0)
        if n <= 0:
            return
        self.mean = total / n
        self.variance = max(squares / n - self.mean * self.mean, 0.0) + self.width * self.width / (2 * n)
        self.error = math.sqrt(self.variance / n)
        lived = max(slot - self.first, 1) * SECONDS
        self.a_day = n / min(lived, self.slots.half_life / math.log(2)) * DAY

    def learn(self, slot: int, sums: Sequence[float]) -> None:
        """A quiet slot, and what was held back before it."""
        for earlier, kept in [*self.slots.release(), (slot, list(sums))]:
            self.slots.learn(earlier, kept)

    def settle(self, slot: int) -> None:
        """Believe everything learnt before this slot, and forget when: it is usual for somebody who begins now."""
        for earlier, kept in self.slots.release():
            self.slots.learn(earlier, kept)
        self.refresh(slot)
        assert self.first is not None
        self.first = min(self.first - slot, -1)
        self.slots.settle()
        self.recent.clear()

    def measure(self, direction: Direction, level: float, low: float) -> tuple[Facts, float]:
        """The change as known now, and the end nearest to the usual mean of the interval of the mean since then.

        `low` is added to means, as values are counted from there; where the minutes carry a fourth sum, of what each
        value was counted from, the mean of that since the change is.
        """
        began = self.recent.mean_change(direction, self.mean, self.variance)
        n, total, squares, *counted_from = (float(value) for value in began.sums)
        low = counted_from[0] / n if counted_from else low
        mean = total / n
        variance = max(squares / n - mean * mean, 0.0) + self.width * self.width / (2 * n)
        apart = _Z * math.sqrt(variance / n + min(self.error, self.width) ** 2)
        size = size_low = size_high = None
        if low >= 0 and self.mean + low > 0:
            gone = (self.mean - mean) / (self.mean + low) * (1 if direction == "down" else -1)
            doubt = apart / (self.mean + low)
            size, size_low, size_high = (max(part, 0.0) for part in (gone, gone - doubt, gone + doubt))
        facts = Facts(
            began.since,
            began.low,
            began.high,
            mean + low,
            self.mean + low,
            size,
            size_low,
            size_high,
            n < _EARLY,
            level,
        )
        return facts, mean + apart if direction == "down" else mean - apart


class Challenger(msgspec.Struct, array_like=True):
    """What came since an alarm, in two halves: the new normal if it lasts."""

    older: list[float] = msgspec.field(default_factory=lambda: [0.0, 0.0, 0.0])
    newer: list[float] = msgspec.field(default_factory=lambda: [0.0, 0.0, 0.0])

    def add(self, sums: Sequence[float], old: bool) -> None:
        """More of one half."""
        half = self.older if old else self.newer
        for at, value in enumerate(sums):
            half[at] += value

    @property
    def sums(self) -> list[float]:
        """Both halves."""
        return [one + other for one, other in zip(self.older, self.newer, strict=True)]

    def settled(self, tolerance: float) -> bool:
        """Whether the mean is sure to `tolerance`, and both halves say the same."""
        if min(self.older[0], self.newer[0]) < 2:
            return False
        (mean, error), (older, older_error), (newer, newer_error) = (
            _mean(sums) for sums in (self.sums, self.older, self.newer)
        )
        return error <= tolerance and abs(older - newer) <= tolerance + 3 * math.hypot(older_error, newer_error)


def _mean(sums: Sequence[float]) -> tuple[float, float]:
    n, total, squares = sums
    mean = total / n
    return mean, math.sqrt(max(squares / n - mean * mean, 0.0) / n)
