"""Fewer customers go on from a step than should, second by second, long before their time-out.

With h(a) the learnt hazard of going on at age a and Y(a) the customers in flight at that age, μ = s·Σ Y(a)·h(a)·τ of
them are due within τ seconds (the compensator of the counting process). N of them come. Two mixtures over what may be
left of the rate watch the difference: the fast one finds deep drops in seconds, the slow one shallow drops in hours.

* fast: null N ~ at least (1−δ)·μ·exp(−3√(κ²+τ²)), tempered by φ₁
* slow: null N ~ at least (1−δ)·μ·exp(−3κ), tempered by φ_max

δ is the tolerance, κ the relative error of the baseline, φ and τ² how completions vary (`Dispersion`). Given that the
baseline lies within three standard errors, both are e-detectors and the expected number of false alarms is at most the
credit (`Recursion`). Evidence as in `poisson_drop`.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.poisson_drop import log_evidence
from detectors.recursion import PENDING, RATIOS, Floats, Recursion
from detectors.steps.aging import Aging, Integers
from detectors.steps.dispersion import Dispersion
from detectors.steps.flight import Entrants, Flight, Leavers
from detectors.steps.hazards import HOUR, Hazards, Mask
from detectors.steps.packed import Packed, pack, unpack

OBSERVED, EXPECTED, ENTERED = 0, 1, 2
TOLERANCE = 0.1
STANDARD_ERRORS = 3.0
MEMORY = 86_400
"""Seconds of history kept, at least, to say since when and where."""
_REFRESH = 60
"""Seconds after which the baseline in use follows what has been learnt, at least; a 512th of the time to go on."""
_VOLUME_HALF_LIFE = 86_400.0


class StepDrop:
    """All series of one step.

    A lane is a cell of segment values (in a simulation, one of many steps); a series is the sum of some lanes. `member`
    says which: shape (groupings, lanes), row g gives each lane its series in grouping g. Seconds are UTC epoch.

    Parameters
    ----------
    within
        Seconds a customer may stay in the step.
    pooled
        Whether the lanes are parts of one step and learn from each other.
    tolerance
        δ: part of the rate that may go missing without being called a drop.
    standard_errors
        Standard errors of the baseline granted to the null; 0 for a baseline that is known.

    Memory about 7 kB per lane and `within` of half an hour, 12 kB for 30 days, and 600 bytes per series.
    """

    def __init__(
        self,
        within: int,
        *,
        pooled: bool = True,
        tolerance: float = TOLERANCE,
        standard_errors: float = STANDARD_ERRORS,
    ) -> None:
        self.tolerance = tolerance
        self.standard_errors = standard_errors
        self._every = max(_REFRESH, within // 512)
        self.flight = Flight(within)
        self.past = Aging(max(MEMORY, within), channels=3)
        """N, μ and entrants of every lane, by how long ago."""
        self.hazards = Hazards(len(self.flight.bins), pooled=pooled)
        self.dispersion = Dispersion()
        self.fast = Recursion(len(RATIOS))
        self.slow = Recursion(len(RATIOS))
        self.member: Integers = np.zeros((1, 0), dtype=np.int64)
        self.series = 0
        self.tick: int | None = None
        self.kappa: Floats = np.zeros(0)
        """Relative standard error of each series' baseline, φ and season included."""
        self.observed: Floats = np.zeros(0)
        self.expected: Floats = np.zeros(0)
        """N and μ of each series in the last update."""
        self._base: Floats = np.zeros(0)
        self._refreshed: int | None = None
        self._volume: Floats = np.zeros(0)
        self._watched_seconds = 0.0
        self._lived_seconds = 0.0
        """The same with those in which nobody was in flight."""
        self._held: Mask | None = None
        self._spread: Floats = np.zeros((0, 0))
        """Room for a value per lane in every grouping."""

    # Shape

    def extend(self, lanes: int, member: Integers, series: int) -> None:
        """More lanes, other groupings, or more series; `member` is the whole new table.

        Series keep their numbers.
        """
        if lanes:
            self.flight.aging.extend(lanes)
            self.past.extend(lanes)
            self.hazards.extend(lanes)
            if self._held is not None:
                self._held = np.concatenate([self._held, np.zeros(lanes, dtype=bool)])
        more = series - self.series
        if more:
            self.dispersion.extend(more)
            self.fast.extend(more)
            self.slow.extend(more)
            for name in ("kappa", "observed", "expected", "_volume"):
                setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more)]))
            self._base = np.concatenate([self._base, np.full(more, np.inf)])
        self.member = member
        self.series = series

    @property
    def lanes(self) -> int:
        """Lanes in use."""
        return self.flight.lanes

    def lanes_of(self, series: int) -> NDArray[np.intp]:
        """The lanes of a series."""
        return np.flatnonzero((self.member == series).any(axis=0))

    def clear(self, series: int) -> None:
        """This number stands for another series from now on."""
        self.dispersion.clear(series)
        self.fast.reset([series])
        self.slow.reset([series])
        self._volume[series] = 0.0
        self._base[series] = np.inf

    def reset(self, series: NDArray[np.intp] | slice = slice(None)) -> None:
        """These alarmed, or begin anew: no evidence, and nothing of the last hours is believed."""
        self.fast.values[series] = 0.0
        self.slow.values[series] = 0.0
        self.dispersion.forget_recent(series)

    # Every update

    def rest(self, tick: int) -> None:
        """Nobody was in flight up to and including `tick`: time passes without anything being due."""
        if self.tick is None:
            self.flight.aging.tick = self.past.tick = tick
        else:
            self._pass(tick - self.tick)
            self.flight.aging.advance(tick)
            self.past.advance(tick)
        self.tick = tick

    def _pass(self, seconds: int) -> None:
        fade = 0.5 ** (seconds / _VOLUME_HALF_LIFE)
        self._volume *= fade
        self._watched_seconds *= fade
        self._lived_seconds = self._lived_seconds * fade + seconds

    def update(
        self,
        tick: int,
        entered: Entrants,
        left: Leavers,
        credit: Floats,
        *,
        factor: float = 1.0,
        factor_variance: float = 0.0,
        learn: bool = True,
    ) -> Floats:
        """The seconds after the last update up to and including `tick`; returns the level of each series.

        `credit`: shape (series,), expected false alarms granted to each for these seconds; those without get no
        evidence either. `factor`: hour-of-week factor with the variance of its logarithm.
        """
        seconds = 1 if self.tick is None else tick - self.tick
        if self.tick is None:
            self.flight.aging.tick = self.past.tick = tick - 1
        self.flight.aging.advance(tick)
        self.past.advance(tick)
        self.tick = tick
        self.flight.enter(entered)
        if len(entered.lanes):
            known = np.where(entered.seconds >= self.flight.since, entered.counts, 0.0)
            self.past.add(ENTERED, self.past.places(entered.seconds), entered.lanes, known)
        at_risk = self.flight.at_risk
        self._follow(tick, at_risk)
        due: Floats = (at_risk * self.hazards.rates).sum(axis=0) * seconds
        due *= factor
        self.past.counts[0, EXPECTED] += due
        expected = self.sums(due)
        completed: Floats | None = None
        observed = np.zeros(self.series)
        if len(left.lanes):
            completed = self.flight.leave(left)
            came = completed.sum(axis=0)
            self.past.counts[0, OBSERVED] += came
            observed = self.sums(came)
        self.observed, self.expected = observed, expected
        self.kappa = np.sqrt(self._base * self.dispersion.slow + factor_variance)
        levels = self._judge(observed, expected, credit)
        if learn:
            self._learn(seconds, completed, at_risk, factor, levels)
            self.dispersion.add(tick, observed, expected, self.kappa)
        self._pass(seconds)
        self._volume += expected
        self._watched_seconds += seconds
        return levels

    def sums(self, by_lane: Floats) -> Floats:
        """Per series what is given per lane."""
        if self._spread.shape != self.member.shape:
            self._spread = np.zeros(self.member.shape)
        self._spread[:] = by_lane
        return np.bincount(self.member.ravel(), self._spread.ravel(), self.series).astype(np.float64, copy=False)

    @property
    def rate(self) -> Floats:
        """Expected completions per second of each series while somebody is in flight, over about a day."""
        rate: Floats = self._volume / max(self._watched_seconds, 1.0)
        return rate

    @property
    def per_day(self) -> Floats:
        """Expected completions a day of each series."""
        volume: Floats = self._volume / max(self._lived_seconds, 1.0) * 86_400
        return volume

    def adopt(self, hazards: Hazards, flight: Flight) -> None:
        """From now on this is normal, and these are in flight."""
        self.hazards, self.flight = hazards, flight
        # The error of the baseline is the new one's, with the next update.
        self._refreshed = None

    def _follow(self, tick: int, at_risk: Floats) -> None:
        """Let the baseline in use follow the learnt one: every minute, and while it still grows quickly."""
        if self.hazards.hour != tick // HOUR:
            self.hazards.turn(tick)
        if self._refreshed is not None and tick // self._every == self._refreshed // self._every:
            return
        self._refreshed = tick
        self.hazards.refresh()
        self._base = self._errors(at_risk)

    def _errors(self, at_risk: Floats) -> Floats:
        if not self.standard_errors:
            return np.zeros(self.series)
        if not self.hazards.pooled and self.member.shape[0] == 1 and self.series == self.lanes:
            base = np.full(self.series, np.inf)
            base[self.member[0]] = self.hazards.lane_variances(at_risk)
            return base
        return self.hazards.relative_variances(at_risk, self.member, self.series)

    def _judge(self, observed: Floats, expected: Floats, credit: Floats) -> Floats:
        alive = (credit > 0) & (expected > 0)
        count = np.count_nonzero(alive)
        if not count:
            # Without credit evidence stays what it was.
            return self.fast.levels + self.slow.levels
        half = credit / 2
        silent = None
        if count < len(alive):
            silent = ~alive
            half[silent] = 0.0
        allowed = (1 - self.tolerance) * expected
        errors, dispersion = self.standard_errors, self.dispersion
        slow = allowed * np.exp(-errors * self.kappa)
        fast = allowed
        if errors:
            fast = allowed * np.exp(-errors * np.sqrt(self.kappa * self.kappa + dispersion.drift))
        levels = self._gather(self.fast, log_evidence(observed, fast, dispersion.fast), half, silent)
        # The sum of two e-detectors with half the credit each is one with all of it, and never below their maximum.
        levels += self._gather(self.slow, log_evidence(observed, slow, dispersion.slow), half, silent)
        return levels

    @staticmethod
    def _gather(recursion: Recursion, log_e: Floats, credit: Floats, silent: Mask | None) -> Floats:
        if silent is not None:
            log_e[silent] = 0.0
        return recursion.update(log_e, credit)

    def _learn(self, seconds: int, completed: Floats | None, at_risk: Floats, factor: float, levels: Floats) -> None:
        pending = levels > PENDING
        held: Mask | None = None
        if np.count_nonzero(pending):
            held = np.asarray(pending[self.member].any(axis=0))
        if self._held is not None:
            calmed = self._held if held is None else self._held & ~held
            if calmed.any():
                self.hazards.release(calmed)
        self._held = held
        self.hazards.learn(completed, at_risk * (seconds * factor), held)

    # Storing

    def settle(self) -> None:
        """Keep what was learnt and nothing else: nobody is in flight, and it is no time in particular."""
        self.hazards.settle()
        self.dispersion.settle()
        self.flight.aging.clear()
        self.past.clear()
        self.reset()
        self.tick = self._refreshed = self._held = None

    def snapshot(self) -> bytes:
        """Everything but the grouping, for `restore`."""
        held = None if self._held is None else [int(lane) for lane in np.flatnonzero(self._held)]
        stored = _Stored(
            self.tick,
            self.flight.snapshot(),
            self.past.snapshot(),
            self.hazards.snapshot(),
            self.dispersion.snapshot(),
            self.fast.snapshot(),
            self.slow.snapshot(),
            [pack(array) for array in (self.kappa, self.observed, self.expected, self._base, self._volume)],
            self._refreshed,
            self._watched_seconds,
            self._lived_seconds,
            held,
        )
        return msgspec.msgpack.encode(stored)

    def restore(self, body: bytes, member: Integers, series: int) -> None:
        """Take what `snapshot` wrote, with the grouping of then, into one that is new and has the same parameters."""
        stored = _DECODE(body)
        self.extend(member.shape[1], member, series)
        self.tick = stored.tick
        self.flight.restore(stored.flight)
        self.past.restore(stored.past)
        self.hazards.restore(stored.hazards)
        self.dispersion.restore(stored.dispersion)
        self.fast.restore(stored.fast)
        self.slow.restore(stored.slow)
        self.kappa, self.observed, self.expected, self._base, self._volume = map(unpack, stored.arrays)
        self._refreshed = stored.refreshed
        self._watched_seconds, self._lived_seconds = stored.watched_seconds, stored.lived_seconds
        if stored.held is not None:
            self._held = np.zeros(self.lanes, dtype=bool)
            self._held[stored.held] = True


class _Stored(msgspec.Struct, array_like=True):
    tick: int | None
    flight: tuple[int, tuple[int, Packed]]
    past: tuple[int, Packed]
    hazards: bytes
    dispersion: bytes
    fast: bytes
    slow: bytes
    arrays: list[Packed]
    refreshed: int | None
    watched_seconds: float
    lived_seconds: float
    held: list[int] | None


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
