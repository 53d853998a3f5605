"""What a partition remembers of one customer: open journeys, seen ids, traits, sessions, what is owed to them."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.care.state import Care
from streams.effects import Cell

IN_FLIGHT = 0
ABANDONED = 1
CLOSED = 2
"""Goal reached; kept only for journeys with `by`, whose value stays closed for `keep`."""


class Instance(msgspec.Struct, array_like=True, gc=False):
    """One customer's way through one journey. Times in UTC epoch microseconds."""

    step: str
    """The step last entered."""
    state: int
    """IN_FLIGHT, ABANDONED or CLOSED."""
    entered: int
    """Own time of the event that entered `step`."""
    deadline: int
    """Last moment at which going on is in time."""
    due: int
    """When its timer fires: abandonment, then forgetting. Never before the watermark at entry."""
    cell: Cell
    """Segment values fixed at the entry of `step`."""
    value: int
    """The journey's `value` at entry, scaled by 1e6; the instance's last known."""


class Session(msgspec.Struct, array_like=True, gc=False):
    """A run of a customer's events for an `as: session` signal. Times in UTC epoch microseconds."""

    first: int
    last: int
    due: int
    cell: Cell


class Customer(msgspec.Struct, array_like=True, gc=False):
    """The state of one key. Everything but the instances is empty for a bucket of events without subject."""

    shape: int = 0
    """Which of the partition's files, counted from 0, it was last brought under."""
    touched: int = 0
    """Effective time of the last event, UTC epoch microseconds."""
    seen: bytes = b""
    """8-byte hashes of (source, id) taken since `seen_since`, in order of arrival."""
    seen_before: bytes = b""
    """The generation before."""
    seen_since: int = 0
    instances: dict[str, Instance] = {}
    """Journey name, or name NUL `by` value."""
    traits: dict[str, Any] = {}
    identified: bool = False
    into: str | None = None
    """Forwarding address: this id ended in a merge and lives on there."""
    sessions: dict[str, Session] = {}
    due: int | None = None
    """The timer set for this customer, never later than the true one (UTC epoch microseconds)."""
    care: Care | None = None
    """Asks, cases and what they rest on; None for most."""

    def next_due(self) -> int | None:
        """Earliest timer of its journeys and sessions (UTC epoch microseconds), None without one."""
        due = None
        for instance in self.instances.values():
            if due is None or instance.due < due:
                due = instance.due
        for session in self.sessions.values():
            if due is None or session.due < due:
                due = session.due
        return due


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Customer)
encode = _ENCODER.encode
decode = _DECODER.decode
