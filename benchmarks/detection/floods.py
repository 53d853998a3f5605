"""The stage's rule for floods of entrants (`streams/stages/flood.py`), for many lanes at once.

One rule per step would be a Python loop over lanes in every tick; a test holds this one to the stage's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats
from streams.stages import flood

Mask = NDArray[np.bool_]


class Floods:
    """Weights of entrants of many steps. A tick lasts so many seconds; lanes are independent."""

    def __init__(self, lanes: int, tick: int) -> None:
        self.tick = tick
        self._span = max(flood._MINUTE, tick)
        self._rows = max(flood._MINUTE // tick, 1)
        self._minute: Floats = np.zeros((self._rows, lanes))
        self._seconds = 0.0
        self._total: Floats = np.zeros(lanes)
        self._weight = 0.0
        self._squares: Floats = np.zeros(lanes)
        self._means: Floats = np.zeros(lanes)
        self._hours: Floats = np.zeros((flood._DAY_HOURS, lanes))
        self._hour_weights: Floats = np.zeros(flood._DAY_HOURS)
        self._judged: NDArray[np.int64] = np.zeros(lanes, dtype=np.int64)
        self._weighed: Mask = np.zeros((self._rows, lanes), dtype=bool)

    def take(self, number: int, entered: Floats, second: int, hour: int) -> tuple[Floats, dict[int, Mask]]:
        """Entrants of tick `number`, which ends with `second` in this hour of the day.

        Returns the weight of a flood in each lane, 1 where there is none, and the earlier ticks that turn out to be
        part of it, each with the lanes in which it is.
        """
        here = number % self._rows
        self._minute[here] = entered
        self._weighed[here] = False
        mean = self._forecast(hour) * self._span
        actual = self._minute.sum(axis=0)
        flooded = actual > self._cap(mean)
        weights: Floats = np.where(flooded, mean / np.where(flooded, actual, 1.0), 1.0)
        usual = flood._MARGIN * mean * (self.tick / self._span)
        self._learn(np.where(flooded, np.minimum(entered, usual), entered), hour)
        self._vary(second // flood._MINUTE, actual, mean, ~flooded)
        before: dict[int, Mask] = {}
        if flooded.any():
            fresh = flooded & ~self._weighed & (self._minute > 0)
            self._weighed |= fresh
            for back in range(1, min(self._rows, number + 1)):
                if fresh[(number - back) % self._rows].any():
                    before[number - back] = fresh[(number - back) % self._rows]
        return weights, before

    def _learn(self, count: Floats, hour: int) -> None:
        self._seconds += self.tick
        fade = 0.5 ** (self.tick / flood._HALF_LIFE)
        self._total, self._weight = self._total * fade + count, self._weight * fade + self.tick
        fade = 0.5 ** (self.tick / flood._HOUR_HALF_LIFE)
        self._hours[hour] = self._hours[hour] * fade + count
        self._hour_weights[hour] = self._hour_weights[hour] * fade + self.tick

    def _vary(self, minute: int, actual: Floats, mean: Floats, calm: Mask) -> None:
        if self._seconds < flood._WARM:
            return
        due = calm & (self._judged != minute)
        self._judged[due] = minute
        fade = 0.5 ** (flood._MINUTE / flood._HALF_LIFE)
        self._squares = np.where(due, self._squares * fade + (actual - mean) ** 2, self._squares)
        self._means = np.where(due, self._means * fade + mean, self._means)

    def _forecast(self, hour: int) -> Floats:
        mean = self._total / self._weight if self._weight else self._total
        weight = self._hour_weights[hour]
        return np.maximum(mean, self._hours[hour] / weight) if weight >= flood._WARM else mean

    def _cap(self, mean: Floats) -> Floats:
        if self._seconds < flood._WARM:
            return np.full_like(mean, np.inf)
        held = self._means > 0
        raw = np.divide(self._squares, self._means, out=np.ones_like(mean), where=held)
        dispersion = np.maximum(raw, 1.0)
        return np.maximum(flood._MARGIN * (mean + flood._Z * np.sqrt(mean * dispersion) + 1), flood._FLOOR)


def lately(flooded: NDArray[np.int64], number: int, tick: int, within: int) -> Mask:
    """Lanes whose entrants of a flood may be in flight; `flooded`: the last tick with one, −1 for none."""
    lasts: Mask = (flooded >= 0) & ((number - flooded + 1) * tick - 1 <= min(within, flood._LONGEST))
    return lasts
