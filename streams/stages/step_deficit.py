"""Fewer customers go on from a step than should: its evidence by series, its alarm, and what is told of it."""

from __future__ import annotations

import numpy as np

from detectors.recursion import PENDING, Floats
from detectors.steps.flight import Entrants, Leavers
from detectors.steps.season import Season
from detectors.steps.step_drop import StepDrop
from streams.findings import Finding, SeriesKey
from streams.stages.lanes import WHOLE, Lanes
from streams.stages.report import Report
from streams.stages.step_finding import Ill, by_the_clock, find, told
from streams.stages.step_illness import Illness, fallen
from streams.stages.step_journal import Entry, StepJournal
from streams.stages.step_schedule import StepSchedule
from streams.stages.step_traffic import StepTraffic


class StepDeficit:
    """Of one step, its segment values included. Ticks are seconds, UTC epoch.

    What a customer is worth comes from its traffic, examples from its journal.
    """

    def __init__(
        self,
        whole: SeriesKey,
        drop: StepDrop,
        lanes: Lanes,
        schedule: StepSchedule,
        traffic: StepTraffic,
        journal: StepJournal,
    ) -> None:
        self._whole = whole
        self._drop = drop
        self._lanes = lanes
        self._schedule = schedule
        self._traffic = traffic
        self._journal = journal
        self.illness = Illness(schedule.within, schedule.clock)
        self.levels: Floats = np.zeros(0)
        """Evidence by series at the last update."""

    @property
    def firing(self) -> SeriesKey | None:
        """The series whose alarm stands."""
        return None if self.illness.opened is None else self.illness.opened.key

    def fall(self, entry: Entry, season: Season, report: Report) -> None:
        """Evidence reached the bar: say so, unlearning what was learnt since the drop began."""
        drop, tick = self._drop, self._schedule.at(entry.tick)
        series = fallen(self.levels, entry.bar)
        fast = drop.fast.levels[series] >= drop.slow.levels[series]
        dispersion = float((drop.dispersion.fast if fast else drop.dispersion.slow)[series])
        ill, key = find(drop, self._lanes, series, dispersion, float(self.levels[series])), self._key(series)
        self.illness.begin(tick, key, ill, series, drop, season)
        report.fire(self._finding(entry.tick, ill, key, tick))

    def nurse(
        self, entry: Entry, entered: Entrants, left: Leavers, factor: float, season: Season, report: Report
    ) -> None:
        """One update while its alarm stands; `factor`: that of the hour of the week."""
        opened, now = self.illness.opened, entry.tick
        assert opened is not None
        turn = self.illness.nurse(
            self._schedule.at(now),
            entered,
            left,
            self._drop,
            season,
            self._lanes,
            factor=factor,
            accept=entry.accept,
        )
        if turn is None:
            return
        if turn.verb == "update":
            report.update(self._finding(now, opened.ill, opened.key, opened.fired))
            return
        self._schedule.recount()
        self.levels = np.zeros(self._drop.series)
        if turn.verb == "resolve":
            report.resolve(opened.key, now)
        else:
            report.rebaseline(opened.key, now, turn.ratio)

    def pending(self, tick: int) -> list[Finding]:
        """What is on the way to an alarm, as it looks now: the whole, else the series with the most evidence."""
        if self.illness.opened is not None or not (self.levels >= PENDING).any():
            return []
        level = float(self.levels.max())
        series = WHOLE if self.levels[WHOLE] >= PENDING else int(np.argmax(self.levels))
        dispersion = float(self._drop.dispersion.fast[series])
        ill = find(self._drop, self._lanes, series, dispersion, level)
        return [self._finding(tick, ill, self._key(series))]

    def evidence(self) -> list[tuple[SeriesKey, float]]:
        """The whole and the pending series with their evidence."""
        if not len(self.levels):
            return [(self._whole, 0.0)]
        series = self._lanes.series
        return [
            (self._key(at), float(level))
            for at, level in enumerate(self.levels)
            if at == WHOLE or (level >= PENDING and at < len(series) and series[at])
        ]

    def _key(self, series: int) -> SeriesKey:
        dimension, value = self._lanes.series[series] or ("", "")
        whole = self._whole
        return SeriesKey(whole.kind, whole.direction, whole.journey, whole.step, "", dimension, value)

    def _finding(self, tick: int, ill: Ill, key: SeriesKey, fired: int | None = None) -> Finding:
        value, examples, notes = self._traffic.value, self._journal.examples(), self._traffic.notes(tick)
        schedule = self._schedule
        return by_the_clock(told(ill, key, schedule.at(tick), fired, value, examples, notes), tick, schedule.clock)

    def forget(self) -> None:
        """No evidence, and there never was an alarm."""
        self.illness.forget()
        self.levels = np.zeros(0)
