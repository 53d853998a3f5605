"""Customers in flight in one step, by age and lane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors.recursion import Floats
from detectors.steps.aging import Aging, Integers, bin_of_slot
from detectors.steps.packed import Packed

IN_FLIGHT = 0
_NOBODY: Integers = np.zeros(0, dtype=np.int64)
_NOTHING: Floats = np.zeros(0)


class Entrants(NamedTuple):
    """Customers who entered: lane, second (UTC epoch) and number, arrays of one length."""

    lanes: Integers = _NOBODY
    seconds: Integers = _NOBODY
    counts: Floats = _NOTHING


class Leavers(NamedTuple):
    """Customers who left: lane, second of their entry, how many went on in time, how many left otherwise.

    `weights`: how much each had counted as an entrant; a customer who goes on counts in full all the same.
    """

    lanes: Integers = _NOBODY
    seconds: Integers = _NOBODY
    completed: Floats = _NOTHING
    gone: Floats = _NOTHING
    weights: Floats | None = None


class Flight:
    """Who entered from a second on.

    Parameters
    ----------
    within
        Seconds a customer may stay in the step.
    lanes
        Lanes to begin with.
    since
        Who entered before this second (UTC epoch) is left out, also when leaving.
    """

    def __init__(self, within: int, lanes: int = 0, since: int = 0) -> None:
        self.aging = Aging(within, lanes=lanes, kept=1)
        self.since = since
        self.bins = self.aging.bins()
        """First slot of each age bin."""
        self.bin_of_slot = bin_of_slot(self.bins, self.aging.slots)

    @property
    def lanes(self) -> int:
        """Lanes in use."""
        return self.aging.lanes

    def begin(self, second: int) -> None:
        """Nobody is in flight; who enters from this second on will be."""
        self.aging.clear()
        self.since = second

    @property
    def at_risk(self) -> Floats:
        """Customers in flight by age bin and lane, shape (bins, lanes)."""
        risk: Floats = np.add.reduceat(self.aging.counts[:, IN_FLIGHT], self.bins, axis=0)
        return risk

    def enter(self, entered: Entrants) -> None:
        """They are in flight from now on."""
        lanes, seconds, counts = entered
        if not len(lanes):
            return
        if self.since:
            counts = np.where(seconds >= self.since, counts, 0.0)
        self.aging.add(IN_FLIGHT, self.aging.places(seconds), lanes, counts)

    def weigh(self, seconds: Integers, weight: float) -> None:
        """Who entered in these seconds counts in part after all, as far as still in flight."""
        self.aging.counts[np.unique(self.aging.places(seconds))] *= weight

    def leave(self, left: Leavers) -> Floats:
        """They are out; returns completions by bin and lane, of those who had been seen to enter."""
        completed = np.zeros((len(self.bins), self.lanes))
        lanes, seconds, went_on, gone, weights = left
        if not len(lanes):
            return completed
        out = went_on + gone if weights is None else went_on + gone * weights
        if self.since:
            known = seconds >= self.since
            lanes, seconds, went_on, out = lanes[known], seconds[known], went_on[known], out[known]
        slots = self.aging.places(seconds)
        flight = self.aging.counts[:, IN_FLIGHT]
        np.subtract.at(flight, (slots, lanes), out)
        np.add.at(completed, (self.bin_of_slot[slots], lanes), went_on)
        if weights is not None:
            # Of those who counted in part more may go on than had been counted.
            np.maximum(flight, 0.0, out=flight)
            return completed
        short = flight[slots, lanes] < 0
        if short.any():
            # Who entered before anybody looked is not counted among those who were due.
            for slot, lane in {(int(slot), int(lane)) for slot, lane in zip(slots[short], lanes[short], strict=True)}:
                bin_ = self.bin_of_slot[slot]
                completed[bin_, lane] = max(completed[bin_, lane] + flight[slot, lane], 0.0)
                flight[slot, lane] = 0.0
        return completed

    def snapshot(self) -> tuple[int, tuple[int, Packed]]:
        """Everything, for `restore`."""
        return self.since, self.aging.snapshot()

    def restore(self, stored: tuple[int, tuple[int, Packed]]) -> None:
        """Take what `snapshot` of the same `within` wrote."""
        self.since, aging = stored
        self.aging.restore(aging)
