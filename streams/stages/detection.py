"""Everything that raises alarms by itself, at the close of each tick: steps, signals, sources, the book of alerts."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import msgspec

from streams.alerts.book import AlertBook
from streams.config.structs import Config
from streams.effects import Decision, Partial
from streams.findings import Finding, SeriesKey
from streams.segments import Dimension
from streams.stages.budget import NOBODY, REST, Budget, Live, handed_out, per_week
from streams.stages.lanes import Groups, groups_of
from streams.stages.series import Columns
from streams.stages.sight import in_words, rise_in_words
from streams.stages.signal_alarms import SignalAlarms
from streams.stages.source_alarms import SourceAlarms
from streams.stages.step_alarms import Spent, StepAlarms
from streams.stages.step_watch import StepWatch
from streams.stages.watched_signals import Name
from streams.view import AlarmsView, WatchedView

PIECE = "alarms"
_LEARNT = "touchline baselines 2"
_STEPS_ONLY = "touchline baselines 1"
"""What was written before signals and sources were learnt: it still teaches the steps."""
_DAY_HOURS = 24
_BLOCK = 900
"""Offsets of zones change at quarters of an hour at most."""


class _Stored(msgspec.Struct, array_like=True):
    book: bytes
    credit: float
    tick: int | None
    spent: Spent
    # What follows came later.
    rate: float = 0.0


class Detection:
    """The watchers of one file, their budget and their alerts. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config) -> None:
        self.book = AlertBook(config)
        self.until: int | None = None
        """No tick after this one is judged; None: all are."""
        self._config = config
        self._hours = hours_of_week(str(config.timezone))
        self.steps = StepAlarms(config, self._hours)
        self.signals = SignalAlarms(config, self._hours)
        self.sources = SourceAlarms(self._hours)
        self._groups: Groups = ()
        self._budget = Budget(config)
        self._credit = 0.0
        """What was handed out so far."""
        self._rate = 0.0
        """What is handed out per second since the last close."""
        self._tick: int | None = None
        self._book, self._stored = b"", b""
        """The book as last dumped, and the piece as last given out."""

    def activate(self, config: Config, tick: int) -> list[Decision]:
        """Follow another file from `tick` on; alerts of what it no longer has are over."""
        self._config, self._budget = config, Budget(config)
        self._hours = hours_of_week(str(config.timezone))
        decisions = []
        for series in self.steps.activate(config, self._hours):
            decisions += self.book.resolve(series, tick, "no longer watched")
        self.signals.activate(config, self._hours)
        self.sources.activate(self._hours)
        return [*decisions, *self.book.activate(config, tick)]

    def regroup(self, dimensions: Sequence[Dimension]) -> None:
        """Segment values were admitted or lost their place, or another file holds."""
        people = self._config.access.employees
        self._groups = groups_of((one.name, () if one.name in people else one.admitted) for one in dimensions)
        self.signals.regroup(self._groups)

    def forget(self, subjects: Collection[str]) -> None:
        """Give these customers as examples no more; they stay counted."""
        for watch in self.steps.steps.values():
            watch.forget(subjects)
        self.book.forget(subjects)

    # Every tick

    def next_due(self) -> int | None:
        """The earliest tick at which something has to be judged though nothing arrives."""
        watchers = (self.steps, self.signals, self.sources, self.book)
        dues = [due for watcher in watchers if (due := watcher.next_due()) is not None]
        due = min(dues, default=None)
        return None if due is not None and self.until is not None and due > self.until else due

    def take(self, tick: int, partials: Sequence[tuple[Partial, Columns]]) -> None:
        """The partials of a tick, in source order, with what their cells mean."""
        if self.until is not None and tick > self.until:
            return
        for partial, _ in partials:
            for change in partial.changes:
                self.book.change(change.time, change.source, change.id, change.data)
            for command in partial.commands:
                accepted = self.book.command(
                    command.kind,
                    command.time,
                    command.fingerprint,
                    command.by,
                    command.duration,
                    f"{command.source}/{command.id}",
                )
                if accepted is not None:
                    self.steps.accept(accepted)
                    self.signals.accept(accepted)
                    self.sources.accept(accepted)
        self.book.hear(
            tick,
            {seen.source for partial, _ in partials for seen in partial.sources},
            {(out.journey, out.step) for partial, _ in partials for out in partial.outcomes if out.completed},
        )
        self.steps.take(tick, partials)
        self.signals.take(tick, partials)
        self.sources.take(tick, partials)

    def close(self, tick: int) -> list[Decision]:
        """Judge what is due; the decisions of that, in order."""
        if self.until is not None and tick > self.until:
            return []
        report = _Report(self.book)
        if self._tick is not None:
            self._credit += self._rate * (tick - self._tick)
        self._tick = tick
        bar = self._budget.bar(self.book.standing)
        # What was granted until now is used up first; then it is shared out anew among what is live now.
        self.steps.close(tick, self._groups, report, bar)
        live = self._live()
        granted = self._budget.shares(live)
        self._rate = sum(handed_out(shares, live.get(part, NOBODY)) for part, shares in granted.items())
        self.steps.grant(granted)
        self.signals.close(tick, {part: shares.other for part, shares in granted.items()}, report, bar)
        self.sources.close(tick, granted[REST].other, report, bar)
        decisions = [*report.decisions, *self.book.report(report.fired)]
        due = self.book.next_due()
        if due is not None and due <= tick:
            decisions += self.book.close(tick)
        return decisions + self.book.answers(tick)

    def _live(self) -> dict[str, Live]:
        """What can be given credit now, by part of the budget."""
        counts: dict[str, list[int]] = {}
        for journey, (wholes, segments) in self.steps.live().items():
            part = counts.setdefault(self._budget.part(journey), [0, 0, 0])
            part[0] += wholes
            part[1] += segments
        for journey, signals in self.signals.live().items():
            counts.setdefault(self._budget.part(journey), [0, 0, 0])[2] += signals
        counts.setdefault(REST, [0, 0, 0])[2] += self.sources.live()
        return {part: Live(*count) for part, count in counts.items()}

    # Reading

    def view(self, tick: int | None) -> AlarmsView:
        """Alerts and what is watched, at the close of a tick."""
        return AlarmsView(
            budget_per_week=per_week(self._config.alerts.false_alarms),
            credit_used=self._credit,
            alerts=self.book.views(tick, self._pending(tick)),
            watched=[*self._watched(tick), *self.signals.watched(), *self.sources.watched()],
            fired=self.book.fired(),
            ignored=self.book.ignored,
            bar=self._budget.bar(self.book.standing),
        )

    def _pending(self, tick: int | None) -> list[Finding]:
        if tick is None:
            return []
        steps = [finding for watch in self.steps.steps.values() for finding in watch.pending(tick)]
        return [*steps, *self.signals.pending(tick), *self.sources.pending(tick)]

    def _watched(self, tick: int | None) -> list[WatchedView]:
        seen, bar = [], self._budget.bar(0)
        for watch in self.steps.steps.values():
            for series, level in watch.levels():
                up = series.direction == "up"
                state = watch.rise_state() if up else watch.state
                credit = self._rise_credit(watch) if up else watch.credit_of()
                seen.append(
                    WatchedView(
                        kind=series.kind,
                        journey=series.journey,
                        step=series.step,
                        signal=None,
                        dimension=series.dimension or None,
                        value=series.value or None,
                        direction=series.direction,
                        guarantee="given baseline",
                        level=level,
                        state="pending" if level >= 0.1 and state == "watching" else state,
                        sees=rise_in_words(watch, credit / bar) if up else in_words(watch, bar),
                        credit_per_week=credit * 7 * 86_400,
                        due=None if series.dimension or watch.state == "learning" else watch.schedule.due,
                        note="" if series.dimension or up or tick is None else watch.erosion.note(tick),
                    )
                )
        return seen

    def _rise_credit(self, watch: StepWatch) -> float:
        """Expected false alarms per second granted to the rises of a step at present."""
        spent = self.steps.spent
        shares = spent.parts[watch.journey].shares if watch.journey in spent.parts else spent.shares
        return shares.whole / len(watch.directions) if watch.live[0] else 0.0

    # Learning from history

    def learnt(self) -> bytes:
        """What is normal in all steps, signals and sources, for `learn` of another. Of no use afterwards."""
        learnt = _Learnt(
            _LEARNT,
            self.steps.dimensions,
            self.steps.learnt(),
            str(self._config.timezone),
            self.signals.learnt(),
            self.sources.learnt(),
        )
        return zlib.compress(msgspec.msgpack.encode(learnt), 6)

    def learn(self, body: bytes) -> None:
        """Begin with what `learnt` wrote, before the first tick. Raises ValueError for anything that does not fit."""
        try:
            learnt = _DECODE_LEARNT(zlib.decompress(body))
        except (zlib.error, msgspec.DecodeError) as error:
            raise ValueError("these are no baselines: expected a file that replay --learn wrote") from error
        if learnt.what not in (_LEARNT, _STEPS_ONLY):
            raise ValueError(f"baselines of another kind: {learnt.what!r}, expected {_LEARNT!r}")
        if learnt.dimensions != self.steps.dimensions:
            raise ValueError(
                f"learnt by {', '.join(learnt.dimensions) or 'no segments'}, the file has"
                f" {', '.join(self.steps.dimensions) or 'none'}: learn again with this file"
            )
        zone = str(self._config.timezone)
        if learnt.what == _LEARNT and learnt.timezone != zone:
            raise ValueError(
                f"learnt by the hours of {learnt.timezone}, the file has {zone}: learn again with this file"
            )
        self.steps.learn(learnt.steps)
        self.signals.learn(learnt.signals)
        self.sources.learn(learnt.sources)

    # Pieces

    def changes(self, tick: int, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        if self.book.dirty or not self._book:
            self._book, self.book.dirty = self.book.dump(), False
        body = msgspec.msgpack.encode(_Stored(self._book, self._credit, self._tick, self.steps.spent, self._rate))
        pieces = {PIECE: zlib.compress(body, 1)} if whole or body != self._stored else {}
        if not whole:
            self._stored = body
        return {
            **pieces,
            **self.steps.changes(tick, whole=whole),
            **self.signals.changes(whole=whole),
            **self.sources.changes(whole=whole),
        }

    def load(self, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of what `changes` gave. What has no piece begins anew."""
        body = pieces.get(PIECE)
        if body is not None:
            stored = _DECODE(zlib.decompress(body))
            self.book.load(stored.book)
            self._credit, self._tick, self.steps.spent = stored.credit, stored.tick, stored.spent
            self._rate = stored.rate
        self.steps.load(pieces)
        self.signals.load(pieces)
        self.sources.load(pieces)


class _Learnt(msgspec.Struct, array_like=True):
    what: str
    dimensions: tuple[str, ...]
    steps: list[tuple[str, str, bytes]]
    # What follows came with the second kind.
    timezone: str = ""
    signals: list[tuple[Name, bytes]] = []
    sources: list[tuple[str, bytes]] = []


class _Report:
    """Passes on to the book what watchers find; alarms wait, so that roots come before what follows from them."""

    def __init__(self, book: AlertBook) -> None:
        self.fired: list[Finding] = []
        self.decisions: list[Decision] = []
        self._book = book

    def fire(self, finding: Finding) -> None:
        self.fired.append(finding)

    def update(self, finding: Finding) -> None:
        self.decisions += self._book.update(finding)

    def resolve(self, series: SeriesKey, tick: int, why: str = "") -> None:
        self.decisions += self._book.resolve(series, tick, why)

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        self.decisions += self._book.rebaseline(series, tick, ratio)


@cache
def hours_of_week(timezone: str) -> Callable[[int], int]:
    """The hour of the week of a second (UTC epoch) in a zone: 0…167 from Monday 00:00.

    The hour that comes twice when clocks go back is one and the same. One function per zone.
    """
    zone = ZoneInfo(timezone)

    @lru_cache(maxsize=4096)
    def of_block(block: int) -> int:
        local = datetime.fromtimestamp(block * _BLOCK, UTC).astimezone(zone)
        return local.weekday() * _DAY_HOURS + local.hour

    return lambda second: of_block(second // _BLOCK)


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
_DECODE_LEARNT = msgspec.msgpack.Decoder(_Learnt).decode
