"""What others do: a rolling conversion, and a funnel of cohorts, each with a binomial test.

Both know the true conversion. Their thresholds are simulated so that a week without a false alarm is as likely as under
one a week, 1/e, on traffic of the same rate and law: at the full rate, as who tolerates nothing, and at 90 % of it, as
who tolerates what Touchline does.
"""

from __future__ import annotations

import copy
import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.delays import DelayLaw
from benchmarks.detection.traffic import COMPLETION, WITHIN, Tick, Traffic

Floats = NDArray[np.float64]

WINDOWS = (60, 300, 1800, 7200)
"""Seconds; of each rival the one that does best for a drop is reported."""
EVERY = 10
"""Seconds between two looks."""
WEEK = 604_800


class Rolling:
    """Completions in a window against entrants in the same window, whoever they are.

    `take` returns the binomial z of each lane. Window in seconds; `tick` seconds per tick.
    """

    name = "rolling conversion"

    def __init__(self, lanes: int, window: int, tick: int, conversion: float = COMPLETION) -> None:
        self.conversion = conversion
        self._rows = max(window // tick, 1)
        self._ring = np.zeros((self._rows, 2, lanes))
        self._sums = np.zeros((2, lanes))

    def copy(self) -> Self:
        """Another that goes on the same."""
        return copy.deepcopy(self)

    def take(self, tick: Tick) -> Floats:
        """z of the conversion in the window that ends with this tick."""
        completed = np.bincount(tick.lanes, minlength=self._sums.shape[1])
        return self._turn(tick.number, tick.entered, completed.astype(np.float64))

    def _turn(self, number: int, entered: Floats, completed: Floats) -> Floats:
        row = self._ring[number % self._rows]
        self._sums -= row
        row[0], row[1] = entered, completed
        self._sums += row
        tried, done = self._sums
        p = self.conversion
        z: Floats = (done - p * tried) / np.sqrt(np.maximum(tried, 1.0) * p * (1 - p))
        return z


class Funnel(Rolling):
    """Conversion of the cohort that entered in a window and whose time is over."""

    name = "funnel of cohorts"

    def __init__(self, lanes: int, window: int, tick: int, conversion: float = COMPLETION) -> None:
        super().__init__(lanes, window, tick, conversion)
        self._ages = WITHIN // tick
        self._entered = np.zeros((self._ages, lanes))
        self._completed = np.zeros((self._ages, lanes))

    def take(self, tick: Tick) -> Floats:
        row = tick.number % self._ages
        entered, completed = self._entered[row].copy(), self._completed[row].copy()
        self._entered[row] = tick.entered
        self._completed[row] = 0.0
        np.add.at(self._completed, (tick.entries % self._ages, tick.lanes), 1.0)
        return self._turn(tick.number, entered, completed)


KINDS: tuple[type[Rolling], ...] = (Rolling, Funnel)


def calibrated(
    rate: float,
    law: DelayLaw,
    *,
    lanes: int,
    conversion: float,
    tolerance: float = 0.0,
    seconds: int = WEEK,
    seed: int = 0,
) -> dict[tuple[str, int], float]:
    """The threshold on z of every kind and window, by simulation of `lanes` weeks with that part of completions gone.

    Other spans than a week: the part without false alarms is scaled.
    """
    traffic = Traffic(lanes, rate, law, tick=EVERY, seed=seed)
    traffic.passing = 1 - tolerance
    rivals = {(kind.name, window): kind(lanes, window, EVERY, conversion) for kind in KINDS for window in WINDOWS}
    lowest = {key: np.full(lanes, np.inf) for key in rivals}
    full = (WITHIN + max(WINDOWS)) // EVERY
    for number in range(full + seconds // EVERY):
        tick = traffic.step()
        for key, rival in rivals.items():
            z = rival.take(tick)
            if number >= full:
                np.minimum(lowest[key], z, out=lowest[key])
    quiet = 1 - math.exp(-seconds / WEEK)
    return {key: float(np.quantile(values, quiet)) for key, values in lowest.items()}
