"""The public record of what became of an alert (formats.md section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from streams.alerts.place import Place
from streams.decisions import decision_id
from streams.effects import Decision
from streams.units import SECOND
from streams.view import AlertView

Transition = Literal["firing", "updated", "resolved", "rebaselined"]

CONTRACT = (
    *("fingerprint", "journey", "step", "next_step", "signal", "direction", "segments", "severity", "since"),
    *("observed", "expected", "size", "size_low", "size_high", "examples", "changes", "owner", "runbook", "timeline"),
)
"""Fields of the format, in its order, after `rule` and `because`."""
ADDED = (
    *("incident", "root", "state", "early", "explanation", "evidence", "guarantee", "notes", "source"),
    *("since_low", "since_high", "fired_at", "fired", "resolved_at", "acknowledged_by", "snoozed_until"),
    *("loss", "value_per_hour"),
)
"""What comes on top of it."""


def decision(transition: Transition, view: AlertView, place: Place, because: Sequence[str], tick: int) -> Decision:
    """The record of a transition at the close of a tick; it holds from the tick's end."""
    type_ = f"touchline.alert.{transition}"
    time = (tick + 1) * SECOND
    said: dict[str, Any] = msgspec.to_builtins(view)
    data = {"rule": place.rule, "because": list(because), **{name: said[name] for name in (*CONTRACT, *ADDED)}}
    id_ = decision_id(type_, view.fingerprint, place.rule, str(tick), time)
    return Decision(id_, type_, time, place.rule, data)
