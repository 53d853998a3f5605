"""The records that travel: an event as the door hands it on, and its place in the log."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, kw_only=True, gc=False):
    """A canonical touchpoint event (CloudEvents 1.0), decoded and normalised.

    The field order is the order of the encoded record.
    """

    specversion: str = "1.0"
    id: str
    """Unique within `source`; Unicode NFC, trimmed, case kept."""
    source: str
    """Who says so: a write key's name, a CloudEvents source, a `sources:` name."""
    type: str
    """`noun.verb`."""
    time: str | None = None
    """RFC 3339 with offset or `Z`; absent: the time of reception."""
    subject: str | None = None
    """The customer; absent for events about a place or a source."""
    data: dict[str, Any] | None = None
    sequence: str | int | float | None = None
    """CloudEvents extension: orders events of one source at the same time, compared as a number."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One entry of a partition's log."""

    offset: int
    """Position in the partition, counted from 0, without gaps inside one log."""
    log_time: int | None
    """When the log took it, UTC epoch microseconds; None where the log has no clock (files)."""
    body: bytes | Event
    """The canonical record: JSON bytes, or already decoded by a file source."""
    internal: bool = False
    """Written by the partition's owner (`touchline.time.advanced`, …); the log says so, never the record itself,
    so that nothing from a public door can pass for it."""
    time: int | None = None
    """Event time, UTC epoch microseconds, where `body` is an event that its source has checked."""
