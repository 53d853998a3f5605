"""Sources under watch for falling silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from detectors.series.baseline import HourOfWeek
from detectors.series.report import Facts
from detectors.series.silence import Silence
from streams.effects import Partial
from streams.findings import Finding, SeriesKey
from streams.stages.budget import REST
from streams.stages.facts_finding import finding_of
from streams.stages.report import Report
from streams.stages.roster import Roster, Stored
from streams.stages.series import Columns
from streams.tally import OTHER_SOURCE
from streams.view import WatchedView

PIECE = "sources"
MOST_SOURCES = 200
"""Sources followed, first come first; one that is not watched makes room when it has been silent for a week."""
_WEEK = 604_800


class SourceAlarms:
    """Sources with at least one event a minute, unless they have not been seen often enough yet.

    Ticks are seconds, UTC epoch. At most 200 sources of 15 kB.
    """

    def __init__(self, hour_of_week: HourOfWeek) -> None:
        self._roster: Roster[str, Silence] = Roster(PIECE, piece, lambda _: REST)
        self._hour_of_week = hour_of_week

    @property
    def sources(self) -> Mapping[str, Silence]:
        """All that are followed."""
        return self._roster.series

    def activate(self, hour_of_week: HourOfWeek) -> None:
        """Follow another file; what is known about sources does not depend on it but for its timezone."""
        self._hour_of_week = hour_of_week
        for source in self.sources.values():
            source.hour_of_week = hour_of_week
        self._roster.changed = True

    # Every tick

    def take(self, tick: int, partials: Sequence[tuple[Partial, Columns]]) -> None:
        """The partials of a tick; ticks come in order."""
        roster = self._roster
        begun = roster.begin(tick)
        counts: dict[str, int] = {}
        for partial, _ in partials:
            for seen in partial.sources:
                counts[seen.source] = counts.get(seen.source, 0) + seen.count
        for name in sorted(counts):
            if name not in self.sources:
                if name == OTHER_SOURCE or not self._make_room(tick):
                    continue
                roster.add(name, Silence(self._hour_of_week), tick)
            roster.note(name, self.sources[name].take(tick, counts[name]))
        if counts or begun:
            roster.plan()

    def _make_room(self, tick: int) -> bool:
        if len(self.sources) < MOST_SOURCES:
            return True
        gone = [name for name, source in self.sources.items() if source.idle_since <= tick - _WEEK]
        for name in gone:
            self._roster.drop(name)
        return bool(gone)

    def next_due(self) -> int | None:
        """The earliest tick that has to be closed though nothing arrives."""
        return self._roster.next_due

    def live(self) -> int:
        """Sources that can be given credit now."""
        return self._roster.live.get(REST, 0)

    def close(self, tick: int, credit: float, report: Report, bar: float = 1.0) -> None:
        """Judge what is due at the close of a tick.

        `credit`: false alarms per second granted from here on to each source that `live` counted; `bar` ≥ 1: the
        evidence that fires.
        """
        for name, one in self._roster.judge(tick, {REST: credit}, bar):
            if one.facts is not None:
                report.fire(_finding(name, one.facts, one.tick))
            elif one.verb == "rebaseline":
                report.rebaseline(_key(name), one.tick, one.ratio)
            else:
                report.resolve(_key(name), one.tick)

    def accept(self, key: SeriesKey) -> None:
        """Somebody says that this source is not expected any more."""
        source = self.sources.get(key.signal)
        if key.kind == "source" and source is not None:
            source.accept()
            self._roster.note(key.signal)
            self._roster.plan()

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
            source = Silence(self._hour_of_week)
            source.learn(body)
            self._roster.series[name] = source
            self._roster.wait(name)
        self._roster.changed = True
        self._roster.plan()

    # Pieces

    def changes(self, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        return self._roster.changes(whole=whole)

    def load(self, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of what `changes` gave. What has no piece begins anew."""
        body = pieces.get(PIECE)
        if body is not None:
            self._roster.load(_DECODE(body), pieces, lambda _: Silence(self._hour_of_week))


_DECODE = msgspec.msgpack.Decoder(Stored[str]).decode


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
