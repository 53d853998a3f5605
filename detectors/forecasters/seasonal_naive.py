"""What was a season ago: River has no such forecaster."""

from __future__ import annotations

import math
from array import array

import msgspec
import numpy as np

from detectors import state
from detectors.forecasters.forecaster import Forecaster


class SeasonalNaive(Forecaster):
    """Forecasts the last number that was seen at this place of the season.

    What was beyond the usual then is remembered as the end of the usual, so that a spike does not come back as a
    surprise a season later. Updates that are missing leave the others in their places.

    Parameters
    ----------
    period
        Length of a season in updates, ≥ 1.

    One update costs under 1 µs; memory 8 bytes for each update of a season.
    """

    def __init__(self, period: int) -> None:
        if period < 1:
            raise ValueError(f"expected a period of at least 1, got {period}")
        self.period = period
        self._past = array("d", [math.nan]) * period

    def forecast(self, at: int) -> float | None:
        before = self._past[at % self.period]
        return None if math.isnan(before) else before

    def learn(self, x: float, usual: float, at: int) -> None:
        place = at % self.period
        before = self._past[place]
        known = usual > 0 and not math.isnan(before)
        self._past[place] = min(max(x, before - usual), before + usual) if known else x

    def snapshot(self) -> bytes:
        return state.encode(_State(np.array(self._past, "<f8").tobytes()))

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        if len(found.past) != 8 * self.period:
            raise ValueError(f"expected {self.period} numbers")
        past = np.frombuffer(found.past, "<f8")
        if np.isinf(past).any():
            raise ValueError("expected numbers that are not infinite")
        self._past = array("d", past.tolist())


class _State(msgspec.Struct, frozen=True, array_like=True, tag="seasonal_naive"):
    past: bytes
