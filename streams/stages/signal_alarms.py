"""Signals and arrivals under watch: fed from closed ticks, judged when due, reported to the book of alerts."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

import msgspec

from detectors.series.baseline import HourOfWeek
from detectors.series.counted import Counted
from detectors.series.granted import Granted
from detectors.series.report import Direction, Facts
from detectors.series.report import Report as News
from detectors.series.scored import Scored
from streams.config.structs import Config, Signal
from streams.effects import Cell, Measured, Partial
from streams.fields import SCALE
from streams.findings import Finding, SeriesKey, Watched
from streams.stages.budget import REST
from streams.stages.facts_finding import finding_of
from streams.stages.lanes import Groups
from streams.stages.minutes import Minutes
from streams.stages.report import Report
from streams.stages.series import Columns
from streams.stages.watched_signals import Name, Scale, Series, counted_as, is_score, make, scale_of, watched
from streams.view import WatchedView

PIECE = "watched"
LEARNT = f"{PIECE}/learnt"
MOST_SEGMENTS = 2000
"""Series of segment values of all score signals together; further values are watched through the whole only."""
_WEEK = 604_800


class _Stored(msgspec.Struct, array_like=True):
    names: list[Name]
    credit: float
    # What follows came later.
    granted: dict[Name, Granted] | None = None
    bar: float = 1.0


class SignalAlarms:
    """Scores, rates, values and arrivals that the file wants watched. Ticks are seconds, UTC epoch.

    Series by 100 kB at most; as many as there are signals and journeys, and 2,000 segment values of scores.
    """

    def __init__(self, config: Config, hour_of_week: HourOfWeek) -> None:
        self.series: dict[Name, Series] = {}
        self._config = config
        self._hour_of_week = hour_of_week
        self._scales: dict[str, Scale] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._bar = 1.0
        """The evidence that fires; part of the state."""
        self._credit: dict[str, float] = {}
        """False alarms per second of one series that is live, by part of the budget."""
        self._turned: set[Name] = set()
        """Series that may have to be granted something else."""
        self._live: dict[Name, bool] = {}
        self._counts: dict[str, int] | None = None
        """How many are live, by journey; None: to be counted anew."""
        self._dues: dict[Name, int] = {}
        self._due: int | None = None
        self._news: list[tuple[Name, News]] = []
        self._gone: list[SeriesKey] = []
        """Series that fire and are no longer watched."""
        self._dirty: set[Name] = set()
        self._changed = True
        self._waiting: set[Name] = set()
        """Series that know what is usual from a history and have not begun."""
        self._learnt: dict[Name, bytes] = {}
        """What a history taught of segment values that have not been admitted yet."""
        self._learnt_changed = False
        self._use(config, {})

    def _use(self, config: Config, before: Mapping[Name, Series]) -> None:
        self._config = config
        self._scales = {name: scale_of(signal) for name, signal in config.signals.items() if is_score(signal)}
        self.series = watched(config, self._hour_of_week)
        for name in self.series:
            if name in before:
                self.series[name] = before[name]
        for name, series in before.items():
            if name.dimension and Name("signal", signal=name.signal) in self.series:
                self.series[name] = series
        self._live = {name: series.live for name, series in self.series.items()}
        self._counts = None
        self._dues = {name: due for name, series in self.series.items() if (due := series.due()) is not None}
        self._waiting = {name for name, series in self.series.items() if series.waits}
        self._turned = set(self.series)
        # Nothing that was stored under the name of a new one may come back.
        self._dirty |= self.series.keys() - before.keys()
        self._plan()
        self._changed = True

    def activate(self, config: Config, hour_of_week: HourOfWeek) -> None:
        """Follow another file: series keep what they learnt by name, unless what they are has changed."""
        old, self._hour_of_week = self._config, hour_of_week
        kept = {name: series for name, series in self.series.items() if self._stays(name, old, config)}
        self._learnt = {name: body for name, body in self._learnt.items() if self._stays(name, old, config)}
        self._learnt_changed = True
        for name in self.series.keys() - kept.keys():
            self._drop(name)
        for series in kept.values():
            if isinstance(series, Counted):
                series.baseline.hour_of_week = hour_of_week
        self._use(config, kept)

    @staticmethod
    def _stays(name: Name, old: Config, new: Config) -> bool:
        if name.kind == "arrivals":
            before, after = old.journeys[name.journey], new.journeys.get(name.journey)
            return after is not None and (before.arrivals, before.steps[0]) == (after.arrivals, after.steps[0])
        signal = new.signals.get(name.signal)
        return signal is not None and _same(old.signals[name.signal], signal)

    def regroup(self, groups: Groups) -> None:
        """Segment values were admitted or lost their place."""
        self._groups = {dimension: frozenset(values) for dimension, values in groups}
        for name in [name for name in self.series if name.dimension]:
            if name.value not in self._groups.get(name.dimension, ()):
                self._drop(name)
                del self.series[name]

    def _drop(self, name: Name) -> None:
        series = self.series[name]
        self._gone += [
            _key(name, direction) for direction in series.directions if series.state_of(direction) == "firing"
        ]
        self._live.pop(name, None)
        self._counts = None
        self._dues.pop(name, None)
        self._dirty.discard(name)
        self._waiting.discard(name)
        self._turned.discard(name)
        self._changed = True
        self._plan()

    # Every tick

    def take(self, tick: int, partials: Sequence[tuple[Partial, Columns]]) -> None:
        """The partials of a tick, with what their cells mean; ticks come in order."""
        for name in sorted(self._waiting):
            self.series[name].begin(tick)
            self._note(name, ())
        self._waiting.clear()
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
            self._note(name, news)
        if self._dues:
            self._plan()

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
                    made.grant(0.0, self._bar, tick)
                    self.series[name] = made
                    self._changed = True
                found.append(name)
        return found

    def next_due(self) -> int | None:
        """The earliest tick that has to be closed though nothing arrives."""
        return self._due

    def live(self) -> dict[str, int]:
        """How many series can be given credit now, by journey; "" for those of none."""
        if self._counts is None:
            self._counts = {}
            for name, live in self._live.items():
                if live:
                    journey = self._journey(name)
                    self._counts[journey] = self._counts.get(journey, 0) + 1
        return self._counts

    def _journey(self, name: Name) -> str:
        return name.journey or self._config.signals[name.signal].journey or REST

    def close(self, tick: int, credit: Mapping[str, float], report: Report, bar: float = 1.0) -> None:
        """Judge what is due at the close of a tick.

        `credit`: false alarms per second granted from here on to each series that `live` counted, by journey with a
        part of the budget, and "" for the others; `bar` ≥ 1: the evidence that fires.
        """
        anew = credit != self._credit or bar != self._bar
        wanted = {
            name: credit.get(self._journey(name), credit.get(REST, 0.0)) if self._live.get(name) else 0.0
            for name in (self.series if anew else self._turned)
        }
        self._turned.clear()
        for name in sorted(wanted):
            series = self.series[name]
            if series.credit != wanted[name] or series.granted.bar != bar:
                # What has passed was granted by the credit of then.
                before = series.position
                said = series.settle(tick - 1)
                series.grant(wanted[name], bar, tick + 1)
                self._note(name, said, touched=bool(said) or series.position != before)
                self._changed = True
        self._credit, self._bar = dict(credit), bar
        if self._due is not None and self._due <= tick:
            for name in sorted(name for name, due in self._dues.items() if due <= tick):
                self._note(name, self.series[name].settle(tick))
        self._plan()
        self._tell(report, tick)

    def _note(self, name: Name, news: Iterable[News], *, touched: bool = True) -> None:
        """Whatever a series says; what it is due for, and whether it lives, may have changed."""
        self._news += [(name, one) for one in news]
        series = self.series[name]
        if self._live.get(name) != series.live:
            self._live[name] = series.live
            self._counts = None
            self._turned.add(name)
        due = series.due()
        if due is None:
            self._dues.pop(name, None)
        else:
            self._dues[name] = due
        if touched:
            self._dirty.add(name)

    def _plan(self) -> None:
        self._due = min(self._dues.values(), default=None)

    def _tell(self, report: Report, tick: int) -> None:
        gone, self._gone = self._gone, []
        for key in gone:
            report.resolve(key, tick)
        news, self._news = self._news, []
        for name, one in sorted(news, key=lambda told: (told[1].tick, told[0])):
            key = _key(name, one.direction)
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
            if _key(name, key.direction) == key:
                series.accept()
                self._note(name, ())
        self._plan()

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
                        found.append(self._finding(name, _key(name, direction), facts, tick))
        return found

    def watched(self) -> list[WatchedView]:
        """Every series and direction, and what it can see by now."""
        views = []
        for name, series in sorted(self.series.items()):
            for direction in series.directions:
                signal = self._config.signals.get(name.signal)
                views.append(
                    WatchedView(
                        kind=name.kind,
                        journey=name.journey or (signal.journey if signal else None),
                        step=name.step or (signal.step if signal else None),
                        signal=name.signal or None,
                        dimension=name.dimension or None,
                        value=name.value or None,
                        direction=direction,
                        guarantee=series.guarantee,
                        level=series.level_of(direction),
                        state=series.state_of(direction),
                        sees=in_words(series, direction),
                        credit_per_week=series.credit / len(series.directions) * _WEEK if series.live else 0.0,
                        detector=detector_of(series),
                    )
                )
        return views

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
            series: Series | None = self.series[name] if not name.dimension else self._made(name)
            assert series is not None
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
                self._waiting.add(name)
                self._note(name, ())
        self._plan()

    def _made(self, name: Name) -> Series:
        made = make(name.signal, self._config.signals[name.signal], self._hour_of_week)
        assert made is not None
        return made

    # Pieces

    def changes(self, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        names = self.series.keys() if whole else self._dirty & self.series.keys()
        pieces = {piece(name): zlib.compress(self.series[name].dump(), 1) for name in sorted(names)}
        if whole or self._changed:
            granted = {name: series.granted for name, series in sorted(self.series.items())}
            stored = _Stored(sorted(self.series), 0.0, granted, self._bar)
            pieces[PIECE] = msgspec.msgpack.encode(stored)
        if self._learnt if whole else self._learnt_changed:
            pieces[LEARNT] = zlib.compress(msgspec.msgpack.encode(sorted(self._learnt.items())), 1)
        if not whole:
            self._dirty.clear()
            self._changed = self._learnt_changed = False
        return pieces

    def load(self, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of what `changes` gave, under the same file. What has no piece begins anew."""
        body = pieces.get(PIECE)
        if body is None:
            return
        stored = _DECODE(body)
        self._bar = stored.bar
        learnt = pieces.get(LEARNT)
        self._learnt = {} if learnt is None else dict(_DECODE_LEARNT(zlib.decompress(learnt)))
        for name in stored.names:
            if name.dimension and name not in self.series and name.signal in self._scales:
                self.series[name] = self._made(name)
            series, state = self.series.get(name), pieces.get(piece(name))
            if series is not None:
                if state is not None:
                    series.load(zlib.decompress(state))
                older = Granted(stored.credit)
                series.granted = older if stored.granted is None else stored.granted.get(name, Granted())
                self._note(name, ())
        self._turned = set(self.series)
        self._waiting = {name for name, series in self.series.items() if series.waits}
        self._dirty.clear()
        self._changed = self._learnt_changed = False
        self._plan()


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
_DECODE_LEARNT = msgspec.msgpack.Decoder(list[tuple[Name, bytes]]).decode


def piece(name: Name) -> str:
    """The name of a series' piece."""
    return "/".join((PIECE, *(quote(part, safe="") for part in name)))


def detector_of(series: Series) -> str:
    """What watches a series, as the file would name it."""
    if isinstance(series, Counted):
        return "rate"
    return "bounded_mean" if isinstance(series, Scored) else series.detector


def in_words(series: Series, direction: Direction) -> str:
    """What a series can see by now."""
    state = series.state_of(direction)
    if state == "firing":
        return "whether it is well again"
    if state == "learning":
        return "nothing yet: not enough has been learnt"
    if state == "quiet":
        return "too few to watch it by itself"
    if isinstance(series, Minutes):
        return "what its detector finds, minute by minute"
    seen = series.sees(direction)
    if seen is None:
        return "nothing yet: no credit has been granted"
    after, least = seen
    if isinstance(series, Scored):
        worst = "the worst" if direction == "down" else "the best"
        return f"{worst} score from everybody within {after:.0f} answers, nothing smaller than {least:.2g}"
    what = "an outage" if direction == "down" else "a tripling"
    return f"{what} within {_span(after)}, nothing smaller than {100 * least:.0f} %"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else "more than 2 d"


def _collect(minute: tuple[list[int], dict[int, int]], measured: Measured) -> None:
    sums, histogram = minute
    for at, count in enumerate((measured.n, measured.total, measured.top, measured.bottom)):
        sums[at] += count
    for bucket, count in measured.histogram.items():
        histogram[bucket] = histogram.get(bucket, 0) + count


def _key(name: Name, direction: Direction) -> SeriesKey:
    kind: Watched = "arrivals" if name.kind == "arrivals" else "signal"
    return SeriesKey(kind, direction, name.journey, name.step, name.signal, name.dimension, name.value)


def _same(before: Signal, after: Signal) -> bool:
    """Whether what was learnt of a signal still holds."""

    def what(signal: Signal) -> tuple[object, ...]:
        return signal.as_, signal.value, signal.scale, signal.where, signal.on, signal.of, signal.watch, signal.detector

    return what(before) == what(after)
