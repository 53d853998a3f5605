"""More customers go on from a step than should: its evidence, its alarm, and what is told of it."""

from __future__ import annotations

import numpy as np

from detectors.series.report import Facts
from detectors.steps.deficit import counted
from detectors.steps.season import Season
from detectors.steps.step_drop import StepDrop
from detectors.steps.step_rise import Seen, StepRise
from streams.findings import Finding, SeriesKey
from streams.stages.lanes import WHOLE
from streams.stages.report import Report
from streams.stages.step_finding import by_the_clock, risen
from streams.stages.step_journal import Entry, StepJournal
from streams.stages.step_schedule import StepSchedule

_DAY = 86_400


class StepSurplus:
    """Of the whole of one step; examples come from its journal. Ticks are seconds, UTC epoch."""

    def __init__(self, key: SeriesKey, drop: StepDrop, schedule: StepSchedule, journal: StepJournal) -> None:
        self.key = key
        self._drop = drop
        self._schedule = schedule
        self._journal = journal
        self._rise = StepRise()

    @property
    def firing(self) -> bool:
        """Whether an alarm stands."""
        return self._rise.risen is not None

    @property
    def pending(self) -> bool:
        """Whether it is on the way to one."""
        return self._rise.pending

    @property
    def level(self) -> float:
        """Its evidence."""
        return self._rise.level

    def judge(self, entry: Entry, credit: float, season: Season, report: Report) -> None:
        """One update, which the drop has seen; `credit`: expected false alarms granted for it."""
        drop, now = self._drop, entry.tick
        tick = self._schedule.at(now)
        if entry.accept:
            self._rise.accept()
        told = self._rise.update(self._seen(now), credit, entry.bar, seasonal=season.known)
        if told is None:
            return
        if told.verb == "fire":
            assert told.facts is not None
            lanes = np.arange(drop.lanes, dtype=np.int64)
            drop.hazards.undo(told.facts.since, tick, counted(drop, lanes, told.facts.since)[0])
            season.forget_open()
            report.fire(self._finding(told.facts, now))
        elif told.verb == "update":
            assert told.facts is not None
            if tick - told.facts.since < _DAY:
                report.update(self._finding(told.facts, now))
        elif told.verb == "resolve":
            report.resolve(self.key, now)
        else:
            # Of those who entered, not of those in flight at each moment: who goes on sooner is due less often.
            facts = None if told.facts is None or tick - told.facts.since >= _DAY else self._finding(told.facts, now)
            ratio = told.ratio if facts is None or facts.size is None else 1 + facts.size
            drop.hazards.scale(told.ratio)
            drop.reset()
            report.rebaseline(self.key, now, ratio)

    def end(self, tick: int, report: Report) -> None:
        """Fewer go on than should: it is over, and nothing of it is evidence."""
        if self.firing:
            report.resolve(self.key, tick)
        self.forget()

    def forget(self) -> None:
        """No evidence, no alarm, and nothing of before."""
        self._rise.reset()

    def finding(self, tick: int) -> Finding:
        """It as it looks now."""
        return self._finding(self._rise.measure(self._seen(tick))[0], tick)

    def _finding(self, facts: Facts, tick: int) -> Finding:
        found = risen(self._drop, facts, self.key, self._schedule.at(tick), self._journal.examples())
        return by_the_clock(found, tick, self._schedule.clock)

    def _seen(self, tick: int) -> Seen:
        drop, spread = self._drop, self._drop.dispersion
        return Seen(
            self._schedule.at(tick),
            self._schedule.seconds,
            float(drop.observed[WHOLE]),
            float(drop.expected[WHOLE]),
            float(drop.kappa[WHOLE]),
            float(spread.fast[WHOLE]),
            float(spread.slow[WHOLE]),
            float(spread.drift[WHOLE]),
        )

    def dump(self) -> bytes:
        """Everything, for `load`."""
        return self._rise.dump()

    def load(self, body: bytes) -> None:
        """Take what `dump` wrote."""
        self._rise.load(body)
