"""What a door made of one event of a request: the log records to write, and what to tell the sender."""

from __future__ import annotations

import msgspec

from streams.codec import Rejection


class Item(msgspec.Struct, frozen=True):
    """One event of an HTTP body, taken or refused; either way `bodies` belong into the log."""

    index: int
    """Place in the batch, from 0."""
    id: str | None
    """The event's id (Segment: messageId) as the sender knows it, or made at the door; None where it cannot be read."""
    bodies: tuple[bytes, ...]
    """Records for the log, in order: usually one; the original bytes in a wrapper where `rejection` is set."""
    rejection: Rejection | None = None
    subject: str | None = None
    """The customer, for the log's key; None for events about a place or a source."""
