"""Rolling counts of every journey step, for the whole and per segment value."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec

from streams.care.open_time import OpenTime
from streams.config.structs import Config, Journey
from streams.effects import Partial
from streams.estimates import Estimate
from streams.histogram import bucket
from streams.rules import deadlines, openings
from streams.segments import OTHER, Dimension
from streams.stages.cohorts import Cohorts, Counts
from streams.stages.series import Columns
from streams.stages.step import (
    ABANDONED,
    COMPLETED,
    ENTERED,
    IN_TIME,
    MATURED,
    MERGED,
    NARROW,
    RECOVERED,
    VALUE_COMPLETED,
    VALUE_ENTERED,
    WIDE,
    Step,
    StepSeries,
    cohort,
)
from streams.stages.step_view import SEGMENT_WINDOWS, SegmentWindows, show
from streams.view import StepTotals, StepView
from streams.windows import STANDARD, Rings

Key = tuple[str, str]
"""Journey and step."""


class _Piece(msgspec.Struct, array_like=True):
    tick: int | None
    since: int | None
    series: list[tuple[str, str, list[int]]]
    rings: bytes
    pending: dict[int, dict[int, Counts]]
    marks: list[int]
    duration: bytes


class Steps:
    """Every step of the file. `take` the partials of a tick, then `close` it."""

    def __init__(self, config: Config, windows: Sequence[int]) -> None:
        """`windows`: seconds, beside the standard ones."""
        self.rings = Rings({*STANDARD.values(), *windows}, NARROW, WIDE)
        self.steps: dict[Key, Step] = {}
        self.dirty: set[Key] = set()
        self._delta: dict[int, list[int]] = {}
        self._due: int | None = None
        """Earliest maturity of any cohort."""
        self.activate(config, windows, None)

    def activate(self, config: Config, windows: Sequence[int], since: int | None) -> None:
        """Follow another file: steps keep their counts by name, new ones count entries from tick `since` on."""
        self.rings = self.rings.rewindowed({*STANDARD.values(), *windows})
        before, self.steps = self.steps, {}
        for name, journey in config.journeys.items():
            for at, (step, next_step, deadline, opening) in enumerate(_plan(config, journey)):
                kept = before.pop((name, step), None)
                if kept is None:
                    kept = Step(self._open(), since)
                kept.next_step = next_step
                if at == len(journey.steps) - 1:
                    kept.cohorts = None
                elif kept.cohorts is None:
                    kept.cohorts = Cohorts(deadline, opening)
                else:
                    kept.cohorts.retime(deadline, opening)
                self.steps[name, step] = kept
                self.dirty.add((name, step))
        for gone in before.values():
            for _, series in gone.table:
                self.rings.close(series.row)
        self.dirty &= self.steps.keys()
        self._plan_due()

    def _plan_due(self) -> None:
        dues = [step.cohorts.next_due() for step in self.steps.values() if step.cohorts is not None]
        self._due = min((due for due in dues if due is not None), default=None)

    def next_due(self) -> int | None:
        """The earliest tick at whose close a cohort matures."""
        return self._due

    # Counting

    def take(self, partial: Partial, columns: Columns) -> None:
        """Book a partial's entries, outcomes and marks in its tick."""
        tick = partial.tick
        for entered in partial.entered:
            key = (entered.journey, entered.step)
            step = self.steps.get(key)
            entry_tick = tick - entered.ticks_late
            if step is None or (step.since is not None and entry_tick < step.since):
                continue
            self.dirty.add(key)
            for series in step.table.find(columns, entered.cell, entry_tick, self._open):
                delta = self._of(series.row)
                delta[ENTERED] += entered.count
                delta[VALUE_ENTERED] += entered.value
                series.totals[ENTERED] += entered.count
                if step.cohorts is not None:
                    step.cohorts.add(series.row, entry_tick, entered.count, 0, 0)
        for outcome in partial.outcomes:
            key = (outcome.journey, outcome.step)
            step = self.steps.get(key)
            entry_tick = outcome.entry_tick
            if step is None or (step.since is not None and entry_tick < step.since):
                continue
            self.dirty.add(key)
            for series in step.table.find(columns, outcome.cell, entry_tick, self._open):
                delta = self._of(series.row)
                delta[COMPLETED] += outcome.completed
                delta[ABANDONED] += outcome.abandoned
                delta[RECOVERED] += outcome.recovered
                delta[VALUE_COMPLETED] += outcome.completed_value
                totals = series.totals
                totals[COMPLETED] += outcome.completed
                totals[ABANDONED] += outcome.abandoned
                totals[RECOVERED] += outcome.recovered
                totals[MERGED] += outcome.merged
                if step.cohorts is not None and (outcome.completed or outcome.merged):
                    step.cohorts.add(series.row, entry_tick, 0, outcome.completed, outcome.merged)
            if outcome.completed and step.cohorts is not None:
                step.duration.add({bucket(max(tick - entry_tick, 0)): outcome.completed}, tick)
        for mark in partial.marks:
            step = self.steps.get((mark.journey, mark.step))
            if step is not None:
                self.dirty.add((mark.journey, mark.step))
                step.marks[0] += mark.skipped
                step.marks[1] += mark.repeated
                step.marks[2] += mark.unattributed

    def _of(self, row: int) -> list[int]:
        delta = self._delta.get(row)
        if delta is None:
            delta = self._delta[row] = [0] * (NARROW + WIDE)
        return delta

    def _open(self) -> StepSeries:
        return StepSeries(self.rings.open())

    def forget(self) -> None:
        """Values were admitted or lost their place."""
        for step in self.steps.values():
            step.table.forget()

    def close(self, tick: int) -> set[int]:
        """Let cohorts mature and close the tick; returns the rows that changed."""
        booked = bool(self._delta)
        if booked or (self._due is not None and self._due <= tick):
            for key, step in self.steps.items():
                if step.cohorts is not None:
                    for row, entered, completed in step.cohorts.mature(tick):
                        delta = self._of(row)
                        delta[MATURED] += entered
                        delta[IN_TIME] += completed
                        self.dirty.add(key)
            self._plan_due()
        self.rings.advance(tick)
        if not self._delta:
            return set()
        self.rings.add(list(self._delta), list(self._delta.values()))
        changed = set(self._delta)
        self._delta = {}
        return changed

    def free(self, dimension: str, values: Iterable[str]) -> None:
        """Values that lost their place: what they counted is `other` from now on."""
        for value in values:
            for key, step in self.steps.items():
                series = step.table.remove((dimension, value))
                if series is None:
                    continue
                self.dirty.add(key)
                other = step.table.values.get((dimension, OTHER))
                if other is None:
                    other = step.table.values[dimension, OTHER] = self._open()
                for at, count in enumerate(series.totals):
                    other.totals[at] += count
                if step.cohorts is not None:
                    step.cohorts.fold(series.row, other.row)
                self.rings.fold(series.row, other.row)

    def keep_dimensions(self, names: set[str]) -> None:
        """Drop the series of dimensions that are no longer in the file."""
        for key, step in self.steps.items():
            for place in [place for place in step.table.values if place[0] not in names]:
                series = step.table.values[place]
                step.table.remove(place)
                if step.cohorts is not None:
                    step.cohorts.drop(series.row)
                self.rings.close(series.row)
                self.dirty.add(key)

    # Reading

    def totals(self, key: Key) -> StepTotals:
        """A step's counts since the beginning."""
        step = self.steps[key]
        return step.table.whole.counts(step.marks)

    def conversion(self, key: Key, seconds: int) -> Estimate:
        """Conversion by matured cohort in one window: what an `expect` on a step looks at."""
        return cohort(self.rings.row(seconds, self.steps[key].table.whole.row))

    def view(self, key: Key, dimensions: Sequence[Dimension], windows: SegmentWindows, breached: bool) -> StepView:
        """One step as shown; `windows` from `segment_windows`."""
        return show(key[1], self.steps[key], self.rings, dimensions, windows, breached)

    def segment_windows(self) -> SegmentWindows:
        """All series over the windows that segments show, summed at once."""
        rows = range(self.rings.rows)
        return {name: self.rings.sums(STANDARD[name], rows) for name in SEGMENT_WINDOWS}

    # Pieces

    def dump(self, key: Key) -> bytes:
        """A step's series, for `load`."""
        step = self.steps[key]
        series = [(*place, series) for place, series in step.table]
        number = {series.row: at for at, (_, _, series) in enumerate(series)}
        pending = {} if step.cohorts is None else step.cohorts.dump()
        piece = _Piece(
            tick=self.rings.tick,
            since=step.since,
            series=[(dimension, value, series.totals) for dimension, value, series in series],
            rings=self.rings.dump([series.row for _, _, series in series]),
            pending={slot: {number[row]: n for row, n in rows.items()} for slot, rows in pending.items()},
            marks=step.marks,
            duration=step.duration.dump(),
        )
        return zlib.compress(msgspec.msgpack.encode(piece), 1)

    def load(self, key: Key, body: bytes) -> None:
        """Take what `dump` wrote under the same file; the rings stand at the tick of the whole stage."""
        step = self.steps[key]
        piece = _DECODE(zlib.decompress(body))
        rows: list[int] = []
        step.since = piece.since
        step.marks = piece.marks
        for dimension, value, totals in piece.series:
            if dimension:
                series = step.table.values[dimension, value] = self._open()
            else:
                series = step.table.whole
            series.totals = totals
            rows.append(series.row)
        if piece.tick is not None:
            self.rings.load(rows, piece.rings, piece.tick)
        if step.cohorts is not None:
            step.cohorts.load(
                {slot: {rows[at]: counts for at, counts in held.items()} for slot, held in piece.pending.items()}
            )
        step.duration.load(piece.duration)
        self.dirty.discard(key)
        self._plan_due()


_DECODE = msgspec.msgpack.Decoder(_Piece).decode


def _plan(config: Config, journey: Journey) -> list[tuple[str, str | None, int, OpenTime | None]]:
    """Per step: name, next step, microseconds a customer may stay in it, and the open time in which they run."""
    names = [step.name for step in journey.steps]
    return list(zip(names, [*names[1:], None], deadlines(journey), openings(journey, config.calendars), strict=True))
