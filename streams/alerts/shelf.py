"""Where the alerts are: open ones by place, and those that are over, for a while."""

from __future__ import annotations

from collections.abc import Iterator

from streams.alerts.alert import Alert
from streams.findings import SeriesKey
from streams.units import DAY, SECOND

ENDED_MOST = 500
ENDED_SECONDS = 7 * DAY // SECOND
"""So many alerts that are over are kept, and so long."""


class Shelf:
    """At most one open alert per place; ticks are seconds, UTC epoch."""

    def __init__(self) -> None:
        self._open: dict[SeriesKey, Alert] = {}
        self.ended: list[Alert] = []
        """Oldest end first."""

    def __iter__(self) -> Iterator[Alert]:
        """Open ones in order of their places, then those that are over."""
        yield from self.open()
        yield from self.ended

    def __contains__(self, place: SeriesKey) -> bool:
        return place in self._open

    def open(self) -> list[Alert]:
        """The open ones in order of their places."""
        return [self._open[place] for place in sorted(self._open)]

    def at(self, place: SeriesKey) -> Alert | None:
        """The open alert of a place."""
        return self._open.get(place)

    def put(self, alert: Alert) -> None:
        """An alert opens, for the first time or again."""
        self.ended = [kept for kept in self.ended if kept is not alert]
        self._open[alert.place] = alert

    def end(self, alert: Alert, tick: int) -> None:
        """An open alert is over."""
        del self._open[alert.place]
        alert.firing, alert.ended = [], tick
        self.ended.append(alert)
        self.forget(tick)

    def forget(self, tick: int) -> None:
        """Let go of what is too old or too much, oldest first."""
        kept = [alert for alert in self.ended if alert.ended is None or alert.ended >= tick - ENDED_SECONDS]
        self.ended = kept[-ENDED_MOST:]

    def last(self, place: SeriesKey) -> Alert | None:
        """The alert of a place that ended last."""
        return next((alert for alert in reversed(self.ended) if alert.place == place), None)

    def named(self, fingerprint: str) -> Alert | None:
        """The open alert of a fingerprint, else the one of it that ended last."""
        candidates = (*self.open(), *reversed(self.ended))
        return next((alert for alert in candidates if alert.fingerprint == fingerprint), None)

    def by_incident(self) -> list[Alert]:
        """The open ones: the incident that fired last first, its root first, then by their beginnings."""
        latest: dict[str, int] = {}
        for alert in self._open.values():
            latest[alert.incident] = max(latest.get(alert.incident, 0), alert.fired_at)

        def order(alert: Alert) -> tuple[int, str, bool, int, str]:
            follows = alert.fingerprint != alert.root
            return -latest[alert.incident], alert.incident, follows, alert.latest.since, alert.fingerprint

        return sorted(self._open.values(), key=order)

    def load(self, opened: list[Alert], ended: list[Alert]) -> None:
        """Hold these and no others; `ended` with the oldest end first."""
        self._open = {alert.place: alert for alert in opened}
        self.ended = ended
