"""All journey steps under watch for fewer customers who go on, or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from streams.care.open_time import OpenTime
from streams.config.caring import Calendar
from streams.config.structs import Config, Journey
from streams.effects import Cell, Partial
from streams.findings import SeriesKey
from streams.rules import deadlines, openings
from streams.stages.budget import NONE, REST, Shares
from streams.stages.lanes import Groups
from streams.stages.report import Report
from streams.stages.series import UNKNOWN, Columns
from streams.stages.step_clock import StepClock
from streams.stages.step_watch import HourOfWeek, StepWatch
from streams.stages.watched_signals import directions

Key = tuple[str, str]
_PIECE = "watch"
_REMEMBERED = 50_000


class Part(msgspec.Struct, array_like=True):
    """The same of a journey with a part of the budget for itself."""

    shares: Shares = NONE
    whole: float = 0.0
    segment: float = 0.0


class Spent(msgspec.Struct, array_like=True):
    """Expected false alarms granted so far to a whole and to a segment value that have always been live."""

    tick: int | None = None
    shares: Shares = NONE
    """In force since then, per second."""
    whole: float = 0.0
    segment: float = 0.0
    steps: dict[str, tuple[float, float]] = {}
    """`journey/step` -> what both had come to at its last update."""
    # What follows came later.
    parts: dict[str, Part] = {}

    def pass_until(self, tick: int) -> None:
        """Time goes on under the shares in force."""
        elapsed = 0 if self.tick is None else tick - self.tick
        parts: list[Spent | Part] = [self, *self.parts.values()]
        for part in parts:
            part.whole += part.shares.whole * elapsed
            part.segment += part.shares.segment * elapsed
        self.tick = tick

    def grant(self, shares: Mapping[str, Shares]) -> None:
        """From now on these are in force, by part."""
        self.shares = shares.get(REST, NONE)
        own = {name: self.parts.get(name, Part()) for name in shares if name != REST}
        # A journey that comes under another part begins to count there from nothing.
        for name in own.keys() ^ self.parts.keys():
            self.steps = {key: at for key, at in self.steps.items() if key.partition("/")[0] != name}
        self.parts = own
        for name, part in own.items():
            part.shares = shares[name]

    def since(self, journey: str, step: str) -> tuple[float, float]:
        """What was granted to a whole and to a segment value of a step since this was asked for last."""
        part = self.parts.get(journey, self)
        before = self.steps.get(f"{journey}/{step}", (part.whole, part.segment))
        self.steps[f"{journey}/{step}"] = (part.whole, part.segment)
        return part.whole - before[0], part.segment - before[1]


class StepAlarms:
    """Every step of the file but goals, unless its journey says `watch: off`. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config, hour_of_week: HourOfWeek) -> None:
        self.steps: dict[Key, StepWatch] = {}
        self.dimensions = tuple(segment.name for segment in config.segments)
        self._people = _people(config)
        self._cells: dict[Cell, Cell] = {}
        self._columns: Columns | None = None
        self._due: int | None = None
        self.spent = Spent()
        self._make(config, hour_of_week, {})

    def _make(self, config: Config, hour_of_week: HourOfWeek, before: Mapping[Key, StepWatch]) -> None:
        self.steps = {}
        for name, journey in config.journeys.items():
            asked = directions(journey.watch, ("down",))
            for step, within, opening in watched(journey, config.calendars):
                clock = StepClock(opening)
                kept = before.get((name, step))
                # An alarm in a direction that nobody asks for any more has nobody to end it.
                unasked = kept is not None and any(key.direction not in asked for key in kept.firing)
                same = kept is not None and kept.within == within and kept.clock.agrees(clock, kept.schedule.last)
                if kept is None or not same or unasked:
                    kept = StepWatch(name, step, within, hour_of_week, asked, clock)
                kept.follow(hour_of_week, asked, clock)
                self.steps[name, step] = kept

    def activate(self, config: Config, hour_of_week: HourOfWeek) -> list[SeriesKey]:
        """Follow another file: steps keep what they learnt by name.

        Unless their time, the calendar in which it runs, the dimensions or who is staff changed.

        Returns the series that fire and are no longer watched as they were.
        """
        dimensions = tuple(segment.name for segment in config.segments)
        old = self.steps
        before = old if (dimensions, _people(config)) == (self.dimensions, self._people) else {}
        self.dimensions, self._people = dimensions, _people(config)
        self._columns = None
        self._make(config, hour_of_week, before)
        self._plan()
        kept = set(map(id, self.steps.values()))
        return [key for watch in old.values() if id(watch) not in kept for key in watch.firing]

    # Every tick

    def take(self, tick: int, partials: Sequence[tuple[Partial, Columns]]) -> None:
        """The partials of a tick, with what their cells mean."""
        for partial, columns in partials:
            for entered in partial.entered:
                watch = self.steps.get((entered.journey, entered.step))
                if watch is not None:
                    cell = self._cell(entered.cell, columns)
                    watch.enter(cell, tick - entered.ticks_late, entered.count, entered.value)
                    watch.erosion.enter(tick - entered.ticks_late, entered.count)
            for outcome in partial.outcomes:
                watch = self.steps.get((outcome.journey, outcome.step))
                gone = outcome.abandoned + outcome.merged
                # A recovered customer had been abandoned before and is no longer in flight.
                if watch is not None and (outcome.completed or gone):
                    cell = self._cell(outcome.cell, columns)
                    watch.leave(cell, outcome.entry_tick, outcome.completed, gone, tick)
                    watch.erosion.leave(outcome.entry_tick, outcome.completed, outcome.merged)
            for sample in partial.entrants:
                watch = self.steps.get((sample.journey, sample.step))
                if watch is not None:
                    watch.journal.samples.append((tick, sample.subjects))
        if partials:
            self._plan()

    def _cell(self, cell: Cell, columns: Columns) -> Cell:
        """A partial's cell in the dimensions of the file in force; detection does not know employees."""
        if columns is not self._columns:
            self._columns = columns
            self._cells = {}
        known = self._cells.get(cell)
        if known is None:
            if len(self._cells) >= _REMEMBERED:
                self._cells.clear()
            known = self._cells[cell] = tuple(
                UNKNOWN if at < 0 or dimension.name in self._people else cell[at] for dimension, at in columns
            )
        return known

    def accept(self, series: SeriesKey) -> None:
        """Somebody says that what is seen since the alarm is normal."""
        watch = self.steps.get((series.journey, series.step))
        if watch is not None and series.kind == "conversion":
            watch.accept()
            self._plan()

    def next_due(self) -> int | None:
        """The earliest tick at which a step has to be judged."""
        return self._due

    def _plan(self) -> None:
        dues = [due for watch in self.steps.values() if (due := watch.next_due()) is not None]
        self._due = min(dues, default=None)

    def live(self) -> dict[str, tuple[int, int]]:
        """Wholes and segment values that can be given credit, by journey."""
        counts: dict[str, tuple[int, int]] = {}
        for (journey, _), watch in self.steps.items():
            wholes, segments = counts.get(journey, (0, 0))
            counts[journey] = wholes + watch.live[0], segments + watch.live[1]
        return counts

    def close(self, tick: int, groups: Groups, report: Report, bar: float = 1.0) -> None:
        """Judge every step that is due; `bar` ≥ 1: the evidence that fires.

        A step gets what was granted since its last update, second by second: what was handed out never exceeds the
        budget, however the shares have moved meanwhile. `grant` says what holds from here on.
        """
        spent = self.spent
        spent.pass_until(tick)
        if self._due is None or tick < self._due:
            return
        for (journey, step), watch in self.steps.items():
            due = watch.next_due()
            if due is None or tick < due:
                continue
            whole, segment = spent.since(journey, step)
            last = watch.schedule.last
            seconds = 1 if last is None else max(tick - last, 1)
            watch.close(tick, groups, whole / seconds, segment / seconds, report, bar)
        self._plan()

    def grant(self, shares: Mapping[str, Shares]) -> None:
        """What is granted to each series from here on, by part of the budget."""
        self.spent.grant(shares)

    # Learning from history

    def learnt(self) -> list[tuple[str, str, bytes]]:
        """What is normal in every step that has seen anything: journey, step, baseline."""
        return [(*key, watch.learnt()) for key, watch in self.steps.items() if watch.drop.tick is not None]

    def learn(self, learnt: list[tuple[str, str, bytes]]) -> None:
        """Begin with what `learnt` gave. Raises ValueError where a step is another one now."""
        for journey, step, body in learnt:
            watch = self.steps.get((journey, step))
            if watch is not None:
                watch.learn(body)

    # Pieces

    def changes(self, tick: int, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        pieces = {}
        for (journey, step), watch in self.steps.items():
            for part, body in watch.changes(tick, whole=whole).items():
                pieces[f"{_PIECE}/{journey}/{step}/{part}"] = body
        return pieces

    def load(self, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of what `changes` gave."""
        for (journey, step), watch in self.steps.items():
            state = pieces.get(f"{_PIECE}/{journey}/{step}/state")
            if state is not None:
                place = f"{_PIECE}/{journey}/{step}"
                watch.load(state, pieces.get(f"{place}/journal"), pieces.get(f"{place}/days"))
        self._plan()


def watched(journey: Journey, calendars: Mapping[str, Calendar]) -> list[tuple[str, int, OpenTime | None]]:
    """Steps whose conversion is watched, the seconds a customer may stay in each, and the open time they run in."""
    if journey.watch == "off":
        return []
    return [
        (step.name, max(-(-deadline // 1_000_000), 1), opening)
        for step, deadline, opening in zip(
            journey.steps[:-1], deadlines(journey)[:-1], openings(journey, calendars)[:-1], strict=True
        )
    ]


def _people(config: Config) -> frozenset[str]:
    """Dimensions whose values are members of staff."""
    return frozenset(segment.name for segment in config.segments) & frozenset(config.access.employees)
