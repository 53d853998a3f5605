"""One journey step under watch: what it is fed, when it is judged, what it reports.

Updates happen at fixed multiples of the step's interval, from a second for busy steps to minutes for slow ones, and
only while somebody is in flight; what they say depends on the content of the ticks alone. Between checkpoints of the
whole state the inputs of every update are kept, and gone through again after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import msgspec
import numpy as np

from detectors.series.report import Direction
from detectors.steps.hazards import Mask
from detectors.steps.packed import pack, unpack
from detectors.steps.season import Season
from detectors.steps.step_drop import StepDrop
from streams.effects import Cell
from streams.findings import Finding, SeriesKey
from streams.stages.erosion import Erosion
from streams.stages.lanes import WHOLE, Groups, Lanes
from streams.stages.report import NOBODY, Report
from streams.stages.step_checkpoint import StepCheckpoint
from streams.stages.step_clock import ALWAYS, StepClock
from streams.stages.step_credit import StepCredit
from streams.stages.step_deficit import StepDeficit
from streams.stages.step_journal import Entry, StepJournal
from streams.stages.step_schedule import StepSchedule
from streams.stages.step_state import StepState, decode_step
from streams.stages.step_surplus import StepSurplus
from streams.stages.step_traffic import StepTraffic

_HOUR = 3600

HourOfWeek = Callable[[int], int]


class StepWatch:
    """Parameters
    ----------
    journey, step
        Names.
    within
        Seconds a customer may stay in the step.
    hour_of_week
        0…167, Monday first, of a second (UTC epoch), in the file's timezone.
    directions
        `down`, `up` or both. Rises are looked for in the whole only, and its credit is halved between two.
    clock
        In which the step's time runs: ages, hazards, and all that is learnt count its seconds only. Who goes on while
        it is closed leaves those who are due, and counts neither for the step nor against it.
    """

    def __init__(
        self,
        journey: str,
        step: str,
        within: int,
        hour_of_week: HourOfWeek,
        directions: tuple[Direction, ...] = ("down",),
        clock: StepClock = ALWAYS,
    ) -> None:
        self.clock = clock
        self.directions = directions
        self.journey, self.step, self.within = journey, step, within
        self.drop = StepDrop(within)
        self.season = Season()
        self.traffic = StepTraffic(within, clock)
        self.lanes = Lanes()
        self.journal = StepJournal()
        self.credit = StepCredit()
        self.erosion = Erosion(within, clock)
        self.schedule = StepSchedule(within, self.drop, clock)
        whole = SeriesKey("conversion", "down", journey, step)
        self.deficit = StepDeficit(whole, self.drop, self.lanes, self.schedule, self.traffic, self.journal)
        self.surplus = self._surplus() if "up" in directions else None
        self._hour_of_week = hour_of_week
        self._live: tuple[int, int] | None = None
        self._checkpoint = StepCheckpoint()
        self.drop.extend(0, self.lanes.member(), len(self.lanes.series))
        self.credit.regroup(self.drop)

    def _surplus(self) -> StepSurplus:
        key = SeriesKey("conversion", "up", self.journey, self.step)
        return StepSurplus(key, self.drop, self.schedule, self.journal)

    def follow(
        self, hour_of_week: HourOfWeek, directions: tuple[Direction, ...] = ("down",), clock: StepClock = ALWAYS
    ) -> None:
        """Another file holds. In another timezone hours are other hours, and their rhythm is learnt anew.

        `clock` agrees with the one until now as far as it has been asked.
        """
        if self.clock.opening is not clock.opening:
            self.clock.opening = clock.opening
            self.schedule.look_ahead()
        if directions != self.directions:
            self.directions = directions
            self.surplus = (self.surplus or self._surplus()) if "up" in directions else None
            # Nor can what happened until now be gone through again in these directions.
            self._checkpoint.demand()
        if hour_of_week is not self._hour_of_week:
            self._hour_of_week = hour_of_week
            self.season = Season()
            # What happened until now cannot be gone through again in this timezone.
            self._checkpoint.demand()

    # Input

    def enter(self, cell: Cell, second: int, count: int, value: int) -> None:
        """So many entered the step in this second (UTC epoch); the sum of their values is scaled by 1e6."""
        self.journal.enter(cell, second, count, value)

    def leave(self, cell: Cell, second: int, completed: int, gone: int, tick: int | None = None) -> None:
        """Of those who entered in this second, so many went on in time and so many left otherwise, in `tick`."""
        if tick is not None and not self.clock.is_open(tick):
            completed, gone = 0, completed + gone
        self.journal.leave(cell, second, completed, gone)

    def accept(self) -> None:
        """Take what is normal since the alarm for normal, with the next update."""
        self.journal.accept()

    def forget(self, subjects: Collection[str]) -> None:
        """Give these customers as examples no more."""
        if self.journal.forget(subjects):
            self._checkpoint.dirty = True

    def next_due(self) -> int | None:
        """The tick at which the next update happens; None while nobody is in flight and nothing has come."""
        return self.schedule.next_due(self.journal.waits)

    def close(self, tick: int, groups: Groups, whole: float, segment: float, report: Report, bar: float = 1.0) -> None:
        """Judge, if it is time. `whole` and `segment`: expected false alarms per second granted to each series since
        the last update; `bar` ≥ 1: the evidence that fires."""
        due = self.next_due()
        if due is None or tick < due:
            return
        entry = self.journal.close(tick, whole, segment, None if groups == self.lanes.groups else groups, bar)
        self._checkpoint.dirty = True
        self._apply(entry, report)

    # One update

    def _apply(self, entry: Entry, report: Report) -> None:
        now, drop, schedule, deficit, surplus = entry.tick, self.drop, self.schedule, self.deficit, self.surplus
        self._live = None
        counted = np.zeros(drop.series, dtype=bool) if schedule.rests else self._watched()
        self._regroup(entry)
        span = schedule.begin(entry)
        seconds = schedule.seconds
        entered, left = self.traffic.take(entry, span.elapsed, self._hour_of_week(now), self.lanes, drop.flight)
        moment = self.clock.latest_open(now)
        how = self._hour_of_week(moment)
        factor, variance = self.season.factor(how)
        ill, flooded = deficit.firing is not None, self.traffic.flood.lately(now)
        part = 1 / len(self.directions)
        down = part if "down" in self.directions else 0.0
        credit = self.credit.grant(drop, seconds, entry.whole, entry.segment, counted, down)
        risen = surplus is not None and surplus.firing
        deficit.levels = drop.update(
            span.tick,
            entered,
            left,
            credit,
            factor=factor,
            factor_variance=variance,
            learn=bool(seconds) and not ill and not flooded and not risen,
        )
        schedule.recount()
        observed, expected = float(drop.observed[WHOLE]), float(drop.expected[WHOLE])
        if ill:
            deficit.illness.set_aside(moment // _HOUR, how, observed, expected / factor)
            deficit.nurse(entry, entered, left, factor, self.season, report)
        else:
            if not flooded and not risen:
                self.season.add(moment // _HOUR, how, observed, expected / factor, float(drop.dispersion.slow[WHOLE]))
            if (deficit.levels >= entry.bar).any():
                if surplus is not None:
                    surplus.end(now, report)
                deficit.fall(entry, self.season, report)
            elif surplus is not None and not flooded:
                granted = entry.whole * seconds * part if counted[WHOLE] and self._watched()[WHOLE] else 0.0
                surplus.judge(entry, granted, self.season, report)
        schedule.end(span)

    def _regroup(self, entry: Entry) -> None:
        cells = [cell for cell, *_ in entry.entered]
        cells += [cell for cell, *_ in entry.left]
        new = self.lanes.take(cells)
        changed = [] if entry.groups is None else self.lanes.group(entry.groups)
        if new or entry.groups is not None:
            self.drop.extend(new, self.lanes.member(), len(self.lanes.series))
            if new:
                self.deficit.illness.extend(new)
            for series in changed:
                self.drop.clear(series)
            self.credit.regroup(self.drop)

    def _watched(self) -> Mask:
        ill = self.deficit.firing is not None
        return np.zeros(self.drop.series, dtype=bool) if ill else self.credit.watched(self.drop)

    @property
    def live(self) -> tuple[int, int]:
        """How many series would get credit now: wholes, segment values. It changes with updates only."""
        if self.schedule.rests:
            return 0, 0
        if self._live is None:
            watched = self._watched()
            values = int(np.count_nonzero(watched[WHOLE + 1 :])) if "down" in self.directions else 0
            self._live = int(watched[WHOLE]), values
        return self._live

    # Reading

    @property
    def state(self) -> str:
        """`firing`, `learning` (nothing has completed yet), `quiet` (too little volume) or `watching`."""
        if self.deficit.firing is not None:
            return "firing"
        if not self.drop.series or self.drop.rate[WHOLE] <= 0:
            return "learning"
        return "watching" if self._watched()[WHOLE] else "quiet"

    def rise_state(self) -> str:
        """`state` of the series of rises; it waits while the step is ill."""
        if self.surplus is not None and self.surplus.firing:
            return "firing"
        return "learning" if self.deficit.firing is not None else self.state

    @property
    def firing(self) -> list[SeriesKey]:
        """The series that fires, if any."""
        if self.deficit.firing is not None:
            return [self.deficit.firing]
        return [self.surplus.key] if self.surplus is not None and self.surplus.firing else []

    def pending(self, tick: int) -> list[Finding]:
        """Series on the way to an alarm, as they look now: the whole, else the one with the most evidence."""
        if self.surplus is not None and self.deficit.firing is None and self.surplus.pending:
            return [self.surplus.finding(tick)]
        return self.deficit.pending(tick)

    def levels(self) -> list[tuple[SeriesKey, float]]:
        """Series with their evidence: the whole in each direction, and the pending ones."""
        rises = [] if self.surplus is None else [(self.surplus.key, self.surplus.level)]
        return [*(self.deficit.evidence() if "down" in self.directions else ()), *rises]

    def credit_of(self, series: int = WHOLE) -> float:
        """Expected false alarms per second granted to a series at its last update."""
        return self.credit.of(series)

    def kappa(self) -> float:
        """Relative standard error of the whole's baseline."""
        return float(self.drop.kappa[WHOLE]) if len(self.drop.kappa) else math.inf

    # Learning from history

    def learnt(self) -> bytes:
        """What is normal here, for `learn` of the same step elsewhere or later. This watch is of no use afterwards."""
        self.drop.settle()
        self.season.forget_open()
        self.traffic.flood.settle()
        self.deficit.forget()
        if self.surplus is not None:
            self.surplus.forget()
        self.schedule.forget()
        self.credit.granted = np.zeros(0)
        return self._dump()

    def learn(self, body: bytes) -> None:
        """Begin with what `learnt` wrote. Raises ValueError where that is of a step with another time to go on."""
        stored = decode_step(body)
        if stored.within != self.within:
            raise ValueError(
                f"{self.journey}/{self.step}: learnt with {stored.within} s to go on, here it is {self.within} s"
            )
        if stored.calendar != self.clock.pattern:
            raise ValueError(
                f"{self.journey}/{self.step}: learnt in another calendar than the step has now; learn again"
            )
        self.load(body, None)

    # Storing

    def changes(self, tick: int, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces to store: `state` at a checkpoint, `journal` whenever something came since. `whole`: everything, and
        nothing is taken for stored."""
        if self.journal.waits:
            self._checkpoint.dirty = True
        if whole:
            days = self.erosion.dump()
            return {"state": self._dump(), "journal": self.journal.dump(past=False), "days": days}
        pieces = {}
        if self.erosion.dirty:
            self.erosion.dirty, pieces["days"] = False, self.erosion.dump()
        if not self._checkpoint.dirty:
            return pieces
        if self._checkpoint.take(tick, self.journal.full):
            self.journal.clear()
            pieces["state"] = self._dump()
        pieces["journal"] = self.journal.dump()
        return pieces

    def _dump(self) -> bytes:
        falls, aside, opened = self.deficit.illness.dump()
        schedule = self.schedule
        return msgspec.msgpack.encode(
            StepState(
                self.within,
                self.drop.snapshot(),
                self.season.snapshot(),
                self.traffic.flood.state,
                self.lanes.dump(),
                schedule.interval,
                schedule.last,
                schedule.seconds,
                schedule.entered,
                self.traffic.value,
                falls,
                aside,
                pack(self.deficit.levels),
                pack(self.credit.granted),
                opened,
                b"" if self.surplus is None else self.surplus.dump(),
                self.clock.pattern,
            )
        )

    def load(self, state: bytes, journal: bytes | None, days: bytes | None = None) -> None:
        """Take what `changes` gave last of each, and go through the journal again."""
        self._live = None
        if days is not None:
            self.erosion.load(days)
        stored = decode_step(state)
        self.lanes.load(stored.lanes)
        self.drop.restore(stored.drop, self.lanes.member(), len(self.lanes.series))
        self.credit.regroup(self.drop)
        self.season.restore(stored.season)
        self.traffic.flood.state, self.traffic.value = stored.flood, stored.value
        self.schedule.load(stored.interval, stored.last, stored.seconds, stored.entered)
        self.deficit.levels, self.credit.granted = unpack(stored.levels), unpack(stored.credit)
        self.deficit.illness.load(stored.falls, stored.aside, stored.open, self.drop.lanes)
        if self.surplus is not None and stored.rise:
            self.surplus.load(stored.rise)
        if journal is not None:
            for entry in self.journal.load(journal, stored.last):
                self._apply(entry, NOBODY)
