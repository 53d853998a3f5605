"""Evidence that the rate of one series has fallen or risen: many alternatives, and runs of nothing in closed form."""

from __future__ import annotations

import math

import numpy as np

from detectors import negative_binomial_surge, poisson_drop
from detectors.recursion import RATIOS, Floats, Recursion

_MOST = 600.0
_SHORT = 1e-12


class Evidence:
    """R of one series over alternatives whose log e is linear in the count: log e = N·per_event + per_update.

    Parameters
    ----------
    direction
        `down`: tempered Poisson; `up`: negative binomial.
    nulls
        Sets of alternatives side by side, each against a null of its own (`aim`).

    One update costs about 5 µs, a run of empty ones 10 µs however long it is.
    """

    def __init__(self, direction: str, nulls: int) -> None:
        self.direction = direction
        self.nulls = nulls
        self._width = len(RATIOS) if direction == "down" else len(negative_binomial_surge.SURGES)
        self._recursion = Recursion(nulls * self._width, series=1)
        self._per_event: Floats = np.zeros(nulls * self._width)
        self._per_update: Floats = np.zeros(nulls * self._width)
        self._fastest = 0.0

    def aim(self, expected: list[float], dispersions: list[float], temper: float = 1.0) -> None:
        """From here on: events per update at the edge of each null, and their dispersion.

        All evidence is raised to the power `temper`, at most 1: E[e^t] ≤ E[e]^t ≤ 1.
        """
        log_evidence = poisson_drop.log_evidence if self.direction == "down" else negative_binomial_surge.log_evidence
        edge, dispersion = np.array(expected), np.array(dispersions)
        none, one = (
            log_evidence(np.zeros(self.nulls), edge, dispersion),
            log_evidence(np.ones(self.nulls), edge, dispersion),
        )
        self._per_update = temper * none.ravel()
        self._per_event = temper * (one - none).ravel()
        self._fastest = max(temper * float(none.max()), 0.0)

    @property
    def level(self) -> float:
        """R̄."""
        return float(self._recursion.levels[0])

    def reset(self) -> None:
        """Begin anew."""
        self._recursion.reset([0])

    def update(self, count: float, credit: float) -> float:
        """An update with so many events; R̄."""
        log_e = (self._per_event * count + self._per_update)[None, :]
        return float(self._recursion.update(log_e, np.array([credit]))[0])

    def quiet(self, updates: int, credit: float) -> float:
        """So many updates without any event, `credit` for each; R̄."""
        self._recursion.values[0] = self._after(updates, credit)
        return self.level

    def soonest(self, updates: int, credit: float) -> int:
        """How many of the next updates have to pass, all without an event, before R̄ ≥ 1 is possible; at most `updates`.

        R̄ ≤ e^(u·L)·(R̄ + u·w) after u of them, L the largest log e: cheap to know, and asked again when they have passed
        the alarm is met exactly.
        """
        most = self._fastest
        reach = self.level + updates * credit
        if most * updates < 1e-9 or reach <= 0:
            return updates if reach < 1 else 1
        return min(max(math.ceil(-math.log(reach) / most), 1), updates)

    def _after(self, updates: int, credit: float) -> Floats:
        """R after u updates of (R + w)·e each: e^u·R + w·(e + … + e^u)."""
        log_e = self._per_update
        grown = np.exp(np.minimum(log_e * updates, _MOST))
        small = np.abs(log_e) < _SHORT
        safe = np.where(small, 1.0, log_e)
        total = np.where(
            small, float(updates), np.expm1(np.minimum(safe * updates, _MOST)) / -np.expm1(np.minimum(-safe, _MOST))
        )
        after: Floats = self._recursion.values[0] * grown + credit * total
        return after

    def dump(self) -> bytes:
        """R, for `load`; what `aim` said is not part of it."""
        return self._recursion.snapshot()

    def load(self, body: bytes) -> None:
        """Take what `dump` of one over as many alternatives wrote."""
        self._recursion.restore(body)


def updates_to_alarm(log_gain: float, credit: float) -> float:
    """About how many updates until an alarm, when each brings so much log evidence: ln(1/w̄)/gain."""
    return math.inf if log_gain <= 0 or credit <= 0 else max(1.0, math.log(1 / credit) / log_gain)
