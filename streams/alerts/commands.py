"""What people say to an alert: seen, leave me alone for a while, this is the new normal."""

from __future__ import annotations

from streams.alerts.alert import Alert
from streams.notices import ACCEPTED, ACKNOWLEDGED, SNOOZED
from streams.units import format_duration, format_time

_LETTERS = 100


def said_fact(alert: Alert, kind: str) -> str:
    """What an alert has just been told, as `name=value`."""
    if kind == ACKNOWLEDGED:
        return f"acknowledged_by={alert.acknowledged_by}"
    until = alert.snoozed_until
    return "snoozed=ended" if until is None else f"snoozed_until={format_time(until)}"


def obey(alert: Alert, kind: str, time: int, by: str | None, for_: int | None) -> bool:
    """Write a command of that event type into the alert; False when it makes no sense and changes nothing.

    `time` in UTC epoch microseconds, `for_` in microseconds. An alert that is over can be acknowledged, no more.
    """
    who = (by or "").strip()[:_LETTERS] or "somebody"
    if kind == ACKNOWLEDGED:
        alert.acknowledged_by = who
        alert.note(time, "acknowledged", f"by {who}")
        return True
    if not alert.open:
        return False
    if kind == SNOOZED and for_ is not None and for_ >= 0:
        alert.snoozed_until = time + for_ if for_ else None
        alert.note(time, "snoozed", f"by {who} for {format_duration(for_)}" if for_ else f"ended by {who}")
        return True
    if kind == ACCEPTED:
        alert.note(time, "accepted", f"as the new normal, by {who}")
        return True
    return False
