"""A receiver as health shows it, and the mark by which a changed address is told."""

from __future__ import annotations

import hashlib

from streams.delivery.receivers import Receiver
from streams.errors import CannotStart
from streams.runtime.lane import Lane
from streams.runtime.service import ReceiverHealth


def health_of(
    name: str,
    receiver: Receiver | None,
    lane: Lane | None,
    waits: tuple[int, int | None],
    counts: tuple[int, int, int],
    now: int,
) -> ReceiverHealth:
    """`receiver` is None where the file has none of that name.

    `waits`: how many wait, and since when (UTC epoch microseconds, as `now`) the longest has been due. `counts`:
    delivered, tried again, given up.
    """
    state, error = "unknown", None
    if lane is not None:
        error = lane.unusable or lane.disabled or lane.last_error
        state = "unusable" if lane.unusable else "disabled" if lane.disabled else "failing" if error else "ok"
    pending, since = waits
    age = None if since is None else max(0, now - since) / 1e6
    return ReceiverHealth(name, "" if receiver is None else receiver.kind, state, pending, age, error, *counts)


def mark_of(receiver: Receiver) -> str:
    """Changes when the address does, and does not give it away."""
    try:
        address = receiver.address.reveal()
    except CannotStart:
        address = receiver.address.written
    return hashlib.blake2b(f"{receiver.kind}:{address}".encode(), digest_size=8).hexdigest()
