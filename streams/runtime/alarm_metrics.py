"""Alerts, the budget of false alarms and what is watched, as metric families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric as Family

from streams.runtime import metric_names as names
from streams.runtime.families import Families
from streams.view import AlarmsView

SEVERITIES = ("info", "warning", "critical")
STATES = ("watching", "pending", "firing", "learning", "quiet")
_FIRES = ("firing", "flapping")


def alarm_families(alarms: AlarmsView, sources: Mapping[str, str]) -> Iterator[Family]:
    """`sources`: label of each source that an alert is about. Severities and states have a series at 0 too."""
    families = Families()
    active = Counter(alert.severity for alert in alarms.alerts if alert.state in _FIRES)
    for severity in SEVERITIES:
        families.add(names.ALERTS_ACTIVE, (severity,), active[severity])
    for labels, fires in _firing(alarms, sources).items():
        families.add(names.ALERT_FIRING, labels, fires)
    for place in alarms.fired:
        families.add(names.ALERTS_FIRED, (place.journey, place.step, place.signal, place.direction), place.count)
    families.add(names.ALERT_COMMANDS_IGNORED, (), alarms.ignored)
    families.add(names.ALARM_BUDGET, (), alarms.budget_per_week)
    families.add(names.ALARM_CREDIT, (), alarms.credit_used)
    watched = Counter(series.state for series in alarms.watched)
    for state in STATES:
        families.add(names.WATCHED_SERIES, (state,), watched[state])
    for series in alarms.watched:
        if series.kind == "conversion" and series.dimension is None:
            labels = (series.journey or "", series.step or "", series.direction)
            families.add(names.STEP_EVIDENCE, labels, series.level)
            families.add(names.STEP_DUE, labels[:2], series.due)
    return iter(families)


def _firing(alarms: AlarmsView, sources: Mapping[str, str]) -> dict[tuple[str, ...], int]:
    """1 or 0 by labels. An alert that is over beside one that fires, or two sources in `other`: the one that fires."""
    found: dict[tuple[str, ...], int] = {}
    for alert in alarms.alerts:
        if alert.state == "pending":
            continue
        source = "" if alert.source is None else sources[alert.source]
        labels = (
            alert.journey or "",
            alert.step or "",
            alert.signal,
            source,
            alert.direction,
            alert.severity,
        )
        found[labels] = max(found.get(labels, 0), int(alert.state in _FIRES))
    return found
