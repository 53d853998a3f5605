"""An alert as the API, the console and the terminal show it, and as its records say it."""

from __future__ import annotations

from streams.alerts.alert import Alert, Segments
from streams.alerts.changes import Change
from streams.alerts.figures import figure, figure_or_none, in_words, percent
from streams.alerts.fingerprint import fingerprint
from streams.alerts.place import Place
from streams.alerts.severity import judge
from streams.alerts.timeline import timeline
from streams.findings import Finding
from streams.units import SECOND, format_time
from streams.view import AlertState, AlertView, ChangeView

MOST_EXAMPLES = 10


def read(alert: Alert, place: Place) -> AlertView:
    """The alert as of now."""
    finding = alert.latest
    state: AlertState = "resolved" if not alert.open else "flapping" if alert.flapping else "firing"
    return AlertView(
        fingerprint=alert.fingerprint,
        incident=alert.incident,
        state=state,
        journey=place.journey,
        step=place.step,
        next_step=place.next_step,
        signal=place.signal,
        source=place.source,
        direction=finding.series.direction,
        segments=alert.segments(),
        severity=alert.severity.level,
        since=_tick(finding.since),
        since_low=_tick(finding.since_low),
        since_high=_tick(finding.since_high),
        fired_at=_tick(alert.fired_at + 1),
        resolved_at=None if alert.ended is None else _tick(alert.ended + 1),
        observed=figure(finding.observed),
        expected=figure(finding.expected),
        size=figure_or_none(finding.size),
        size_low=figure_or_none(finding.size_low),
        size_high=figure_or_none(finding.size_high),
        early=finding.early,
        explanation=finding.explanation,
        evidence=figure(finding.evidence),
        guarantee=finding.guarantee,
        examples=list(finding.examples[:MOST_EXAMPLES]),
        changes=[_change(change) for change in alert.changes],
        owner=place.owner,
        runbook=place.runbook,
        timeline=timeline(finding.since, alert.changes, alert.entries),
        acknowledged_by=alert.acknowledged_by,
        snoozed_until=None if alert.snoozed_until is None else format_time(alert.snoozed_until),
        fired=alert.fired,
        notes=list(finding.notes),
        root=alert.root,
        loss=figure_or_none(finding.loss),
        value_per_hour=figure_or_none(finding.value_per_hour),
    )


def read_pending(finding: Finding, place: Place, page_above: float | None) -> AlertView:
    """A series on the way to an alarm: nobody is told, and it may well be chance."""
    segment = {finding.series.dimension: finding.series.value} if finding.series.dimension else None
    return AlertView(
        fingerprint=fingerprint(finding.series),
        incident="",
        state="pending",
        journey=place.journey,
        step=place.step,
        next_step=place.next_step,
        signal=place.signal,
        source=place.source,
        direction=finding.series.direction,
        segments=[segment] if segment else None if finding.segments is None else list(finding.segments),
        severity=judge([finding], place.severity, page_above).level,
        since=_tick(finding.since),
        since_low=_tick(finding.since_low),
        since_high=_tick(finding.since_high),
        fired_at=None,
        resolved_at=None,
        observed=figure(finding.observed),
        expected=figure(finding.expected),
        size=figure_or_none(finding.size),
        size_low=figure_or_none(finding.size_low),
        size_high=figure_or_none(finding.size_high),
        early=finding.early,
        explanation=finding.explanation,
        evidence=figure(finding.evidence),
        guarantee=finding.guarantee,
        examples=list(finding.examples[:MOST_EXAMPLES]),
        changes=[],
        owner=place.owner,
        runbook=place.runbook,
        timeline=timeline(finding.since, (), ()),
        fired=0,
        notes=list(finding.notes),
        loss=figure_or_none(finding.loss),
        value_per_hour=figure_or_none(finding.value_per_hour),
    )


def sentence(finding: Finding, place: Place) -> str:
    """What was seen beside what was expected, in one line."""
    match finding.series.kind:
        case "conversion":
            what = f"{place.step} → {place.next_step}: {in_words(finding.observed)} went on"
        case "arrivals":
            what = f"{place.step}: {in_words(finding.observed)} arrived"
        case "source":
            what = f"{place.source}: {in_words(finding.observed)} came"
        case _:
            what = f"{place.signal}: {in_words(finding.observed)}"
    size = size_in_words(finding)
    return f"{what}, expected {in_words(finding.expected)}" + (f"; {size}" if size else "")


def size_in_words(finding: Finding) -> str:
    """`62 % less (58 to 66 %)`; empty where the size is not known."""
    if finding.size is None:
        return ""
    way = "more" if finding.series.direction == "up" else "less"
    words = f"{percent(finding.size)} % {way}"
    if finding.size_low is not None and finding.size_high is not None:
        words += f" ({percent(finding.size_low)} to {percent(finding.size_high)} %)"
    return words + (", a first estimate" if finding.early else "")


def segments_in_words(segments: Segments) -> str:
    """`device=mobile or channel=web, region=kyiv`."""
    if segments is None:
        return "not enough data to tell"
    if not segments:
        return "everywhere"
    named = [" and ".join(f"{name}={value}" for name, value in sorted(segment.items())) for segment in segments]
    return ", or ".join(named)


def _tick(tick: int) -> str:
    return format_time(tick * SECOND)


def _change(change: Change) -> ChangeView:
    return ChangeView(format_time(change.time), f"{change.source}/{change.id}", change.data)
