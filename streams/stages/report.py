"""What watchers tell of their series: to the book of alerts, or to nobody while the past is gone through again."""

from __future__ import annotations

from typing import Protocol

from streams.findings import Finding, SeriesKey


class Report(Protocol):
    """Whoever is told."""

    def fire(self, finding: Finding) -> None:
        """It fell."""

    def update(self, finding: Finding) -> None:
        """More is known."""

    def resolve(self, series: SeriesKey, tick: int) -> None:
        """It is well again."""

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        """This is the new normal."""


class _Nobody:
    def fire(self, finding: Finding) -> None:
        pass

    def update(self, finding: Finding) -> None:
        pass

    def resolve(self, series: SeriesKey, tick: int) -> None:
        pass

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        pass


NOBODY: Report = _Nobody()
