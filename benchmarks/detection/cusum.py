"""The oracle: a CUSUM that knows the baseline and the size of the drop, with its threshold computed, not simulated.

S ← max(0, S + (1 − r)·μ + N·ln r) with N ~ Poisson(μ) under the null, r what is left of the rate; alarm at S ≥ h. The
mean time between false alarms solves L(s) = 1 + E[L(S' | s)], as Brook & Evans (1972) do on a Markov chain; here on a
grid whose step divides the way up of a tick without events, with linear interpolation between its points. No procedure
with the same time between false alarms has a shorter worst mean delay (Moustakides 1986).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]  # scipy ships no types
from scipy.sparse.linalg import splu  # type: ignore[import-untyped]  # scipy ships no types

Floats = NDArray[np.float64]

LEAST_LEFT = 0.02
"""What a total outage leaves to the alternative: with 0 a single straggler would end all evidence."""
_CELLS = 400
"""Least number of grid cells below the threshold."""


class Cusum:
    """For Poisson counts of mean `mean` per tick under the null, against `left` × that rate.

    Parameters
    ----------
    mean
        Mean count per tick under the null, > 0.
    left
        What is left of the rate under the alternative, 0 < left < 1.
    ticks
        Mean number of ticks between false alarms under the null, from a start at 0.
    """

    def __init__(self, mean: float, left: float, ticks: float) -> None:
        if not mean > 0 or not 0 < left < 1 or not ticks > 1:
            raise ValueError(f"expected a mean > 0, 0 < left < 1 and ticks > 1; got {mean}, {left}, {ticks}")
        self.mean = mean
        self.left = left
        self.threshold = self._find(ticks)

    def run_length(self, threshold: float, mean: float) -> float:
        """Mean ticks to an alarm from 0 when counts have this mean."""
        return float(self._run_lengths(threshold, mean)[0])

    def delay(self, mean: float, before: float) -> float:
        """Mean ticks to an alarm when the counts' mean turns from `before` to `mean` in the long run of no alarms."""
        chain = self._chain(self.threshold, before)
        start = np.zeros(chain.shape[0])
        start[0] = 1.0
        # Visits of states until a far horizon, begun at 0: proportional to the quasi-stationary law.
        identity = sparse.identity(chain.shape[0])
        visits = splu((identity - (1 - 1e-7) * chain).tocsc()).solve(start, trans="T")
        return float(visits @ self._run_lengths(self.threshold, mean) / visits.sum())

    def _find(self, ticks: float) -> float:
        low, high = 0.0, 1.0
        while self.run_length(high, self.mean) < ticks:
            low, high = high, high + 2.0
        for _ in range(40):
            middle = (low + high) / 2
            if self.run_length(middle, self.mean) < ticks:
                low = middle
            else:
                high = middle
            if high - low < 1e-4:
                break
        return high

    def _run_lengths(self, threshold: float, mean: float) -> Floats:
        chain = self._chain(threshold, mean)
        solved: Floats = splu((sparse.identity(chain.shape[0]) - chain).tocsc()).solve(np.ones(chain.shape[0]))
        return solved

    def _chain(self, threshold: float, mean: float) -> Any:
        """Transitions between the grid points below the threshold."""
        up = (1 - self.left) * self.mean
        down = -math.log(self.left)
        step = up / max(1, math.ceil(up * _CELLS / threshold))
        cells = max(1, math.ceil(threshold / step - 1e-9))
        points = np.arange(cells)
        rows, columns, values = [], [], []
        for count, chance in enumerate(poisson(mean)):
            to = np.maximum(points * step + up - count * down, 0.0) / step
            floor = np.floor(to + 1e-9)
            above = np.maximum(to - floor, 0.0)
            for column, weight in ((floor, 1 - above), (floor + 1, above)):
                inside = (column < cells) & (weight > 0)
                rows.append(points[inside])
                columns.append(column[inside].astype(np.int64))
                values.append(chance * weight[inside])
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sparse.coo_matrix(entries, shape=(cells, cells)).tocsc()


def poisson(mean: float) -> Floats:
    """Probabilities of 0, 1, 2 …, up to where they no longer matter."""
    if mean <= 0:
        return np.ones(1)
    counts = np.arange(int(mean + 10 * math.sqrt(mean)) + 25)
    logs = np.array([math.lgamma(count + 1.0) for count in counts])
    probabilities: Floats = np.exp(counts * math.log(mean) - mean - logs)
    return probabilities
