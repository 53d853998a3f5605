"""Completions expected in a tick by one who knows the hazards: over ages, those in flight × their chance."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.traffic import Tick

Floats = NDArray[np.float64]


class KnownBaseline:
    """In flight by the tick of entry, of many lanes, weighed with known hazards.

    A tick costs a pass over ages × lanes. Customers who enter and complete in one tick count with the hazard of age 0.
    """

    def __init__(self, lanes: int, hazards: Floats) -> None:
        self._ages = len(hazards)
        # Twice over, so that every rotation is a slice.
        self._turning = np.concatenate([hazards[::-1], hazards[::-1]])
        self._in_flight = np.zeros((self._ages, lanes))

    def copy(self) -> KnownBaseline:
        """Another that goes on the same."""
        return copy.deepcopy(self)

    def take(self, tick: Tick) -> tuple[Floats, Floats]:
        """N and U of this tick, each of shape (lanes,)."""
        row = tick.number % self._ages
        self._in_flight[row] = tick.entered
        # Row r holds age (row − r) mod ages, whose hazard stands at ages − 1 − age in the reversed order.
        start = self._ages - 1 - row
        expected: Floats = self._turning[start : start + self._ages] @ self._in_flight
        np.subtract.at(self._in_flight, (tick.entries % self._ages, tick.lanes), 1.0)
        completed = np.bincount(tick.lanes, minlength=self._in_flight.shape[1]).astype(np.float64)
        return completed, expected
