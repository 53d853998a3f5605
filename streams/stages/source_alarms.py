"""Sources under watch for falling silent."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from detectors.series.baseline import HourOfWeek
from detectors.series.granted import Granted
from detectors.series.report import Facts
from detectors.series.report import Report as News
from detectors.series.silence import Silence
from streams.effects import Partial
from streams.findings import Finding, SeriesKey
from streams.stages.facts_finding import finding_of
from streams.stages.report import Report
from streams.stages.series import Columns
from streams.tally import OTHER_SOURCE
from streams.view import WatchedView

PIECE = "sources"
MOST_SOURCES = 200
"""Sources followed, first come first; one that is not watched makes room when it has been silent for a week."""
_WEEK = 604_800


class _Stored(msgspec.Struct, array_like=True):
    names: list[str]
    credit: float
    # What follows came later.
    granted: dict[str, Granted] | None = None
    bar: float = 1.0


class SourceAlarms:
    """Sources with at least one event a minute, unless they have not been seen often enough yet.

    Ticks are seconds, UTC epoch. At most 200 sources of 15 kB.
    """

    def __init__(self, hour_of_week: HourOfWeek) -> None:
        self.sources: dict[str, Silence] = {}
        self._hour_of_week = hour_of_week
        self._credit = 0.0
        self._bar = 1.0
        self._turned: set[str] = set()
        """Sources that may have to be granted something else."""
        self._live: dict[str, bool] = {}
        self._dues: dict[str, int] = {}
        self._due: int | None = None
        self._news: list[tuple[str, News]] = []
        self._dirty: set[str] = set()
        self._changed = True
        self._waiting: set[str] = set()
        """Sources known from a history that have not begun."""

    def activate(self, hour_of_week: HourOfWeek) -> None:
        """Follow another file; what is known about sources does not depend on it but for its timezone."""
        self._hour_of_week = hour_of_week
        for source in self.sources.values():
            source.hour_of_week = hour_of_week
        self._changed = True

    # Every tick

    def take(self, tick: int, partials: Sequence[tuple[Partial, Columns]]) -> None:
        """The partials of a tick; ticks come in order."""
        for name in sorted(self._waiting):
            self.sources[name].begin(tick)
            self._note(name, ())
        begun = bool(self._waiting)
        self._waiting.clear()
        counts: dict[str, int] = {}
        for partial, _ in partials:
            for seen in partial.sources:
                counts[seen.source] = counts.get(seen.source, 0) + seen.count
        for name in sorted(counts):
            source = self.sources.get(name)
            if source is None:
                if name == OTHER_SOURCE or not self._make_room(tick):
                    continue
                source = self.sources[name] = Silence(self._hour_of_week)
                source.grant(0.0, self._bar, tick)
                self._changed = True
            self._note(name, source.take(tick, counts[name]))
        if counts or begun:
            self._plan()

    def _make_room(self, tick: int) -> bool:
        if len(self.sources) < MOST_SOURCES:
            return True
        gone = [name for name, source in self.sources.items() if source.idle_since <= tick - _WEEK]
        for name in gone:
            del self.sources[name]
            self._live.pop(name, None)
            self._dues.pop(name, None)
            self._dirty.discard(name)
            self._turned.discard(name)
        self._changed |= bool(gone)
        return bool(gone)

    def next_due(self) -> int | None:
        """The earliest tick that has to be closed though nothing arrives."""
        return self._due

    def live(self) -> int:
        """Sources that can be given credit now."""
        return sum(self._live.values())

    def close(self, tick: int, credit: float, report: Report, bar: float = 1.0) -> None:
        """Judge what is due at the close of a tick.

        `credit`: false alarms per second granted from here on to each source that `live` counted; `bar` ≥ 1: the
        evidence that fires.
        """
        anew = credit != self._credit or bar != self._bar
        wanted = {name: credit if self._live.get(name) else 0.0 for name in (self.sources if anew else self._turned)}
        self._turned.clear()
        for name in sorted(wanted):
            source = self.sources[name]
            if source.credit != wanted[name] or source.granted.bar != bar:
                # What has passed was granted by the credit of then.
                before = source.position
                said = source.settle(tick - 1)
                source.grant(wanted[name], bar, tick + 1)
                self._note(name, said, touched=bool(said) or source.position != before)
                self._changed = True
        self._credit, self._bar = credit, bar
        if self._due is not None and self._due <= tick:
            for name in sorted(name for name, due in self._dues.items() if due <= tick):
                self._note(name, self.sources[name].settle(tick))
        self._plan()
        news, self._news = self._news, []
        for name, one in sorted(news, key=lambda told: (told[1].tick, told[0])):
            if one.facts is not None:
                report.fire(_finding(name, one.facts, one.tick))
            elif one.verb == "rebaseline":
                report.rebaseline(_key(name), one.tick, one.ratio)
            else:
                report.resolve(_key(name), one.tick)

    def _note(self, name: str, news: Sequence[News], *, touched: bool = True) -> None:
        self._news += [(name, one) for one in news]
        source = self.sources[name]
        if self._live.get(name) != source.live:
            self._live[name] = source.live
            self._turned.add(name)
        due = source.due()
        if due is None:
            self._dues.pop(name, None)
        else:
            self._dues[name] = due
        if touched:
            self._dirty.add(name)

    def _plan(self) -> None:
        self._due = min(self._dues.values(), default=None)

    def accept(self, key: SeriesKey) -> None:
        """Somebody says that this source is not expected any more."""
        source = self.sources.get(key.signal)
        if key.kind == "source" and source is not None:
            source.accept()
            self._note(key.signal, ())
            self._plan()

    # Reading

    def pending(self, tick: int) -> list[Finding]:
        """Sources on the way to an alarm, as known now."""
        return [
            _finding(name, source.facts(), tick)
            for name, source in sorted(self.sources.items())
            if source.state == "pending"
        ]

    def watched(self) -> list[WatchedView]:
        """Every source that is watched, firing or on its way there."""
        return [
            WatchedView(
                kind="source",
                journey=None,
                step=None,
                signal=name,
                dimension=None,
                value=None,
                direction="down",
                guarantee=source.guarantee,
                level=source.level,
                state=source.state,
                sees=in_words(source),
                credit_per_week=source.credit * _WEEK if source.live else 0.0,
                detector="gap",
            )
            for name, source in sorted(self.sources.items())
        ]

    # Learning from history

    def learnt(self) -> list[tuple[str, bytes]]:
        """How every source speaks that is known well enough. None of them is of use afterwards."""
        told = [(name, source.learnt()) for name, source in sorted(self.sources.items())]
        return [(name, body) for name, body in told if body is not None]

    def learn(self, learnt: Sequence[tuple[str, bytes]]) -> None:
        """Begin with what `learnt` gave. Raises ValueError for anything else."""
        for name, body in learnt:
            source = self.sources[name] = Silence(self._hour_of_week)
            source.learn(body)
            self._waiting.add(name)
            self._note(name, ())
        self._changed = True
        self._plan()

    # Pieces

    def changes(self, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        names = self.sources.keys() if whole else self._dirty & self.sources.keys()
        pieces = {piece(name): zlib.compress(self.sources[name].dump(), 1) for name in sorted(names)}
        if whole or self._changed:
            granted = {name: source.granted for name, source in sorted(self.sources.items())}
            pieces[PIECE] = msgspec.msgpack.encode(_Stored(list(self.sources), 0.0, granted, self._bar))
        if not whole:
            self._dirty.clear()
            self._changed = False
        return pieces

    def load(self, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of what `changes` gave. What has no piece begins anew."""
        body = pieces.get(PIECE)
        if body is None:
            return
        stored = _DECODE(body)
        self._bar = stored.bar
        for name in stored.names:
            source = self.sources[name] = Silence(self._hour_of_week)
            state = pieces.get(piece(name))
            if state is not None:
                source.load(zlib.decompress(state))
            older = Granted(stored.credit)
            source.granted = older if stored.granted is None else stored.granted.get(name, Granted())
            self._note(name, ())
        self._turned = set(self.sources)
        self._waiting = {name for name, source in self.sources.items() if source.waits}
        self._dirty.clear()
        self._changed = False
        self._plan()


_DECODE = msgspec.msgpack.Decoder(_Stored).decode


def piece(name: str) -> str:
    """The name of a source's piece."""
    return f"{PIECE}/{quote(name, safe='')}"


def in_words(source: Silence) -> str:
    """What can be seen of a source by now."""
    if source.state == "firing":
        return "whether it speaks again"
    if source.state == "learning":
        return "nothing yet: too few gaps have been seen"
    if source.state == "quiet":
        return "too slow to watch"
    after = source.alarms_after()
    if after > 3600:
        return "a silence of more than an hour"
    return f"a silence of {after:.0f} s" if after < 90 else f"a silence of {after / 60:.0f} min"


def _key(name: str) -> SeriesKey:
    return SeriesKey("source", "down", signal=name)


def _finding(name: str, facts: Facts, tick: int) -> Finding:
    return finding_of(facts, _key(name), tick, guarantee=Silence.guarantee)
