"""One series of values, one a minute, under watch by any detector: means, sums, shares, quantiles, durations."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import msgspec
import numpy as np

from detectors.contract import Detector, Verdict
from detectors.recursion import PENDING, Recursion
from detectors.series.granted import Granted
from detectors.series.report import DAY, NEW_NORMAL, Direction, Facts, Report, State, next_update
from detectors.series.slots import SECONDS as SLOT
from detectors.series.usual import Challenger, Usual

MINUTE = 60
LEAST = 30.0
"""Minutes with a value learnt before a change may be called one."""
_HALF: tuple[float, ...] = (0.6, 0.75, 0.9, 0.99)
"""Alternatives of the all-clear: how many minutes are on the healthy side of the bar, where it allows for half."""
_NEARBY = 3
"""Minutes by which a detector that knows no direction is told one."""
_SURE = 0.05
_SHIFT_HALF_LIFE = 1.0 * DAY
"""Seconds after which it counts half how far values were from what was usual at their hour."""
_ALL = 24
_HOUR_KNOWN = 90.0
"""Minutes of an hour of the day from which on it is known: more than one day's."""
_MOST_COUNTED = 840.0
"""Minutes over which means are formed: two weeks of an hour."""

Make = Callable[[Direction], Detector]


class Numbered(Protocol):
    """A detector that wants to know which updates are missing, as it knows seasons."""

    def update(self, x: float, credit: float | None = None, at: int | None = None) -> Verdict: ...


class Firing(msgspec.Struct, array_like=True):
    """An alarm that stands."""

    direction: Direction
    fired: int
    facts: Facts
    bar: float
    """The all-clear asks whether at least half of the minutes are still on the wrong side of it, apart from usual."""
    told: int
    challenger: Challenger
    accepted: bool = False


class Hours(msgspec.Struct, array_like=True):
    """What is usual at each hour of the day (UTC), so that a night is not told against a day's mean."""

    counts: list[float] = msgspec.field(default_factory=lambda: [0.0] * 25)
    """Values learnt by hour, and of all hours together."""
    means: list[float] = msgspec.field(default_factory=lambda: [0.0] * 25)

    def usual(self, minute: int) -> float:
        """Of the hour where that has been seen for long enough, else of all."""
        hour = minute // 60 % 24
        return self.means[hour] if self.known(minute) else self.means[_ALL]

    def known(self, minute: int) -> bool:
        """Whether the hour has been seen for long enough."""
        return self.counts[minute // 60 % 24] >= _HOUR_KNOWN

    def learn(self, minute: int, value: float) -> None:
        """A value of a quiet minute."""
        for at in (minute // 60 % 24, _ALL):
            self.counts[at] = min(self.counts[at] + 1, _MOST_COUNTED)
            self.means[at] += (value - self.means[at]) / self.counts[at]


class _Stored(msgspec.Struct, array_like=True):
    usual: Usual
    hours: Hours
    detectors: list[bytes]
    levels: list[float]
    clearing: bytes
    firing: Firing | None
    slot: int | None
    sums: list[float]
    peak: float


class Valued:
    """Hands each minute's value to a detector, and says when what it found is over.

    Parameters
    ----------
    make
        A new detector for a direction.
    directions
        `down`, `up` or both.
    apart
        Whether the detector looks in one direction, so that each needs one of its own and the credit is halved between
        two; else one detector is asked, and what it finds in another direction is not told.
    """

    def __init__(self, make: Make, directions: Sequence[Direction], *, apart: bool) -> None:
        self.directions = tuple(directions)
        self.apart = apart
        self._make = make
        self.detectors = [make(direction) for direction in (self.directions if apart else self.directions[:1])]
        self.guarantee = self.detectors[0].guarantee
        self._numbered = "at" in inspect.signature(self.detectors[0].update).parameters
        self.hours = Hours()
        self.usual = Usual.empty(0.0, half_life=_SHIFT_HALF_LIFE)
        """Of how far values are from what is usual at their hour."""
        self.firing: Firing | None = None
        self.granted = Granted()
        self._levels = [0.0] * len(self.detectors)
        self._clearing = Recursion(len(_HALF), series=1)
        self._slot: int | None = None
        self._sums = [0.0, 0.0, 0.0]
        self._peak = 0.0

    def grant(self, credit: float, bar: float = 1.0, second: int = 0) -> None:
        """From this second on, so many false alarms per second are granted, and so much evidence fires, ≥ 1."""
        self.granted.change(credit, bar, second, second // MINUTE * MINUTE)

    def update(self, minute: int, value: float) -> list[Report]:
        """The value of a minute (counted from the epoch), NaN where it has none."""
        reports: list[Report] = []
        tick = minute * MINUTE + MINUTE - 1
        if not math.isnan(value):
            self._turn(minute * MINUTE // SLOT)
            usual = self.hours.usual(minute) if self.hours.counts[_ALL] else value
            apart = value - usual
            sums = [1.0, apart, apart * apart]
            self.usual.recent.add(minute * MINUTE, [*sums, usual])
            if self.firing is not None:
                self._clear(tick, apart, sums, reports)
            else:
                self._ask(minute, value, sums, reports)
                if self.firing is None and self._peak <= PENDING:
                    self.hours.learn(minute, value)
        return reports

    def tell(self, tick: int) -> list[Report]:
        """More about the alarm that stands, from time to time: at every `due`."""
        firing = self.firing
        if firing is None or tick < next_update(firing.fired, firing.told):
            return []
        firing.told = tick
        firing.facts = self.usual.measure(firing.direction, firing.facts.evidence, 0.0)[0]
        return [Report("update", firing.direction, tick, firing.facts)]

    def due(self) -> int | None:
        """When `tell` has something to say."""
        firing = self.firing
        if firing is None or firing.told >= firing.fired + 3600:
            return None
        return next_update(firing.fired, firing.told)

    # Reading

    @property
    def credit(self) -> float:
        """False alarms per second granted at present."""
        return self.granted.credit

    @property
    def known(self) -> bool:
        """Whether anything has been learnt."""
        return self.hours.counts[_ALL] > 0

    def watches(self, direction: Direction) -> bool:
        """Whether enough minutes have been learnt."""
        return direction in self.directions and self.hours.counts[_ALL] >= LEAST

    @property
    def live(self) -> bool:
        """Whether the series takes part in the budget."""
        return self.firing is None and self.guarantee != "none" and self.watches(self.directions[0])

    def level_of(self, direction: Direction) -> float:
        """The detector's level."""
        return self._levels[self.directions.index(direction) if self.apart else 0]

    def state_of(self, direction: Direction) -> State:
        """How it stands in one direction."""
        if self.firing is not None:
            return "firing" if self.firing.direction == direction else "learning"
        if not self.watches(direction):
            return "learning"
        return "pending" if self.level_of(direction) >= PENDING else "watching"

    def facts(self, direction: Direction) -> Facts | None:
        """The change that stands or is pending, as known now."""
        if self.firing is not None:
            return self.firing.facts if self.firing.direction == direction else None
        if not self.watches(direction) or not self.usual.recent.minutes:
            return None
        return self.usual.measure(direction, self.level_of(direction), 0.0)[0]

    # Updates

    def _ask(self, minute: int, value: float, sums: list[float], reports: list[Report]) -> None:
        tick = minute * MINUTE + MINUTE - 1
        # Detectors fire at 1: where it takes more evidence they are granted as much less.
        granted = self.granted.of(minute * MINUTE) / self.granted.bar
        credit = granted / (len(self.directions) if self.apart else 1) * MINUTE
        for at, detector in enumerate(self.detectors):
            granted = credit if self.hours.counts[_ALL] >= LEAST else 0.0
            try:
                if self._numbered:
                    verdict = cast("Numbered", detector).update(value, granted, at=minute)
                else:
                    verdict = detector.update(value, granted)
            except ValueError:
                continue  # beyond what it can take, such as a score off its scale: as if nothing had come
            self._levels[at] = verdict.level
            self._peak = max(self._peak, verdict.level)
            if verdict.alarm and self.hours.counts[_ALL] >= LEAST:
                direction = self.directions[at] if self.apart else self._way()
                if direction in self.directions:
                    self._fire(direction, verdict.level, tick, reports)
                    return
        if self.hours.known(minute):
            self._sums = [known + new for known, new in zip(self._sums, sums, strict=True)]

    def _way(self) -> Direction:
        """Where the last minutes lie."""
        lately = self.usual.recent.sums[-_NEARBY:]
        mean = sum(sums[1] for sums in lately) / sum(sums[0] for sums in lately)
        return "down" if mean < self.usual.mean else "up"

    def _fire(self, direction: Direction, level: float, tick: int, reports: list[Report]) -> None:
        facts, _ = self.usual.measure(direction, level, 0.0)
        bar = (facts.observed - facts.expected) / 2 + self.usual.mean
        self.firing = Firing(direction, tick, facts, bar, tick, Challenger())
        self._begin()
        self.usual.slots.undo(facts.since // SLOT)
        self.usual.refresh(tick // SLOT)
        self._clearing.reset([0])
        reports.append(Report("fire", direction, tick, facts))

    def _begin(self) -> None:
        self._levels = [0.0] * len(self.detectors)
        self._sums, self._peak = [0.0, 0.0, 0.0], 0.0

    def _clear(self, tick: int, apart: float, sums: list[float], reports: list[Report]) -> None:
        """Is it over? Or is it the new normal?

        e = 2p for a minute on the healthy side of the bar, else 2(1 − p), p > ½: E[e] ≤ 1 while at most half are.
        """
        firing = self.firing
        assert firing is not None
        healthy = apart > firing.bar if firing.direction == "down" else apart < firing.bar
        log_e = np.log([[2 * (p if healthy else 1 - p) for p in _HALF]])
        if float(self._clearing.update(log_e, np.array([MINUTE / DAY]))[0]) >= 1:
            reports.append(Report("resolve", firing.direction, tick))
            self.firing = None
            self._begin()
            return
        firing.challenger.add(sums, tick - firing.fired <= NEW_NORMAL / 2)
        edge = _SURE * abs(self.hours.means[_ALL])
        lasted = tick - firing.fired >= NEW_NORMAL and firing.challenger.settled(edge)
        if firing.accepted or lasted:
            self._take_over(firing, tick, reports)

    def _take_over(self, firing: Firing, tick: int, reports: list[Report]) -> None:
        n, total, squares = firing.challenger.sums
        usual = self.hours.means[_ALL]
        ratio = (usual + total / n) / (usual + self.usual.mean) if usual + self.usual.mean else 1.0
        self.usual.slots.replace(tick // SLOT, [n, total, squares])
        self.usual.recent.clear()
        self.usual.refresh(tick // SLOT)
        self.detectors = [
            self._make(direction) for direction in (self.directions if self.apart else self.directions[:1])
        ]
        self.firing = None
        self._begin()
        reports.append(Report("rebaseline", firing.direction, tick, ratio=ratio))

    def accept(self) -> None:
        """Somebody says that this is the new normal: it takes over with the next value."""
        if self.firing is not None:
            self.firing.accepted = True

    def _turn(self, slot: int) -> None:
        if slot == self._slot:
            return
        before, self._slot = self._slot, slot
        if before is not None and self._sums[0] > 0:
            if self._peak > PENDING:
                self.usual.slots.hold(before, self._sums)
            else:
                self.usual.learn(before, self._sums)
        self._sums = [0.0, 0.0, 0.0]
        self._peak = max(self._levels)
        self.usual.refresh(slot)

    # Learning from history

    def learnt(self) -> bytes | None:
        """What is usual here, for `learn` of another; None before anything is. This one is of no use afterwards."""
        if self._slot is None:
            return None
        for detector in self.detectors:
            detector.settle()
        if self.firing is None and self._sums[0] > 0:
            self.usual.learn(self._slot, self._sums)
        self.usual.settle(self._slot + 1)
        self.firing = self._slot = None
        self._clearing.reset([0])
        self._begin()
        return self.dump()

    # State

    def dump(self) -> bytes:
        """Everything but the credit, for `load`."""
        return msgspec.msgpack.encode(
            _Stored(
                self.usual,
                self.hours,
                [detector.snapshot() for detector in self.detectors],
                self._levels,
                self._clearing.snapshot(),
                self.firing,
                self._slot,
                self._sums,
                self._peak,
            )
        )

    def load(self, body: bytes) -> None:
        """Take what `dump` of one with the same parameters wrote. Raises ValueError for anything else."""
        try:
            stored = _DECODE(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"no watched values: {error}") from error
        if len(stored.detectors) != len(self.detectors):
            raise ValueError(f"expected {len(self.detectors)} detectors, got {len(stored.detectors)}")
        for detector, one in zip(self.detectors, stored.detectors, strict=True):
            detector.restore(one)
        self.usual, self.hours = stored.usual, stored.hours
        self.firing, self._levels = stored.firing, stored.levels
        self._clearing.restore(stored.clearing)
        self._slot, self._sums, self._peak = stored.slot, stored.sums, stored.peak


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
