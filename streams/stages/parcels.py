"""What one partition of JourneyStage sends to another: a customer who ends there, one who is sent back, an event.

Parcels travel as records of our own in the receiver's log, numbered per sender and receiver (exactness rules 9, 12
and 13). How they look is `docs/reference/merges.md`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from streams import reasons
from streams.codec import Rejection, encode
from streams.effects import Parcel
from streams.model import Event
from streams.units import format_time

ABSORBED = "touchline.customer.absorbed"
"""A customer's whole state, for the partition of the id that survives."""
REFUSED = "touchline.customer.refused"
"""The state comes back: the merge was refused where the survivor lives."""
FORWARDED = "touchline.event.forwarded"
"""An event for a customer of another partition: its id ended in a merge, or its producer placed it wrongly."""
KINDS = frozenset((ABSORBED, REFUSED, FORWARDED))
MOST_HOPS = 8
"""Partitions a parcel may be handed on by; a longer way is a ring of merges."""


class Crossed(msgspec.Struct, omit_defaults=True):
    """What a partition remembers of parcels; part of its head."""

    sent: dict[int, int] = {}
    """Receiving partition -> number of the next parcel for it."""
    heard: dict[int, int] = {}
    """Sending partition -> number of the next parcel expected from it."""
    waiting: list[int] = []
    """Offsets of parcels that wait for their time."""
    routes: dict[str, str] = {}
    """Ids whose state went on or back from here, and to which key: their events follow it. The last ones."""
    misplaced: int = 0
    """Records that lay in this partition and belonged elsewhere."""


def record_of(parcel: Parcel, receiver: int) -> bytes:
    """The parcel as a record of the log."""
    return encode(
        Event(
            id=f"{parcel.sender}-{receiver}-{parcel.number}",
            source="touchline",
            type=parcel.kind,
            time=format_time(parcel.time),
            subject=parcel.target,
            data=msgspec.to_builtins(parcel),
        )
    )


def parcel_of(event: Event) -> Parcel | Rejection:
    """The parcel a record of our own carries."""
    data: dict[str, Any] = event.data or {}
    try:
        return msgspec.convert(data, Parcel)
    except msgspec.ValidationError as fault:
        return Rejection(reasons.BAD_DATA, f"{event.type}: {fault}; written by another release?")
