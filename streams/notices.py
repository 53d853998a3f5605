"""Events that are no touchpoints: what was deployed, what to do with an alert, whom to forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.effects import AlertCommand, ChangeSeen
from streams.units import parse_duration

CHANGE = "change.deployed"
ACKNOWLEDGED, SNOOZED, ACCEPTED = "alert.acknowledged", "alert.snoozed", "alert.accepted"
ERASED = "touchline.customer.erased"
"""Everything about the subject goes, once time has reached this; only from inside, never through a door."""
COMMANDS = (ACKNOWLEDGED, SNOOZED, ACCEPTED)
_MOST_BYTES = 1024
_LETTERS = 128
_LARGEST = 1 << 63


def change(time: int, source: str, name: str, data: Mapping[str, Any]) -> ChangeSeen:
    """A `change.deployed`: of its data the plain values, in its order, as long as they fit into 1 KiB of JSON."""
    kept: dict[str, str | int | float | bool] = {}
    room = _MOST_BYTES
    for field, value in data.items():
        if not isinstance(value, str | int | float | bool):
            continue
        if type(value) is int and not -_LARGEST <= value < _LARGEST:
            value = float(value)
        size = len(msgspec.json.encode({field: value}))
        if size <= room:
            kept[field] = value
            room -= size
    return ChangeSeen(time, source, name, kept)


def command(
    kind: str, time: int, subject: str | None, source: str, name: str, data: Mapping[str, Any]
) -> AlertCommand | None:
    """What somebody wants done with the alert whose fingerprint is the subject; None when it cannot be understood.

    To snooze takes `for`, a duration; `0s` ends it.
    """
    if subject is None or len(subject) > _LETTERS:
        return None
    duration = 0
    if kind == SNOOZED:
        given = data.get("for")
        if not isinstance(given, str):
            return None
        try:
            duration = parse_duration(given)
        except ValueError:
            return None
    by = data.get("by")
    return AlertCommand(time, kind, subject, by[:_LETTERS] if isinstance(by, str) else "", duration, source, name)
