"""Touchline's own detector of drops, on simulated traffic: every lane a step of its own."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.floods import Floods, lately
from benchmarks.detection.nulls import MONDAY
from benchmarks.detection.traffic import WITHIN, Tick
from detectors.recursion import Floats
from detectors.steps.aging import Aging
from detectors.steps.dispersion import Dispersion
from detectors.steps.flight import Entrants, Leavers
from detectors.steps.season import Season
from detectors.steps.step_drop import StepDrop

_PHASES = 256
"""Ticks after which ages fall into the same bins again, nearly."""


class _NoPast(Aging):
    """Says nothing of where and since when, which is not asked here and costs half the time."""

    def advance(self, tick: int) -> None:
        self.tick = tick


class _Lanes(StepDrop):
    """Learns from those lanes only that are neither ill nor flooded, as the stage decides for whole steps."""

    learns: NDArray[np.bool_] | None = None
    """Shape (lanes,); None: all of them."""

    def _learn(self, seconds: int, completed: Floats | None, at_risk: Floats, factor: float, levels: Floats) -> None:
        if self.learns is not None:
            completed = None if completed is None else completed * self.learns
            at_risk = at_risk * self.learns
        super()._learn(seconds, completed, at_risk, factor, levels)


class _LanesDispersion(Dispersion):
    """The same for how much completions vary."""

    learns: NDArray[np.bool_] | None = None

    def add(self, tick: int, observed: Floats, expected: Floats, doubt: Floats) -> None:
        if self.learns is not None:
            observed, expected = observed * self.learns, expected * self.learns
        super().add(tick, observed, expected, doubt)


class _Poisson(_LanesDispersion):
    """Takes it for granted that completions vary as independent ones do."""

    def _estimate(self) -> None:
        series = self._sums.shape[-1]
        self.fast, self.slow, self.drift = np.ones(series), np.ones(series), np.zeros(series)


class Product:
    """`StepDrop` over independent lanes, fed as the stage feeds it.

    After an alarm a lane is not watched, and learns nothing, for as long as customers of before may still be in flight,
    and as long again while fewer come than are tolerated: in place of the stage's all-clear. Then it begins anew.

    Parameters
    ----------
    lanes
        Number of independent series.
    tick
        Seconds per tick.
    credit
        Expected false alarms granted per second to each lane; a number or shape (lanes,).
    whole
        Whether each lane learns the hours of its week and weighs floods of entrants down, as the stage does. Without,
        it is for traffic that has neither.
    poisson
        Whether it knows that completions are Poisson, instead of measuring how they vary.
    """

    def __init__(
        self,
        lanes: int,
        tick: int,
        credit: Floats | float,
        *,
        whole: bool = False,
        tolerance: float = 0.1,
        standard_errors: float = 3.0,
        poisson: bool = False,
    ) -> None:
        self.lanes = lanes
        self.tick_seconds = tick
        self.step = _Lanes(WITHIN, pooled=False, tolerance=tolerance, standard_errors=standard_errors)
        self.step.dispersion = self._dispersion = _Poisson() if poisson else _LanesDispersion()
        self.step.past = _NoPast(1, channels=self.step.past.counts.shape[1])
        self.step.extend(lanes, np.arange(lanes)[None, :], lanes)
        self.learning = True
        self.granted: Floats = np.zeros(lanes)
        """Credit handed out so far."""
        self._credit: Floats = np.broadcast_to(np.asarray(credit) * tick, (lanes,)).astype(np.float64)
        self._ages = WITHIN // tick
        self._number = 0
        """Of the latest tick."""
        self._ill_until = np.full(lanes, -1, dtype=np.int64)
        self._ill_sums: Floats = np.zeros((2, lanes))
        """N and the least that is tolerated, while ill."""
        self._left_over: Floats = np.zeros((self._ages, lanes))
        self._every: NDArray[np.int64] = np.arange(lanes)
        self._seasons = [Season() for _ in range(lanes)] if whole else []
        self._floods = Floods(lanes, tick) if whole else None
        self._weights: Floats = np.ones((self._ages, lanes))
        self._flooded: NDArray[np.int64] = np.full(lanes, -1, dtype=np.int64)
        self._factor: Floats = np.ones(lanes)
        self._factor_variance: Floats = np.zeros(lanes)
        self._hour: int | None = None
        self._hour_observed: Floats = np.zeros(lanes)
        self._hour_expected: Floats = np.zeros(lanes)

    def copy(self) -> Product:
        """Another that goes on the same."""
        return copy.deepcopy(self)

    def share(self, series: int) -> None:
        """From now on the credit, and what has come of it so far, is that of one of so many series."""
        self._credit = self._credit / series
        self.step.fast.values /= series
        self.step.slow.values /= series

    def know(self, hazards: Floats) -> None:
        """From now on the baseline is this one, hazards per tick by age in ticks, and is not learnt."""
        self.learning = False
        survival = np.concatenate([[1.0], np.cumprod(1 - hazards)[:-1]])
        flight, tick = self.step.flight, self.tick_seconds
        completed, exposure = np.zeros(len(flight.bins)), np.zeros(len(flight.bins))
        # Which age falls into which bin depends on the second.
        for now in range(0, _PHASES * tick, tick):
            places = flight.aging.places(now - np.arange(self._ages) * tick, now + tick - 1)
            bins = flight.bin_of_slot[places]
            completed += np.bincount(bins, survival * hazards, len(flight.bins))
            exposure += np.bincount(bins, survival * tick, len(flight.bins))
        # As if seen for ever.
        self.step.hazards.completed[:] = completed[:, None] * 1e9
        self.step.hazards.exposure[:] = exposure[:, None] * 1e9

    @property
    def ill(self) -> NDArray[np.bool_]:
        """The lanes in which an alarm stands."""
        return self._ill_until >= self._number

    def take(self, tick: Tick) -> NDArray[np.intp]:
        """The lanes that alarm in this tick."""
        self._number = tick.number
        second = MONDAY + (tick.number + 1) * self.tick_seconds - 1
        self._turn(second // 3600)
        begin = MONDAY + tick.number * self.tick_seconds
        entered, left = self._moves(tick, begin)
        well = self._ill_until < tick.number
        credit = np.where(well, self._credit, 0.0)
        dry = ~lately(self._flooded, tick.number, self.tick_seconds, WITHIN)
        calm = well & dry
        self.step.learns = self._dispersion.learns = None if calm.all() else calm
        levels = self.step.update(
            second,
            entered,
            left,
            credit,
            factor=self._factor,  # type: ignore[arg-type]  # one per lane instead of one per step
            factor_variance=self._factor_variance,  # type: ignore[arg-type]  # the same
            learn=self.learning,
        )
        if self._seasons:
            # The stage sets the hours of an alarm aside and learns them after it.
            self._hour_observed += self.step.observed * dry
            self._hour_expected += self.step.expected / self._factor * dry
        self.granted += np.where(self.step.expected > 0, credit, 0.0)
        self._nurse(tick.number)
        alarms = np.flatnonzero(levels >= 1)
        if len(alarms):
            self._ill_until[alarms] = tick.number + self._ages
            self._ill_sums[:, alarms] = 0.0
            self.step.reset(alarms)
        return alarms

    def _nurse(self, number: int) -> None:
        self._ill_sums += self.step.observed, (1 - self.step.tolerance) * self.step.expected
        due = np.flatnonzero(self._ill_until == number)
        worse = due[self._ill_sums[0, due] < self._ill_sums[1, due]]
        self._ill_until[worse] = number + self._ages
        self._ill_sums[:, worse] = 0.0

    def _moves(self, tick: Tick, begin: int) -> tuple[Entrants, Leavers]:
        row = tick.number % self._ages
        # Below 0: who completed had entered before anybody looked.
        gone = np.maximum(self._left_over[row], 0.0)
        self._left_over[row] = tick.entered
        np.subtract.at(self._left_over, (tick.entries % self._ages, tick.lanes), 1.0)
        weights = self._weights
        gone_weights = weights[row].copy()
        weights[row] = 1.0
        if self._floods is not None:
            self._weigh(tick, begin)
        entered = Entrants(self._every, np.full(self.lanes, begin), tick.entered * weights[row])
        seconds = MONDAY + tick.entries * self.tick_seconds
        once = np.ones(len(tick.lanes))
        old = np.full(self.lanes, begin - self._ages * self.tick_seconds)
        left = Leavers(
            np.concatenate([tick.lanes, self._every]),
            np.concatenate([seconds, old]),
            np.concatenate([once, np.zeros(self.lanes)]),
            np.concatenate([np.zeros(len(once)), gone]),
            np.concatenate([weights[tick.entries % self._ages, tick.lanes], gone_weights])
            if (weights < 1).any() or (gone_weights < 1).any()
            else None,
        )
        return entered, left

    def _weigh(self, tick: Tick, begin: int) -> None:
        """Weigh the entrants of floods down, those of the minute before it was noticed too."""
        assert self._floods is not None
        end = begin + self.tick_seconds - 1
        weight, before = self._floods.take(tick.number, tick.entered, end, begin // 3600 % 24)
        aging = self.step.flight.aging
        if before:
            aging.advance(end)
        for number, lanes in sorted(before.items()):
            slot = aging.place(begin - (tick.number - number) * self.tick_seconds)
            aging.counts[slot, 0, lanes] *= weight[lanes]
            self._weights[number % self._ages, lanes] = weight[lanes]
            self._flooded[lanes] = number
        entering = tick.entered > 0
        self._weights[tick.number % self._ages] = np.where(entering, weight, 1.0)
        self._flooded[entering & (weight < 1)] = tick.number

    def _turn(self, hour: int) -> None:
        if not self._seasons or hour == self._hour:
            return
        of_week = (hour - MONDAY // 3600) % 168
        for lane, season in enumerate(self._seasons):
            if self._hour is not None:
                season.add(
                    self._hour,
                    (self._hour - MONDAY // 3600) % 168,
                    float(self._hour_observed[lane]),
                    float(self._hour_expected[lane]),
                    float(self.step.dispersion.slow[lane]),
                )
            self._factor[lane], self._factor_variance[lane] = season.factor(of_week)
        self._hour = hour
        self._hour_observed[:] = 0.0
        self._hour_expected[:] = 0.0
