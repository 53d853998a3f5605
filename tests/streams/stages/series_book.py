"""A book of alerts that only writes down what it is told, and a shell that closes ticks as SignalStage does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from streams.effects import Partial
from streams.findings import Finding, SeriesKey
from streams.stages.report import Report
from streams.stages.series import Columns
from streams.stages.signal_alarms import SignalAlarms

START = 1_767_571_200
"""Monday 2026-01-05T00:00:00Z."""
DAY = 86_400
HOUR = 3600
CREDIT = 1 / 604_800 / 4


class Book:
    """Everything reported, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, SeriesKey, int]] = []
        """Verb, series and tick of everything."""
        self.findings: list[Finding] = []

    def fire(self, finding: Finding) -> None:
        self.told.append(("fire", finding.series, finding.tick))
        self.findings.append(finding)

    def update(self, finding: Finding) -> None:
        self.told.append(("update", finding.series, finding.tick))
        self.findings.append(finding)

    def resolve(self, series: SeriesKey, tick: int) -> None:
        self.told.append(("resolve", series, tick))

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        self.told.append(("rebaseline", series, tick))

    def changes(self) -> list[tuple[str, str]]:
        """Verb and name of everything but updates."""
        return [(verb, series.signal or series.journey) for verb, series, _ in self.told if verb != "update"]


class OnePart:
    """Signals of a file that splits its budget no further."""

    def __init__(self, alarms: SignalAlarms) -> None:
        self.take, self.next_due = alarms.take, alarms.next_due
        self._alarms = alarms

    def close(self, tick: int, credit: float, report: Report) -> None:
        self._alarms.close(tick, {"": credit}, report)

    def live(self) -> int:
        return sum(self._alarms.live().values())


class Watcher(Protocol):
    """What both watchers have."""

    @property
    def take(self) -> Callable[[int, Sequence[tuple[Partial, Columns]]], None]: ...

    @property
    def next_due(self) -> Callable[[], int | None]: ...

    def close(self, tick: int, credit: float, report: Report) -> None: ...

    def live(self) -> int: ...


def run(
    watcher: Watcher,
    book: Book,
    ticks: Mapping[int, Sequence[tuple[Partial, Columns]]],
    until: int,
    budget: float | None = None,
) -> None:
    """Close every tick with content, and every one that is due, up to `until`.

    Each series is granted CREDIT, or its part of `budget`, decided before the tick.
    """

    def close(tick: int, live: int) -> None:
        watcher.close(tick, CREDIT if budget is None else budget / max(live, 1), book)

    for tick in sorted({*ticks, until}):
        while (due := watcher.next_due()) is not None and due < tick:
            close(due, watcher.live())
        live = watcher.live()
        if tick in ticks:
            watcher.take(tick, ticks[tick])
        close(tick, live)
