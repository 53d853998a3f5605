"""What a file source hands on, one per event: ready to become a record of the log."""

from __future__ import annotations

import msgspec

from streams.model import Event


class Row(msgspec.Struct):
    """One event of a file, or one row that could not be taken (wrapped by `streams.codec.refuse`)."""

    body: bytes | Event
    """Canonical bytes as they stand in the file, a wrapped rejection, or an event that is already checked."""
    time: int | None = None
    """Event time, UTC epoch microseconds; None where it was not needed or cannot be read."""
    received: int | None = None
    """Time of reception, UTC epoch microseconds, from a mapped `received` column: the record's log time."""
