"""A step that is known to be ill: is it well again, or is this the new normal?

Only customers who entered after the alarm are looked at, as those before it will never go on as they should have. The
all-clear is the mirrored test: null rate at most m·μ, m midway between the drop's upper bound and what is tolerated,
with a credit of one false all-clear per day. Who failed after the alarm stays in flight and makes recovery look worse
than it is, so a second group, begun anew at ever longer intervals, is looked at beside the first.

Meanwhile a challenger learns from the same customers what is normal now. It may take over when somebody accepts it, or
by itself when it is a day old (a week where hours of the week differ), sure to 5 % and steady.
"""

from __future__ import annotations

import msgspec
import numpy as np

from detectors.negative_binomial_surge import log_evidence
from detectors.recursion import Floats, Recursion
from detectors.steps.deficit import survival
from detectors.steps.flight import Entrants, Flight, Leavers
from detectors.steps.hazards import HOUR, Hazards, Mask
from detectors.steps.packed import Packed

DAY = 86_400
_STEPS: Floats = np.array([0.25, 0.5, 0.75, 1.0, 1.25])
"""Alternatives: parts of the way from the null back to the full rate."""
_FIRST_RESTART = 60
_SURE = 0.05
_STEADY = 0.1
_STEADY_HOURS = 6


class Recovery:
    """One step from its alarm to the all-clear.

    Parameters
    ----------
    within
        Seconds a customer may stay in the step.
    lanes
        Lanes of the step.
    affected
        Shape (lanes,): those that fell; the others are not asked.
    start
        The second after the alarm (UTC epoch).
    left_high
        Upper bound of what is left of the rate, 0…1.
    tolerance
        δ of the step.
    pooled
        As the step's.
    """

    def __init__(
        self,
        within: int,
        lanes: int,
        affected: Mask,
        start: int,
        left_high: float,
        tolerance: float,
        *,
        pooled: bool = True,
    ) -> None:
        self.affected = affected
        self.start = start
        self.null = (min(left_high, 1 - tolerance) + 1 - tolerance) / 2
        """m: the largest part of the rate that is still called ill."""
        self._groups = (Flight(within, lanes, start), Flight(within, lanes, start))
        for group in self._groups:
            group.aging.tick = start - 1
        self._restart = start + _FIRST_RESTART
        self._recursion = Recursion(len(_STEPS), series=2)
        self.challenger = Hazards(len(self._groups[0].bins), lanes, pooled=pooled)
        self._hours: list[list[float]] = []
        """Per hour: its number, completions seen and those the challenger expected."""
        self._refreshed = start

    def extend(self, lanes: int) -> None:
        """So many more lanes; not affected."""
        for group in self._groups:
            group.aging.extend(lanes)
        self.challenger.extend(lanes)
        self.affected = np.concatenate([self.affected, np.zeros(lanes, dtype=bool)])

    def update(
        self,
        tick: int,
        entered: Entrants,
        left: Leavers,
        rates: Floats,
        *,
        factor: float,
        dispersion: float,
    ) -> bool:
        """The seconds up to and including `tick`; whether the step is well again.

        `rates`: the baseline's hazards, shape (bins, lanes); `dispersion` φ ≥ 1.
        """
        seconds = tick - self._groups[0].aging.tick
        if seconds <= 0:
            # No time has passed in which anybody could go on: who came and left meanwhile is booked.
            for group in self._groups:
                group.enter(entered)
                group.leave(left)
            return False
        observed, expected = np.zeros(2), np.zeros(2)
        null = self.null
        for at, group in enumerate(self._groups):
            group.aging.advance(tick)
            group.enter(entered)
            at_risk = group.at_risk
            due = (at_risk * rates).sum(axis=0) * (seconds * factor)
            completed = group.leave(left)
            observed[at] = completed[:, self.affected].sum()
            expected[at] = due[self.affected].sum() * null
            if at == 0:
                self._challenge(tick, seconds, completed, at_risk, factor)
        ratios = 1 + (1 / null - 1) * _STEPS
        alive = expected > 0
        log_e = np.where(alive[:, None], log_evidence(observed, expected, np.full(2, dispersion), ratios), 0.0)
        levels = self._recursion.update(log_e, np.where(alive, seconds / DAY / 2, 0.0))
        if tick >= self._restart:
            self._restart = tick + max(tick - self.start, _FIRST_RESTART)
            self._groups[1].begin(tick + 1)
            self._recursion.reset([1])
        return bool(levels.max() >= 1)

    def _challenge(self, tick: int, seconds: int, completed: Floats, at_risk: Floats, factor: float) -> None:
        hour = tick // HOUR
        expected = float((at_risk * self.challenger.rates).sum()) * seconds * factor
        if not self._hours or self._hours[-1][0] != hour:
            self._hours.append([float(hour), 0.0, 0.0])
            del self._hours[: -_STEADY_HOURS - 1]
        self._hours[-1][1] += float(completed.sum())
        self._hours[-1][2] += expected
        self.challenger.learn(completed, at_risk * (seconds * factor), None)
        if tick - self._refreshed >= 60:
            self._refreshed = tick
            self.challenger.turn(tick)
            self.challenger.refresh()

    def new_normal(self, tick: int, age: int) -> bool:
        """Whether the challenger may take over by itself: old enough (seconds), sure and steady."""
        if tick - self.start < age or len(self._hours) <= _STEADY_HOURS:
            return False
        kappa = np.sqrt(self.challenger.relative_variance(self._groups[0].at_risk, slice(None)))
        ended = self._hours[:-1]
        observed, expected = sum(hour[1] for hour in ended), sum(hour[2] for hour in ended)
        return bool(kappa <= _SURE and expected > 0 and abs(observed / expected - 1) <= _STEADY)

    def known(self) -> bool:
        """Whether the challenger has seen enough to be accepted by hand: 30 completions."""
        return bool(self.challenger.seen.sum() >= 30)

    def ratio(self, rates: Floats) -> float | None:
        """What the new normal is of the old: how many of the affected lanes' entrants go on in time by the one, over
        how many do by the other. None while nobody has entered."""
        self.challenger.refresh()
        # Those in flight will not do as a measure: who does not go on stays, and would be missed again and again.
        entrants = self.challenger.young_exposure
        before, after = (self._go_on(hazards, entrants) for hazards in (rates, self.challenger.rates))
        return after / before if before > 0 else None

    def _go_on(self, rates: Floats, entrants: Floats) -> float:
        _, left = survival(self._groups[0], rates[:, self.affected])
        return float(((1 - left[-1]) * entrants[self.affected]).sum())

    def flight(self) -> Flight:
        """Everybody who entered since the alarm."""
        return self._groups[0]

    # Storing

    def snapshot(self) -> bytes:
        """Everything, for `restore`."""
        stored = _Stored(
            [int(lane) for lane in np.flatnonzero(self.affected)],
            self.start,
            self.null,
            [group.snapshot() for group in self._groups],
            self._restart,
            self._recursion.snapshot(),
            self.challenger.snapshot(),
            self._hours,
            self._refreshed,
        )
        return msgspec.msgpack.encode(stored)

    @classmethod
    def restore(cls, body: bytes, within: int, lanes: int, *, pooled: bool = True) -> Recovery:
        """What `snapshot` wrote, of a step with the same `within` and lanes."""
        stored = _DECODE(body)
        affected = np.zeros(lanes, dtype=bool)
        affected[stored.affected] = True
        recovery = cls(within, lanes, affected, stored.start, 0.0, 0.0, pooled=pooled)
        recovery.null = stored.null
        for group, flight in zip(recovery._groups, stored.groups, strict=True):
            group.restore(flight)
        recovery._restart = stored.restart
        recovery._recursion.restore(stored.recursion)
        recovery.challenger.restore(stored.challenger)
        recovery._hours, recovery._refreshed = stored.hours, stored.refreshed
        return recovery


class _Stored(msgspec.Struct, array_like=True):
    affected: list[int]
    start: int
    null: float
    groups: list[tuple[int, tuple[int, Packed]]]
    restart: int
    recursion: bytes
    challenger: bytes
    hours: list[list[float]]
    refreshed: int


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
