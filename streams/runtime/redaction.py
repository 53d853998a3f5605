"""What a viewer sees of journeys, signals, alerts and decisions: everything but people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from streams.runtime.access import Role
from streams.view import AlarmsView, AlertView, ChangeView, JourneyView, SignalView, StepView, TimelineEntry

_SAID = ("acknowledged", "snoozed", "accepted")
"""Entries of a timeline that name who did it."""
_OF_A_CHANGE = ("service", "name", "title", "version", "environment")
_OF_A_DECISION = (
    *("rule", "metric", "channel", "reason", "reasons", "final", "attempt", "scheduled_for", "until"),
    *("promise", "offer", "count", "state", "opened_at", "due_at", "priority"),
)
"""Of a decision about a customer; the rest may tell who it is."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def alerts_for(role: Role, alerts: list[AlertView]) -> list[AlertView]:
    """As this role sees them."""
    return alerts if role > Role.VIEWER else [_alert(alert) for alert in alerts]


def alarms_for(role: Role, alarms: AlarmsView | None) -> AlarmsView | None:
    """As this role sees them."""
    if alarms is None or role > Role.VIEWER:
        return alarms
    return msgspec.structs.replace(alarms, alerts=alerts_for(role, alarms.alerts))


def journeys_for(role: Role, journeys: Sequence[JourneyView]) -> Sequence[JourneyView]:
    """As this role sees them: without segments that name employees."""
    if role > Role.VIEWER or not any(one.employee for each in journeys for step in each.steps for one in step.segments):
        return journeys
    return [msgspec.structs.replace(each, steps=[_step(step) for step in each.steps]) for each in journeys]


def signals_for(role: Role, signals: Sequence[SignalView]) -> Sequence[SignalView]:
    """As this role sees them: without segments that name employees."""
    if role > Role.VIEWER or not any(one.employee for each in signals for one in each.segments):
        return signals
    return [
        msgspec.structs.replace(each, segments=[one for one in each.segments if not one.employee]) for each in signals
    ]


def decision_for(role: Role, body: bytes) -> bytes:
    """The JSON of a decision record as this role sees it."""
    return body if role > Role.VIEWER else _encode(_decision(_decode(body)))


def _step(step: StepView) -> StepView:
    return msgspec.structs.replace(step, segments=[one for one in step.segments if not one.employee])


def _alert(alert: AlertView) -> AlertView:
    return msgspec.structs.replace(
        alert,
        examples=[],
        acknowledged_by=None if alert.acknowledged_by is None else "",
        timeline=[TimelineEntry(one.time, one.what, "") if one.what in _SAID else one for one in alert.timeline],
        changes=[ChangeView(one.time, one.event, _only(one.data, _OF_A_CHANGE)) for one in alert.changes],
    )


def _decision(record: dict[str, Any]) -> dict[str, Any]:
    kind = str(record.get("type", "")).removeprefix("touchline.")
    data = record.get("data") or {}
    if kind.startswith("signal."):
        return record
    if not kind.startswith("alert."):
        return {**record, "subject": "", "data": _only(data, _OF_A_DECISION)}
    told: dict[str, Any] = {**data, "examples": []}
    if data.get("acknowledged_by") is not None:
        told["acknowledged_by"] = ""
    told["timeline"] = [{**one, "text": ""} if one.get("what") in _SAID else one for one in data.get("timeline", ())]
    told["changes"] = [{**one, "data": _only(one.get("data") or {}, _OF_A_CHANGE)} for one in data.get("changes", ())]
    return {**record, "data": told}


def _only(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}
