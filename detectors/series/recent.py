"""The last day of a series by the minute: when a change began, and how large it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from detectors.recursion import Floats

MINUTES = 1440
_NEARLY = 1.3527
"""Half the 90 % point of χ² with one degree of freedom: beginnings this much less likely are still possible."""
_Z = 1.959964


class Began(NamedTuple):
    """Where a change began, as seconds, with the 90 % interval around it, and the minutes' sums since."""

    since: int
    low: int
    high: int
    sums: Floats
    """Shape (fields,)."""


class Recent(msgspec.Struct, array_like=True):
    """Sums of the minutes of the last 24 hours in which anything was observed or expected; at most 1,440."""

    minutes: list[int] = []
    sums: list[list[float]] = []

    def add(self, second: int, sums: Sequence[float]) -> None:
        """More for the minute of this second; seconds come in order."""
        minute = second // 60
        if self.minutes and self.minutes[-1] == minute:
            self.sums[-1] = [known + new for known, new in zip(self.sums[-1], sums, strict=True)]
            return
        self.minutes.append(minute)
        self.sums.append(list(sums))
        if self.minutes[0] <= minute - 2 * MINUTES or len(self.minutes) >= 2 * MINUTES:
            self._trim(minute)

    def _trim(self, minute: int) -> None:
        first = next(at for at, kept in enumerate(self.minutes) if kept > minute - MINUTES)
        del self.minutes[:first], self.sums[:first]

    def clear(self) -> None:
        """A new normal: nothing of before tells when the next change began."""
        self.minutes, self.sums = [], []

    def _last_day(self) -> tuple[list[int], Floats]:
        newest = self.minutes[-1]
        first = next(at for at, kept in enumerate(self.minutes) if kept > newest - MINUTES)
        return self.minutes[first:], np.array(self.sums[first:])

    def rate_change(self, direction: str, dispersion: float) -> Began:
        """The beginning under which a lower (higher) ratio since then explains the [count, expected] best."""
        minutes, sums = self._last_day()
        after = np.cumsum(sums[::-1], axis=0)[::-1]
        count, expected = after[:, 0], np.maximum(after[:, 1], 1e-12)
        moved = count < expected if direction == "down" else count > expected
        logs = np.log(np.where(count > 0, count, 1.0) / expected)
        gain = np.where(moved, count * logs + expected - count, 0.0) / dispersion
        return _began(minutes, gain, after)

    def mean_change(self, direction: str, mean: float, variance: float) -> Began:
        """The beginning under which another mean since then explains the [n, Σx, …] best."""
        minutes, sums = self._last_day()
        after = np.cumsum(sums[::-1], axis=0)[::-1]
        n = np.maximum(after[:, 0], 1e-12)
        away = after[:, 1] / n - mean
        moved = away < 0 if direction == "down" else away > 0
        gain = np.where(moved, n * away * away / (2 * max(variance, 1e-12)), 0.0)
        return _began(minutes, gain, after)


def _began(minutes: list[int], gain: Floats, after: Floats) -> Began:
    best = int(np.argmax(gain))
    possible = np.flatnonzero(gain >= gain[best] - _NEARLY)
    low, high = minutes[int(possible[0])], minutes[int(possible[-1])]
    return Began(minutes[best] * 60, low * 60, high * 60, after[best])


def ratio_interval(count: float, expected: float, dispersion: float, error: float) -> tuple[float, float]:
    """95 % interval of count/expected for a count of variance φ times its mean and an expectation wrong by `error`.

    Byar's approximation to the exact Poisson interval (Breslow & Day 1987, vol. II, 2.3), of count/φ events.
    """
    events, due = count / dispersion, expected / dispersion
    low = 0.0
    if events > 0:
        low = max(0.0, 1 - 1 / (9 * events) - _Z / (3 * math.sqrt(events))) ** 3 * events / due
    above = events + 1
    high = (1 - 1 / (9 * above) + _Z / (3 * math.sqrt(above))) ** 3 * above / due
    widened = math.exp(_Z * min(error, 2.0))
    return low / widened, high * widened
