"""How much faster or slower customers are at each hour of the week: factors with their errors.

s_j = (O_j + c)/(E_j + c/π_j), O observed and E expected completions at factor 1, π_j the factor of the parent: hour of
the week → hour of its type of day → hour of the day → 1. c comes from how much siblings really differ. Only hours that
have been there at least twice count on their own, and the weekly mean is held at 1.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats

HOURS = 168
"""Hours of a week, from Monday 00:00 in the file's timezone."""
_DAYS, _DAY = 7, 24
_WEEKEND = 5
HALF_LIFE_VISITS = 12
"""Visits after which an hour's counts weigh half."""
_LEAST_VISITS = 2
_TELLING = 10.0
"""Expected completions from which an hour says how much hours differ."""
_LEAST_C, _MOST_C = 10.0, 10_000.0

_OBSERVED, _EXPECTED, _VISITS = range(3)
_SUMS = 3
_BUSY = 0.9
_same: NDArray[np.intp] = np.zeros(1, dtype=np.intp)
_both: NDArray[np.intp] = np.zeros(2, dtype=np.intp)
_type_of_day: NDArray[np.intp] = (np.arange(_DAYS) >= _WEEKEND).astype(np.intp)
"""Rows of the parents: the hours of any day, of each type of day, of each day."""


class Season:
    """Hour-of-week factors of one step.

    Cost a few µs per update, 60 µs when an hour ends; memory 6 kB.
    """

    def __init__(self) -> None:
        self._sums: Floats = np.zeros((_SUMS, HOURS))
        """O, E and visits of each hour."""
        self._open: tuple[int, int, float, float] | None = None
        """The hour under way, counted from the epoch; its place in the week; O and E so far."""
        self.factors: Floats = np.ones(HOURS)
        self.variances: Floats = np.zeros(HOURS)
        """Var(ln s) of each factor."""

    def factor(self, hour_of_week: int) -> tuple[float, float]:
        """The factor of an hour (0…167, Monday first) and the variance of its logarithm."""
        return float(self.factors[hour_of_week]), float(self.variances[hour_of_week])

    @property
    def known(self) -> bool:
        """Whether hours differ: any factor is in use."""
        return bool((self.factors != 1.0).any())

    def add(self, hour: int, hour_of_week: int, observed: float, expected: float, dispersion: float) -> None:
        """Completions of an update, and those expected at factor 1. `hour` counts from the epoch."""
        if self._open is not None and self._open[0] == hour and self._open[1] == hour_of_week:
            self._open = (hour, hour_of_week, self._open[2] + observed, self._open[3] + expected)
            return
        if self._open is not None:
            self._close(self._open, dispersion)
        self._open = (hour, hour_of_week, observed, expected)

    def forget_open(self) -> None:
        """The hour under way is not normal."""
        self._open = None

    def _close(self, ended: tuple[int, int, float, float], dispersion: float) -> None:
        _, at, observed, expected = ended
        if expected <= 0:
            return
        sums = self._sums[:, at]
        sums *= 0.5 ** (1 / HALF_LIFE_VISITS)
        sums += (observed, expected, 1.0)
        self._estimate(max(dispersion, 1.0))

    def _estimate(self, phi: float) -> None:
        by_day = self._sums.reshape(_SUMS, _DAYS, _DAY)
        by_type = np.empty((_SUMS, 2, _DAY))
        by_type[:, 0], by_type[:, 1] = by_day[:, :_WEEKEND].sum(axis=1), by_day[:, _WEEKEND:].sum(axis=1)
        factors, variances = np.ones((1, _DAY)), np.zeros((1, _DAY))
        known = True
        for sums, parents in ((by_day.sum(axis=1, keepdims=True), _same), (by_type, _both), (by_day, _type_of_day)):
            factors, variances = factors[parents], variances[parents]
            if known:
                factors, variances, known = _refined(sums, factors, variances, phi)
        self.factors, self.variances = factors.ravel(), variances.ravel()
        expected = self._sums[_EXPECTED]
        total = expected.sum()
        if total > 0:
            self.factors = self.factors * (total / (expected * self.factors).sum())

    @property
    def busy(self) -> float:
        """The factor that counts as full speed: nine of ten hours are not above it."""
        place = _BUSY * (HOURS - 1)
        below = int(place)
        low, high = np.partition(self.factors, (below, below + 1))[below : below + 2].tolist()
        return float(low + (high - low) * (place - below))

    def snapshot(self) -> bytes:
        """Everything, for `restore`."""
        arrays = (*self._sums, self.factors, self.variances)
        return msgspec.msgpack.encode([self._open, *(array.astype("<f8").tobytes() for array in arrays)])

    def restore(self, body: bytes) -> None:
        """Take what `snapshot` wrote."""
        open_, *arrays = msgspec.msgpack.decode(
            body, type=tuple[tuple[int, int, float, float] | None, bytes, bytes, bytes, bytes, bytes]
        )
        self._open = open_
        *sums, self.factors, self.variances = (np.frombuffer(array, "<f8").copy() for array in arrays)
        self._sums = np.array(sums)


def _refined(sums: Floats, factors: Floats, variances: Floats, phi: float) -> tuple[Floats, Floats, bool]:
    """Factors and variances of siblings, where those of their parents are given, and whether any is known."""
    observed, expected, visits = sums
    known = (visits >= _LEAST_VISITS) & (expected > 0)
    count = np.count_nonzero(known)
    if not count:
        return factors, variances, False
    spread = _between(observed, expected * factors, known, phi)
    c = min(max(1 / spread, _LEAST_C), _MOST_C) if spread > 0 else _MOST_C
    counted = observed + c
    own = counted / (expected + c / factors)
    error = phi / counted
    error += spread / np.maximum(visits, 1.0)
    if count == known.size:
        return own, error, True
    return np.where(known, own, factors), np.where(known, error, variances), True


def _between(observed: Floats, expected: Floats, known: NDArray[np.bool_], phi: float) -> float:
    """Variance of the siblings' ratios to their parents that counting does not explain, at least 0.

    Every hour that says something weighs the same: a quiet hour may be the one that differs.
    """
    telling = known & (expected >= _TELLING)
    due = expected[telling]
    if not len(due):
        return 0.0
    more = observed[telling] / due - 1
    more *= more
    more -= phi / due
    return max(float(more.sum()) / len(due), 0.0)
