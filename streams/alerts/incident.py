"""Which alerts are one incident: a step and what follows from it, a silent source, a shock to many journeys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from streams.alerts.alert import Alert
from streams.alerts.completion import CompletingSources
from streams.alerts.place import Place
from streams.findings import SeriesKey

SHOCK_SECONDS = 300
SHOCK_JOURNEYS = 3
"""Alarms of so many journeys within so long are one incident."""

Find = Callable[[SeriesKey], Place | None]


def related(alert: Alert, others: Sequence[Alert], find: Find, sources: CompletingSources, tick: int) -> list[Alert]:
    """The other alerts to whose incidents one belongs that fires at `tick`."""
    found = [
        other
        for other in others
        if other.open and (_same_way(alert, other, find) or _of_silence(alert, other, sources))
    ]
    shock = [other for other in others if tick - SHOCK_SECONDS <= other.fired_at <= tick]
    journeys = {name for one in (alert, *shock) if (name := _journey(one, find)) is not None}
    if _journey(alert, find) is not None and len(journeys) >= SHOCK_JOURNEYS:
        found += [other for other in shock if _journey(other, find) is not None]
    return found


def root(alerts: Sequence[Alert], find: Find) -> Alert:
    """The one to look at first: a silent source, else the earliest step of a journey, else the earliest beginning."""
    silent = [alert for alert in alerts if alert.place.kind == "source"]
    if silent:
        return min(silent, key=_beginning)
    first: dict[str, tuple[int, int, str, Alert]] = {}
    placeless: list[Alert] = []
    for alert in alerts:
        place = find(alert.place)
        if place is None or place.journey is None or place.position is None:
            placeless.append(alert)
            continue
        key = (place.position, *_beginning(alert), alert)
        if place.journey not in first or key[:3] < first[place.journey][:3]:
            first[place.journey] = key
    return min([*placeless, *(key[3] for key in first.values())], key=_beginning)


def earliest(alerts: Iterable[Alert]) -> tuple[int, str]:
    """When the oldest of their incidents began, and its id."""
    return min((alert.began, alert.incident) for alert in alerts)


def _same_way(one: Alert, other: Alert, find: Find) -> bool:
    """One lies further along the other's journey and did not begin before it."""
    here, there = find(one.place), find(other.place)
    if here is None or there is None or here.position is None or there.position is None:
        return False
    if here.journey != there.journey or here.position == there.position:
        return False
    upstream, downstream = (one, other) if here.position < there.position else (other, one)
    return downstream.latest.since_high >= upstream.latest.since_low


def _of_silence(one: Alert, other: Alert, sources: CompletingSources) -> bool:
    """One is a silent source, the other a conversion that it completes and that did not fall before."""
    for silence, drop in ((one, other), (other, one)):
        if (
            silence.place.kind == "source"
            and drop.place.kind == "conversion"
            and drop.place.direction == "down"
            and silence.place.signal in sources.of(drop.place.journey, drop.place.step)
        ):
            return drop.latest.since_high >= silence.latest.since_low
    return False


def _journey(alert: Alert, find: Find) -> str | None:
    place = find(alert.place)
    return None if place is None else place.journey


def _beginning(alert: Alert) -> tuple[int, str]:
    return alert.latest.since, alert.fingerprint
