"""Decisions for tests of delivery."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.decisions import decision_id, encode
from streams.delivery.message import Message, read
from streams.effects import Decision
from streams.units import parse_time

TIME = parse_time("2026-03-07T07:00:00Z")


def decision(kind: str, subject: str = "c-1", *, time: int = TIME, **data: Any) -> Message:
    """A public record of that type, read back as a receiver's side reads it."""
    data = {"rule": "rule", "because": ["shop/e-1"], **data}
    name = decision_id(f"touchline.{kind}", data["rule"], subject, msgspec.json.encode(data).decode(), time)
    return read(encode(Decision(name, f"touchline.{kind}", time, subject, data)))


def alert(kind: str = "firing", fingerprint: str = "f-1", severity: str = "warning", **data: Any) -> Message:
    """A record of an alert about purchase/checkout."""
    said: dict[str, Any] = {
        "rule": "purchase/checkout",
        "fingerprint": fingerprint,
        "journey": "purchase",
        "step": "checkout",
        "next_step": "paid",
        "signal": "conversion",
        "direction": "down",
        "segments": [],
        "severity": severity,
        "since": "2026-03-07T06:59:00.000Z",
        "observed": 61.0,
        "expected": 123.457,
        "size": 0.505,
        "size_low": 0.41,
        "size_high": 0.6,
        "examples": ["c-1", "c-2"],
        "changes": [],
        "owner": "checkout-team",
        "runbook": "https://wiki.example/purchase",
        "timeline": [],
        "incident": "i-1",
        "fired_at": "2026-03-07T07:00:00.000Z",
    }
    return decision(f"alert.{kind}", "purchase/checkout", **{**said, **data})
