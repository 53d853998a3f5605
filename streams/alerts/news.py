"""What was told of an alert, and what is worth telling anew."""

from __future__ import annotations

from typing import Any, Literal

from streams.alerts.alert import Alert, Segments, Told
from streams.alerts.reading import segments_in_words, size_in_words
from streams.findings import Finding
from streams.units import MINUTE, SECOND

UPDATE_SECONDS = MINUTE // SECOND
"""Least time between two records of an open alert, unless it ends."""

News = Literal["severity", "segments", "size", "incident", "changes"]


def news(alert: Alert) -> list[News]:
    """What differs from what was told and is worth another record; nothing before the first."""
    told = alert.told
    if told is None or not alert.open:
        return []
    found: list[News] = []
    if alert.severity.level != told.severity:
        found.append("severity")
    if _as_set(alert.segments()) != _as_set(told.segments):
        found.append("segments")
    if _size_changed(alert.latest, told):
        found.append("size")
    if (alert.incident, alert.root) != (told.incident, told.root):
        found.append("incident")
    if not _changes(alert) <= set(told.changes):
        found.append("changes")
    return found


def due(alert: Alert) -> int | None:
    """The tick from which its news may be told; None when there are none."""
    return alert.told.tick + UPDATE_SECONDS if alert.told is not None and news(alert) else None


def tell(alert: Alert, tick: int) -> None:
    """A record leaves that says all that is known now."""
    now = alert.latest
    alert.told = Told(
        tick=tick,
        severity=alert.severity.level,
        segments=alert.segments(),
        early=now.early,
        size=now.size,
        size_low=now.size_low,
        size_high=now.size_high,
        incident=alert.incident,
        root=alert.root,
        changes=tuple(sorted(_changes(alert))),
    )


def in_words(alert: Alert, told: Told, found: list[News]) -> str:
    """The news in one line."""
    words = {
        "severity": f"severity {told.severity} → {alert.severity.level}",
        "segments": segments_in_words(alert.segments()),
        "size": size_in_words(alert.latest) or "size not known",
        "incident": "part of another incident",
        "changes": "a change was deployed nearby",
    }
    return "; ".join(words[name] for name in found)


def _size_changed(now: Finding, told: Told) -> bool:
    """A first estimate was replaced, or the size lies outside what was told."""
    if told.early and not now.early:
        return True
    if now.size is None or told.size is None:
        return now.size is not None
    if told.size_low is None or told.size_high is None or now.early:
        return False
    return not told.size_low <= now.size <= told.size_high


def _changes(alert: Alert) -> set[tuple[str, str]]:
    return {(change.source, change.id) for change in alert.changes}


def _as_set(segments: Segments) -> Any:
    return None if segments is None else {tuple(sorted(segment.items())) for segment in segments}
