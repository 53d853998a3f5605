"""A flood of entrants, of bots or otherwise, costs power and not a false alarm.

When more than 1.5 × the upper 99 % forecast enter within a minute, who enters then counts in part: forecast ÷ actual.
Their completions count in full. If those on top never go on, as bots do, the usual number is due and the usual number
comes; if they do go on, more come than are due. Neither is a drop. The forecast is the mean of the last days or of this
hour of the day, whichever is higher, without what was above the cap.
"""

from __future__ import annotations

import math

import msgspec

from streams.stages.step_clock import ALWAYS, StepClock

_MINUTE = 60
_HALF_LIFE = 86_400.0
_HOUR_HALF_LIFE = 5 * 3600.0
"""In seconds spent in an hour of the day: five days of it."""
_Z = 2.326
_MARGIN = 1.5
_WARM = 1800.0
"""Seconds before anything is capped."""
_FLOOR = 20.0
"""Entrants a minute that are never a flood."""
_DAY_HOURS = 24
_LONGEST = 6 * 3600


class FloodState(msgspec.Struct, array_like=True):
    """What the forecast rests on. Rates are per second."""

    seconds: float = 0.0
    total: float = 0.0
    weight: float = 0.0
    squares: float = 0.0
    """Σ (minute − forecast)² and Σ forecast of minutes, faded."""
    means: float = 0.0
    hours: list[float] = msgspec.field(default_factory=lambda: [0.0] * _DAY_HOURS)
    hour_weights: list[float] = msgspec.field(default_factory=lambda: [0.0] * _DAY_HOURS)
    minute: list[tuple[int, float]] = []
    """Entrants of the seconds within the last minute."""
    judged: int = 0
    """The minute last learnt from."""
    weights: dict[int, float] = {}
    """Second of entry -> weight, while its entrants may be in flight."""
    capped: int = 0
    """The last second with a weight; 0: none."""


class Flood:
    """Weights of entrants, by second of entry. Seconds are UTC epoch."""

    def __init__(self, within: int, clock: StepClock = ALWAYS) -> None:
        self.within = within
        """Seconds a customer may stay in the step, by `clock`."""
        self.clock = clock
        self.state = FloodState()

    def take(self, entrants: dict[int, int], tick: int, seconds: int, hour_of_week: int) -> list[int]:
        """Entrants by second of entry, in the update of so many seconds that ends with `tick`.

        Returns the seconds before this update whose entrants turn out to be part of a flood: what `weight` says of
        them has just changed from 1.
        """
        state, hour = self.state, hour_of_week % _DAY_HOURS
        state.minute = [(second, count) for second, count in state.minute if tick - second < _MINUTE]
        state.minute += [(second, float(entrants[second])) for second in sorted(entrants)]
        span = max(_MINUTE, seconds)
        mean = self.forecast(hour) * span
        actual = sum(count for _, count in state.minute)
        count = float(sum(entrants.values()))
        if actual <= self._cap(mean):
            self._learn(count, seconds, hour)
            self._vary(tick, actual, mean)
            return []
        self._learn(min(count, _MARGIN * mean * seconds / span), seconds, hour)
        weights = state.weights
        # The oldest come first, but for late entrants: those go a little later.
        while weights and self.clock.elapsed(next(iter(weights)), tick) > self.within + _MINUTE:
            del weights[next(iter(weights))]
        before = sorted({second for second, _ in state.minute} - entrants.keys() - weights.keys())
        for second in (*before, *sorted(entrants)):
            weights[second] = mean / actual
            state.capped = max(state.capped, second)
        return before

    def _vary(self, tick: int, actual: float, mean: float) -> None:
        """How much minutes differ from their forecast."""
        state = self.state
        if state.seconds >= _WARM and tick // _MINUTE != state.judged:
            state.judged = tick // _MINUTE
            fade = 0.5 ** (_MINUTE / _HALF_LIFE)
            state.squares = state.squares * fade + (actual - mean) ** 2
            state.means = state.means * fade + mean

    def _learn(self, count: float, seconds: int, hour: int) -> None:
        state = self.state
        state.seconds += seconds
        fade = 0.5 ** (seconds / _HALF_LIFE)
        state.total, state.weight = state.total * fade + count, state.weight * fade + seconds
        fade = 0.5 ** (seconds / _HOUR_HALF_LIFE)
        state.hours[hour] = state.hours[hour] * fade + count
        state.hour_weights[hour] = state.hour_weights[hour] * fade + seconds

    def forecast(self, hour: int) -> float:
        """Entrants a second to be expected in this hour of the day (0…23)."""
        state = self.state
        mean = state.total / state.weight if state.weight else 0.0
        weight = state.hour_weights[hour]
        return max(mean, state.hours[hour] / weight if weight >= _WARM else 0.0)

    def _cap(self, mean: float) -> float:
        """Entrants of a minute that count in full."""
        state = self.state
        if state.seconds < _WARM:
            return math.inf
        dispersion = max(state.squares / state.means if state.means else 1.0, 1.0)
        return max(_MARGIN * (mean + _Z * math.sqrt(mean * dispersion) + 1), _FLOOR)

    def settle(self) -> None:
        """Keep the forecast, forget who has entered."""
        self.state.minute, self.state.weights, self.state.capped, self.state.judged = [], {}, 0, 0

    def weight(self, second: int) -> float:
        """How much an entrant of this second counts."""
        return self.state.weights.get(second, 1.0)

    def lately(self, tick: int) -> bool:
        """Whether entrants that were weighed down may be in flight: nothing is learnt from them."""
        capped = self.state.capped
        return bool(capped) and self.clock.elapsed(capped, tick) <= min(self.within, _LONGEST)
