"""A cap on the entrants of one second, so that a flood of bots costs power and not a false alarm.

Entrants above 1.5 × the upper 99 % forecast of a second count in part: cap ÷ actual each. The forecast follows the
entries of the last ten minutes and of the last day, whichever is higher, with their variance.
"""

from __future__ import annotations

import math

import msgspec

_FAST, _SLOW = 600.0, 86_400.0
"""Half-lives in seconds."""
_Z = 2.326
_MARGIN = 1.5
_FLOOR = 10.0
"""Entrants a second that are never a flood."""
_WARM = 600.0
"""Seconds before the first cap."""


class FloodState(msgspec.Struct, array_like=True):
    """What the forecast rests on."""

    seconds: float = 0.0
    fast: float = 0.0
    fast_seconds: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.0
    squares: float = 0.0
    weights: dict[int, float] = {}
    """Second of entry -> weight, of the capped seconds whose entrants may still be in flight."""
    capped: int = 0
    """The last capped second; 0: none."""


class Flood:
    """Weights of entrants, by second of entry. Seconds are UTC epoch."""

    def __init__(self, within: int) -> None:
        self.within = within
        self.state = FloodState()

    def weigh(self, entrants: dict[int, int], seconds: int) -> dict[int, float]:
        """Entrants by second of entry, in an update of so many seconds; the weights of the seconds above the cap."""
        state = self.state
        cap = self.cap()
        capped = {}
        for second in sorted(entrants):
            if entrants[second] > cap:
                capped[second] = cap / entrants[second]
        if capped:
            state.weights = {**state.weights, **capped}
            state.capped = max(capped)
            self._forget(state.capped)
        total = float(sum(min(count, 4 * cap) for count in entrants.values()))
        fast, slow = 0.5 ** (seconds / _FAST), 0.5 ** (seconds / _SLOW)
        state.seconds += seconds
        state.fast, state.fast_seconds = state.fast * fast + total, state.fast_seconds * fast + seconds
        state.slow, state.slow_seconds = state.slow * slow + total, state.slow_seconds * slow + seconds
        mean = state.slow / state.slow_seconds * seconds
        state.squares = state.squares * slow + (total - mean) ** 2
        return capped

    def cap(self) -> float:
        """Entrants of one second that count in full."""
        state = self.state
        if state.seconds < _WARM:
            return math.inf
        mean = max(state.fast / state.fast_seconds, state.slow / state.slow_seconds)
        dispersion = max(state.squares / max(state.slow, 1.0), 1.0)
        return max(_MARGIN * (mean + _Z * math.sqrt(mean * dispersion) + 1), _FLOOR)

    def weight(self, second: int) -> float:
        """How much an entrant of this second counts."""
        return self.state.weights.get(second, 1.0)

    def _forget(self, now: int) -> None:
        self.state.weights = {
            second: weight for second, weight in self.state.weights.items() if now - second <= self.within + 60
        }
