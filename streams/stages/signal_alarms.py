"""Signals and arrivals under watch: fed from closed ticks, judged when due, reported to the book of alerts."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

import msgspec

from detectors.series.baseline import HourOfWeek
from detectors.series.counted import Counted
from detectors.series.report import Facts
from detectors.series.scored import Scored
from streams.config.structs import Config, Signal
from streams.effects import Cell, Measured, Partial
from streams.fields import SCALE
from streams.findings import Finding, SeriesKey
from streams.stages.budget import REST
from streams.stages.facts_finding import finding_of
from streams.stages.lanes import Groups
from streams.stages.report import Report
from streams.stages.roster import Roster, Stored
from streams.stages.series import Columns
from streams.stages.signal_sight import view_of
from streams.stages.watched_signals import Name, Scale, Series, counted_as, is_score, key_of, make, scale_of, watched
from streams.view import WatchedView

PIECE = "watched"
LEARNT = f"{PIECE}/learnt"
MOST_SEGMENTS = 2000
"""Series of segment values of all score signals together; further values are watched through the whole only."""


class SignalAlarms:
    """Scores, rates, values and arrivals that the file wants watched. Ticks are seconds, UTC epoch.

    Series by 100 kB at most; as many as there are signals and journeys, and 2,000 segment values of scores.
    """

    def __init__(self, config: Config, hour_of_week: HourOfWeek) -> None:
        self._config = config
        self._hour_of_week = hour_of_week
        self._roster: Roster[Name, Series] = Roster(PIECE, piece, self._part)
        self._scales: dict[str, Scale] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._gone: list[SeriesKey] = []
        """Series that fire and are no longer watched."""
        self._learnt: dict[Name, bytes] = {}
        """What a history taught of segment values that have not been admitted yet."""
        self._learnt_changed = False
        self._use(config, {})

    @property
    def series(self) -> Mapping[Name, Series]:
        """All that is watched."""
        return self._roster.series

    def _part(self, name: Name) -> str:
        return name.journey or self._config.signals[name.signal].journey or REST

    def _use(self, config: Config, before: Mapping[Name, Series]) -> None:
        self._config = config
        self._scales = {name: scale_of(signal) for name, signal in config.signals.items() if is_score(signal)}
        series = watched(config, self._hour_of_week)
        for name, kept in before.items():
            if name in series or (name.dimension and Name("signal", signal=name.signal) in series):
                series[name] = kept
        self._roster.replace(series)

    def activate(self, config: Config, hour_of_week: HourOfWeek) -> None:
        """Follow another file: series keep what they learnt by name, unless what they are has changed."""
        old, self._hour_of_week = self._config, hour_of_week
        kept = {name: series for name, series in self.series.items() if _stays(name, old, config)}
        self._learnt = {name: body for name, body in self._learnt.items() if _stays(name, old, config)}
        self._learnt_changed = True
        for name in self.series.keys() - kept.keys():
            self._drop(name)
        for series in kept.values():
            if isinstance(series, Counted):
                series.baseline.hour_of_week = hour_of_week
        self._use(config, kept)

    def regroup(self, groups: Groups) -> None:
        """Segment values were admitted or lost their place."""
        self._groups = {dimension: frozenset(values) for dimension, values in groups}
        for name in [name for name in self.series if name.dimension]:
            if name.value not in self._groups.get(name.dimension, ()):
                self._drop(name)

    def _drop(self, name: Name) -> None:
        series = self.series[name]
        self._gone += [
            key_of(name, direction) for direction in series.directions if series.state_of(direction) == "firing"
        ]
        self._roster.drop(name)

    # Every tick

    def take(self, tick: int, partials: Sequence[tuple[Partial, Columns]]) -> None:
        """The partials of a tick, with what their cells mean; ticks come in order."""
        roster = self._roster
        roster.begin(tick)
        counts: dict[Name, int] = {}
        scores: dict[Name, dict[float, int]] = {}
        minutes: dict[Name, tuple[list[int], dict[int, int]]] = {}
        for partial, columns in partials:
            for entered in partial.entered:
                arrivals = Name("arrivals", entered.journey, entered.step)
                if arrivals in self.series:
                    counts[arrivals] = counts.get(arrivals, 0) + entered.count
            for measured in partial.measured:
                name = Name("signal", signal=measured.signal)
                series = self.series.get(name)
                if isinstance(series, Counted):
                    counts[name] = counts.get(name, 0) + measured.n
                elif isinstance(series, Scored):
                    self._score(tick, name, measured, columns, scores)
                elif series is not None:
                    _collect(minutes.setdefault(name, ([0, 0, 0, 0], {})), measured)
        for name in sorted({*counts, *scores, *minutes}):
            series = self.series[name]
            if isinstance(series, Counted):
                news = series.take(tick, float(counts[name])) if counts[name] else []
            elif isinstance(series, Scored):
                news = series.take(tick, scores[name])
            else:
                news = series.take(tick, *minutes[name])
            roster.note(name, news)
        roster.plan()

    def _score(
        self, tick: int, whole: Name, measured: Measured, columns: Columns, scores: dict[Name, dict[float, int]]
    ) -> None:
        """Book answers in the whole and in the admitted values of their cell."""
        if not measured.scores:
            return
        scale = self._scales[whole.signal]
        for name in (whole, *self._segments(tick, whole, measured.cell, columns)):
            counts = scores.setdefault(name, {})
            for point, count in measured.scores.items():
                value = counted_as(scale, point / SCALE)
                counts[value] = counts.get(value, 0) + count

    def _segments(self, tick: int, whole: Name, cell: Cell, columns: Columns) -> list[Name]:
        found = []
        for dimension, at in columns:
            if at >= 0 and cell[at] in self._groups.get(dimension.name, ()):
                name = whole._replace(dimension=dimension.name, value=cell[at])
                if name not in self.series:
                    if sum(1 for other in self.series if other.dimension) >= MOST_SEGMENTS:
                        continue
                    made = self._made(name)
                    learnt = self._learnt.pop(name, None)
                    if learnt is not None:
                        made.learn(learnt)
                        made.begin(tick)
                        self._learnt_changed = True
                    self._roster.add(name, made, tick)
                found.append(name)
        return found

    def next_due(self) -> int | None:
        """The earliest tick that has to be closed though nothing arrives."""
        return self._roster.next_due

    def live(self) -> dict[str, int]:
        """How many series can be given credit now, by journey; REST for those of none."""
        return self._roster.live

    def close(self, tick: int, credit: Mapping[str, float], report: Report, bar: float = 1.0) -> None:
        """Judge what is due at the close of a tick.

        `credit`: false alarms per second granted from here on to each series that `live` counted, by journey with a
        part of the budget, and REST for the others; `bar` ≥ 1: the evidence that fires.
        """
        news = self._roster.judge(tick, credit, bar)
        gone, self._gone = self._gone, []
        for key in gone:
            report.resolve(key, tick)
        for name, one in news:
            key = key_of(name, one.direction)
            if one.facts is not None:
                finding = self._finding(name, key, one.facts, one.tick)
                report.fire(finding) if one.verb == "fire" else report.update(finding)
            elif one.verb == "rebaseline":
                report.rebaseline(key, one.tick, one.ratio)
            else:
                report.resolve(key, one.tick)

    def accept(self, key: SeriesKey) -> None:
        """Somebody says that what is seen since the alarm is normal."""
        for name, series in self.series.items():
            if key_of(name, key.direction) == key:
                series.accept()
                self._roster.note(name)
        self._roster.plan()

    # Reading

    def _finding(self, name: Name, key: SeriesKey, facts: Facts, tick: int) -> Finding:
        segments = ({name.dimension: name.value},) if name.dimension else ()
        return finding_of(facts, key, tick, segments=segments, guarantee=self.series[name].guarantee)

    def pending(self, tick: int) -> list[Finding]:
        """Series on the way to an alarm, as known now."""
        found = []
        for name, series in self.series.items():
            for direction in series.directions:
                if series.state_of(direction) == "pending":
                    facts = series.facts(direction)
                    if facts is not None:
                        found.append(self._finding(name, key_of(name, direction), facts, tick))
        return found

    def watched(self) -> list[WatchedView]:
        """Every series and direction, and what it can see by now."""
        return [
            view_of(name, series, direction, self._config.signals.get(name.signal))
            for name, series in sorted(self.series.items())
            for direction in series.directions
        ]

    # Learning from history

    def learnt(self) -> list[tuple[Name, bytes]]:
        """What is usual in every series that has seen enough. None of them is of use afterwards."""
        told = [(name, series.learnt()) for name, series in sorted(self.series.items())]
        return [(name, body) for name, body in told if body is not None]

    def learn(self, learnt: Iterable[tuple[Name, bytes]]) -> None:
        """Begin with what `learnt` gave. Raises ValueError where a series is another one now."""
        for name, body in learnt:
            whole = name._replace(dimension="", value="")
            if whole not in self.series or (name.dimension and name.signal not in self._scales):
                continue
            series = self._made(name) if name.dimension else self.series[name]
            try:
                series.learn(body)
            except ValueError as error:
                raise ValueError(
                    f"{name.signal or name.journey}: learnt as another signal than it is in the file now ({error}):"
                    " learn again with this file"
                ) from None
            if name.dimension:
                self._learnt[name] = body
                self._learnt_changed = True
            else:
                self._roster.wait(name)
        self._roster.plan()

    def _made(self, name: Name) -> Series:
        made = make(name.signal, self._config.signals[name.signal], self._hour_of_week)
        assert made is not None
        return made

    # Pieces

    def changes(self, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        pieces = self._roster.changes(whole=whole)
        if self._learnt if whole else self._learnt_changed:
            pieces[LEARNT] = zlib.compress(msgspec.msgpack.encode(sorted(self._learnt.items())), 1)
        if not whole:
            self._learnt_changed = False
        return pieces

    def load(self, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of what `changes` gave, under the same file. What has no piece begins anew."""
        body = pieces.get(PIECE)
        if body is None:
            return
        learnt = pieces.get(LEARNT)
        self._learnt = {} if learnt is None else dict(_DECODE_LEARNT(zlib.decompress(learnt)))
        self._learnt_changed = False
        self._roster.load(_DECODE(body), pieces, self._segment)

    def _segment(self, name: Name) -> Series | None:
        """A series of a segment value that was stored, new; None when it is none that is watched now."""
        return self._made(name) if name.dimension and name.signal in self._scales else None


_DECODE = msgspec.msgpack.Decoder(Stored[Name]).decode
_DECODE_LEARNT = msgspec.msgpack.Decoder(list[tuple[Name, bytes]]).decode


def piece(name: Name) -> str:
    """The name of a series' piece."""
    return "/".join((PIECE, *(quote(part, safe="") for part in name)))


def _collect(minute: tuple[list[int], dict[int, int]], measured: Measured) -> None:
    sums, histogram = minute
    for at, count in enumerate((measured.n, measured.total, measured.top, measured.bottom)):
        sums[at] += count
    for bucket, count in measured.histogram.items():
        histogram[bucket] = histogram.get(bucket, 0) + count


def _stays(name: Name, old: Config, new: Config) -> bool:
    """Whether what was learnt of a series still holds under another file."""
    if name.kind == "arrivals":
        before, after = old.journeys[name.journey], new.journeys.get(name.journey)
        return after is not None and (before.arrivals, before.steps[0]) == (after.arrivals, after.steps[0])
    signal = new.signals.get(name.signal)
    return signal is not None and _meant(old.signals[name.signal]) == _meant(signal)


def _meant(signal: Signal) -> tuple[object, ...]:
    return signal.as_, signal.value, signal.scale, signal.where, signal.on, signal.of, signal.watch, signal.detector
