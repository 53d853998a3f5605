"""Who enters and leaves a step: as arrays by lane, floods weighed down, and how much a customer is worth."""

from __future__ import annotations

import numpy as np

from detectors.steps.flight import Entrants, Flight, Leavers
from streams.stages.flood import Flood
from streams.stages.lanes import Lanes
from streams.stages.step_clock import ALWAYS, StepClock
from streams.stages.step_journal import Entry

_HALF_LIFE = 86_400.0
_DAY = 86_400


class StepTraffic:
    """Of one step; `within`: seconds a customer may stay in it, by `clock`. They come and leave at any time."""

    def __init__(self, within: int, clock: StepClock = ALWAYS) -> None:
        self.clock = clock
        self.flood = Flood(within, clock)
        self.value = (0.0, 0.0)
        """Faded numbers: customers who entered, and the sum of their values."""

    def notes(self, tick: int) -> tuple[str, ...]:
        """What somebody should know who is told of the step."""
        capped = self.flood.state.capped
        if capped and tick - capped < _DAY:
            return ("a flood of entrants within the last day was weighed down to the usual number",)
        return ()

    def take(
        self, entry: Entry, seconds: int, hour_of_week: int, lanes: Lanes, flight: Flight
    ) -> tuple[Entrants, Leavers]:
        """The input of an update of so many seconds; `flight` is where a flood is weighed down that began before.

        Seconds of entry are the step's own in what is returned.
        """
        at = self.clock.at
        per_second: dict[int, int] = {}
        fade = 0.5 ** (seconds / _HALF_LIFE)
        customers, worth = self.value[0] * fade, self.value[1] * fade
        entered, left = entry.entered, entry.left
        for _, second, count, value in entered:
            per_second[second] = per_second.get(second, 0) + count
            customers, worth = customers + count, worth + value / 1e6
        self.value = (customers, worth)
        flooded = self.flood.take(per_second, entry.tick, seconds, hour_of_week)
        # Who came while it was closed has one age, and cannot be told apart to be weighed down afterwards.
        for second in flooded:
            if not self.clock.is_open(second):
                del self.flood.state.weights[second]
        flooded = [second for second in flooded if self.clock.is_open(second)]
        if flooded:
            flight.aging.advance(at(entry.tick))
            flight.weigh(np.array([at(second) for second in flooded], dtype=np.int64), self.flood.weight(flooded[0]))
        weight, lane = self.flood.weight, lanes.lane
        came, went = Entrants(), Leavers()
        if entered:
            came = Entrants(
                np.array([lane(cell) for cell, *_ in entered], dtype=np.int64),
                np.array([at(second) for _, second, _, _ in entered], dtype=np.int64),
                np.array([count * weight(second) for _, second, count, _ in entered], dtype=np.float64),
            )
        if left:
            went = Leavers(
                np.array([lane(cell) for cell, *_ in left], dtype=np.int64),
                np.array([at(second) for _, second, _, _ in left], dtype=np.int64),
                np.array([completed for _, _, completed, _ in left], dtype=np.float64),
                np.array([gone for _, _, _, gone in left], dtype=np.float64),
                np.array([weight(second) for _, second, _, _ in left]) if self.flood.state.weights else None,
            )
        return came, went
