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

from detectors.recursion import PENDING, Floats
from detectors.series.report import Direction, Facts
from detectors.steps.deficit import counted as counted_since
from detectors.steps.flight import IN_FLIGHT, Entrants, Leavers
from detectors.steps.hazards import Mask
from detectors.steps.packed import pack, unpack
from detectors.steps.season import Season
from detectors.steps.step_drop import StepDrop
from detectors.steps.step_rise import Seen, StepRise
from streams.effects import Cell
from streams.findings import Finding, SeriesKey
from streams.stages.erosion import Erosion
from streams.stages.lanes import WHOLE, Groups, Lanes
from streams.stages.report import NOBODY, Report
from streams.stages.step_clock import ALWAYS, StepClock
from streams.stages.step_credit import StepCredit
from streams.stages.step_finding import Ill, by_the_clock, find, told
from streams.stages.step_finding import risen as risen_finding
from streams.stages.step_illness import Illness, fallen
from streams.stages.step_journal import Entry, StepJournal
from streams.stages.step_pace import first_interval, interval, patience
from streams.stages.step_state import StepState, decode_step
from streams.stages.step_traffic import StepTraffic

_SLACK = 60
"""Seconds after their time within which customers are known to have left."""
_CHECKPOINT = 300
_HOUR, _DAY = 3600, 86_400
_NOBODY_LEFT = 0.5

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
        self.rise = StepRise() if "up" in directions else None
        self.journey, self.step, self.within = journey, step, within
        self.drop = StepDrop(within)
        self.season = Season()
        self.traffic = StepTraffic(within, clock)
        self.lanes = Lanes()
        self.illness = Illness(within, clock)
        self.journal = StepJournal()
        self.credit = StepCredit()
        self.erosion = Erosion(within, clock)
        self.interval = first_interval(within)
        self._hour_of_week = hour_of_week
        self._last: int | None = None
        self._opens: int | None = None
        """The next second in which the step's time runs, where it stood still after the last update."""
        self._seconds = 1
        """Length of the last update, by the step's clock."""
        self._entered = 0
        """The latest second somebody entered, by the step's clock."""
        self._in_flight = 0.0
        self._live: tuple[int, int] | None = None
        self._levels: Floats = np.zeros(0)
        self._checkpoint_due = True
        self._checkpoint_at = 0
        self._dirty = True
        self.drop.extend(0, self.lanes.member(), len(self.lanes.series))
        self.credit.regroup(self.drop)

    def follow(
        self, hour_of_week: HourOfWeek, directions: tuple[Direction, ...] = ("down",), clock: StepClock = ALWAYS
    ) -> None:
        """Another file holds. In another timezone hours are other hours, and their rhythm is learnt anew.

        `clock` agrees with the one until now as far as it has been asked.
        """
        if self.clock.opening is not clock.opening:
            self.clock.opening = clock.opening
            self._look_ahead()
        if directions != self.directions:
            self.directions = directions
            self.rise = (self.rise or StepRise()) if "up" in directions else None
            # Nor can what happened until now be gone through again in these directions.
            self._checkpoint_due = self._dirty = True
        if hour_of_week is not self._hour_of_week:
            self._hour_of_week = hour_of_week
            self.season = Season()
            # What happened until now cannot be gone through again in this timezone.
            self._checkpoint_due = self._dirty = True

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
            self._dirty = True

    def next_due(self) -> int | None:
        """The tick at which the next update happens; None while nobody is in flight and nothing has come."""
        if self.journal.waits:
            after = 0 if self._last is None else self._last + 1
        elif self._last is None or self._idle:
            return None
        elif self._opens is not None:
            # Until then nothing is due, and it is known to be so by the first second in which something is.
            after = self._opens - 1
        else:
            after = self._last + self._patience()
        return -(-(after + 1) // self.interval) * self.interval - 1

    @property
    def _idle(self) -> bool:
        """Nobody is in flight who could still go on in time."""
        now = self.drop.tick
        late = self._last is not None and now is not None and now - self._entered > self.within + _SLACK
        return late or self._in_flight <= _NOBODY_LEFT

    def _patience(self) -> int:
        """Seconds that nothing may be looked at while nothing comes."""
        due = float(self.drop.expected[WHOLE]) / max(self._seconds, 1)
        youngest = 0 if self.drop.tick is None else self.drop.tick - self._entered
        return max(int(patience(due, youngest, self.within)), self.interval)

    def close(self, tick: int, groups: Groups, whole: float, segment: float, report: Report, bar: float = 1.0) -> None:
        """Judge, if it is time. `whole` and `segment`: expected false alarms per second granted to each series since
        the last update; `bar` ≥ 1: the evidence that fires."""
        due = self.next_due()
        if due is None or tick < due:
            return
        entry = self.journal.close(tick, whole, segment, None if groups == self.lanes.groups else groups, bar)
        self._dirty = True
        self._apply(entry, report)

    # One update

    def _apply(self, entry: Entry, report: Report) -> None:
        now, drop = entry.tick, self.drop
        self._live = None
        counted = np.zeros(drop.series, dtype=bool) if self._rests else self._watched()
        self._regroup(entry)
        last = self._last
        if last is None or (self._idle and now - last > self.interval):
            last = now - self.interval
            drop.rest(self._at(last))
        self._last = now
        tick, before = self._at(now), drop.tick or 0
        # None while it is closed: then who comes and goes is booked, and nobody is due.
        seconds = self._seconds = tick - before
        if entry.entered:
            self._entered = max(self._entered, self.clock.at(max(second for _, second, _, _ in entry.entered)))
        entered, left = self.traffic.take(entry, now - last, self._hour_of_week(now), self.lanes, drop.flight)
        moment = self.clock.latest_open(now)
        how = self._hour_of_week(moment)
        factor, variance = self.season.factor(how)
        ill, flooded = self.illness.opened is not None, self.traffic.flood.lately(now)
        part = 1 / len(self.directions)
        down = part if "down" in self.directions else 0.0
        credit = self.credit.grant(drop, seconds, entry.whole, entry.segment, counted, down)
        risen = self.rise is not None and self.rise.risen is not None
        self._levels = drop.update(
            tick,
            entered,
            left,
            credit,
            factor=factor,
            factor_variance=variance,
            learn=bool(seconds) and not ill and not flooded and not risen,
        )
        self._in_flight = float(drop.flight.aging.counts[:, IN_FLIGHT].sum())
        observed, expected = float(drop.observed[WHOLE]), float(drop.expected[WHOLE])
        if ill:
            self.illness.set_aside(moment // _HOUR, how, observed, expected / factor)
            self._nurse(entry, entered, left, factor, report)
        else:
            if not flooded and not risen:
                self.season.add(moment // _HOUR, how, observed, expected / factor, float(drop.dispersion.slow[WHOLE]))
            if (self._levels >= entry.bar).any():
                self._fall(tick, now, report, entry.bar)
            elif self.rise is not None and not flooded:
                granted = entry.whole * seconds * part if counted[WHOLE] and self._watched()[WHOLE] else 0.0
                self._climb(self.rise, granted, entry, report)
        if before // _HOUR != tick // _HOUR:
            self._pace()
        self._look_ahead()

    def _at(self, second: int) -> int:
        """The step's own second; it never goes back, whatever becomes of the rules of a time zone."""
        return max(self.clock.at(second), self.drop.tick or 0)

    def _look_ahead(self) -> None:
        """When does the step's time run again?"""
        last = self._last
        self._opens = None if last is None or self.clock.is_open(last + 1) else self.clock.next_open(last)

    @property
    def _rests(self) -> bool:
        """Nobody can be due after the last update."""
        return self._idle or self._opens is not None

    def _regroup(self, entry: Entry) -> None:
        cells = [cell for cell, *_ in entry.entered]
        cells += [cell for cell, *_ in entry.left]
        new = self.lanes.take(cells)
        changed = [] if entry.groups is None else self.lanes.group(entry.groups)
        if new or entry.groups is not None:
            self.drop.extend(new, self.lanes.member(), len(self.lanes.series))
            if new:
                self.illness.extend(new)
            for series in changed:
                self.drop.clear(series)
            self.credit.regroup(self.drop)

    def _watched(self) -> Mask:
        ill = self.illness.opened is not None
        return np.zeros(self.drop.series, dtype=bool) if ill else self.credit.watched(self.drop)

    @property
    def live(self) -> tuple[int, int]:
        """How many series would get credit now: wholes, segment values. It changes with updates only."""
        if self._rests:
            return 0, 0
        if self._live is None:
            watched = self._watched()
            values = int(np.count_nonzero(watched[WHOLE + 1 :])) if "down" in self.directions else 0
            self._live = int(watched[WHOLE]), values
        return self._live

    def _pace(self) -> None:
        """Choose the interval from what has been learnt."""
        self.interval = interval(self.drop, self.within) or self.interval

    # Ill

    def key(self, series: int) -> SeriesKey:
        """The series of a number."""
        dimension, value = self.lanes.series[series] or ("", "")
        return SeriesKey("conversion", "down", self.journey, self.step, "", dimension, value)

    def _fall(self, tick: int, now: int, report: Report, bar: float) -> None:
        drop, series = self.drop, fallen(self._levels, bar)
        fast = drop.fast.levels[series] >= drop.slow.levels[series]
        dispersion = float((drop.dispersion.fast if fast else drop.dispersion.slow)[series])
        ill = find(drop, self.lanes, series, dispersion, float(self._levels[series]))
        self.illness.begin(tick, self.key(series), ill, series, drop, self.season)
        if self.rise is not None:
            if self.rise.risen is not None:
                report.resolve(self.rise_key, now)
            self.rise.reset()
        report.fire(self._finding(now, ill, self.key(series), tick))

    def _climb(self, rise: StepRise, credit: float, entry: Entry, report: Report) -> None:
        """Do more go on than should?"""
        drop, tick, now, key = self.drop, self._at(entry.tick), entry.tick, self.rise_key
        if entry.accept:
            rise.accept()
        told = rise.update(self._seen(now), credit, entry.bar, seasonal=self.season.known)
        if told is None:
            return
        if told.verb == "fire":
            assert told.facts is not None
            lanes = np.arange(drop.lanes, dtype=np.int64)
            drop.hazards.undo(told.facts.since, tick, counted_since(drop, lanes, told.facts.since)[0])
            self.season.forget_open()
            report.fire(self._rise(told.facts, now))
        elif told.verb == "update":
            assert told.facts is not None
            if tick - told.facts.since < _DAY:
                report.update(self._rise(told.facts, now))
        elif told.verb == "resolve":
            report.resolve(key, now)
        else:
            # Of those who entered, not of those in flight at each moment: who goes on sooner is due less often.
            facts = None if told.facts is None or tick - told.facts.since >= _DAY else self._rise(told.facts, now)
            ratio = told.ratio if facts is None or facts.size is None else 1 + facts.size
            drop.hazards.scale(told.ratio)
            drop.reset()
            report.rebaseline(key, now, ratio)

    def _seen(self, tick: int) -> Seen:
        drop, spread = self.drop, self.drop.dispersion
        return Seen(
            self._at(tick),
            self._seconds,
            float(drop.observed[WHOLE]),
            float(drop.expected[WHOLE]),
            float(drop.kappa[WHOLE]),
            float(spread.fast[WHOLE]),
            float(spread.slow[WHOLE]),
            float(spread.drift[WHOLE]),
        )

    @property
    def rise_key(self) -> SeriesKey:
        """The series of rises."""
        return SeriesKey("conversion", "up", self.journey, self.step)

    def _rise(self, facts: Facts, tick: int) -> Finding:
        found = risen_finding(self.drop, facts, self.rise_key, self._at(tick), self.journal.examples())
        return by_the_clock(found, tick, self.clock)

    def _nurse(self, entry: Entry, entered: Entrants, left: Leavers, factor: float, report: Report) -> None:
        opened, tick, now = self.illness.opened, self._at(entry.tick), entry.tick
        assert opened is not None
        turn = self.illness.nurse(
            tick, entered, left, self.drop, self.season, self.lanes, factor=factor, accept=entry.accept
        )
        if turn is None:
            return
        if turn.verb == "update":
            report.update(self._finding(now, opened.ill, opened.key, opened.fired))
            return
        self._in_flight = float(self.drop.flight.aging.counts[:, IN_FLIGHT].sum())
        self._levels = np.zeros(self.drop.series)
        if turn.verb == "resolve":
            report.resolve(opened.key, now)
        else:
            report.rebaseline(opened.key, now, turn.ratio)

    def _finding(self, tick: int, ill: Ill, key: SeriesKey, fired: int | None = None) -> Finding:
        value, examples, notes = self.traffic.value, self.journal.examples(), self.traffic.notes(tick)
        return by_the_clock(told(ill, key, self._at(tick), fired, value, examples, notes), tick, self.clock)

    # Reading

    @property
    def state(self) -> str:
        """`firing`, `learning` (nothing has completed yet), `quiet` (too little volume) or `watching`."""
        if self.illness.opened is not None:
            return "firing"
        if not self.drop.series or self.drop.rate[WHOLE] <= 0:
            return "learning"
        return "watching" if self._watched()[WHOLE] else "quiet"

    @property
    def updated(self) -> int | None:
        """The tick of the last update."""
        return self._last

    @property
    def opens(self) -> int | None:
        """The next second in which the step's time runs, where it stood still after the last update."""
        return self._opens

    @property
    def firing(self) -> list[SeriesKey]:
        """The series that fires, if any."""
        opened = self.illness.opened
        if opened is not None:
            return [opened.key]
        return [self.rise_key] if self.rise is not None and self.rise.risen is not None else []

    def pending(self, tick: int) -> list[Finding]:
        """Series on the way to an alarm, as they look now: the whole, else the one with the most evidence."""
        if self.rise is not None and self.illness.opened is None and self.rise.pending:
            return [self._rise(self.rise.measure(self._seen(tick))[0], tick)]
        if self.illness.opened is not None or not (self._levels >= PENDING).any():
            return []
        level = float(self._levels.max())
        series = WHOLE if self._levels[WHOLE] >= PENDING else int(np.argmax(self._levels))
        dispersion = float(self.drop.dispersion.fast[series])
        return [self._finding(tick, find(self.drop, self.lanes, series, dispersion, level), self.key(series))]

    def rise_state(self) -> str:
        """`state` of the series of rises; it waits while the step is ill."""
        if self.rise is not None and self.rise.risen is not None:
            return "firing"
        return "learning" if self.illness.opened is not None else self.state

    def levels(self) -> list[tuple[SeriesKey, float]]:
        """Series with their evidence: the whole in each direction, and the pending ones."""
        rises = [] if self.rise is None else [(self.rise_key, self.rise.level)]
        return [*(self._drops() if "down" in self.directions else ()), *rises]

    def _drops(self) -> list[tuple[SeriesKey, float]]:
        if not len(self._levels):
            return [(self.key(WHOLE), 0.0)]
        return [
            (self.key(at), float(level))
            for at, level in enumerate(self._levels)
            if at == WHOLE or (level >= PENDING and at < len(self.lanes.series) and self.lanes.series[at])
        ]

    @property
    def due(self) -> float:
        """Completions per second expected of the whole at its last update; 0 while nobody is in flight."""
        return 0.0 if self._rests else float(self.drop.expected[WHOLE]) / max(self._seconds, 1)

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
        self.illness.forget()
        if self.rise is not None:
            self.rise.reset()
        self._last, self._opens, self._seconds, self._entered = None, None, 1, 0
        self._levels = self.credit.granted = np.zeros(0)
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
            self._dirty = True
        if whole:
            days = self.erosion.dump()
            return {"state": self._dump(), "journal": self.journal.dump(past=False), "days": days}
        pieces = {}
        if self.erosion.dirty:
            self.erosion.dirty, pieces["days"] = False, self.erosion.dump()
        if not self._dirty:
            return pieces
        due = tick - self._checkpoint_at >= _CHECKPOINT or self.journal.full
        if due or self._checkpoint_due:
            self._checkpoint_due, self._checkpoint_at = False, tick
            self.journal.clear()
            pieces["state"] = self._dump()
        pieces["journal"] = self.journal.dump()
        self._dirty = False
        return pieces

    def _dump(self) -> bytes:
        falls, aside, opened = self.illness.dump()
        return msgspec.msgpack.encode(
            StepState(
                self.within,
                self.drop.snapshot(),
                self.season.snapshot(),
                self.traffic.flood.state,
                self.lanes.dump(),
                self.interval,
                self._last,
                self._seconds,
                self._entered,
                self.traffic.value,
                falls,
                aside,
                pack(self._levels),
                pack(self.credit.granted),
                opened,
                b"" if self.rise is None else self.rise.dump(),
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
        self.interval, self._last = stored.interval, stored.last
        self._seconds, self._entered = stored.seconds, stored.entered
        self._levels, self.credit.granted = unpack(stored.levels), unpack(stored.credit)
        self.illness.load(stored.falls, stored.aside, stored.open, self.drop.lanes)
        self._in_flight = float(self.drop.flight.aging.counts[:, IN_FLIGHT].sum())
        if self.rise is not None and stored.rise:
            self.rise.load(stored.rise)
        self._look_ahead()
        if journal is not None:
            for entry in self.journal.load(journal, stored.last):
                self._apply(entry, NOBODY)
