"""What is committed together: the head that every commit compares and replaces, and all that goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from streams.delivery.grouping import Addressed, Key, Told
from streams.effects import DeadLetter

FORMAT = 1


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What a partition has committed (exactness rule 6). Its bytes change with every commit: the token does."""

    format: int
    epoch: int
    """Raised once by each owner, when it takes the store."""
    commit: int
    """Commits since the store was made."""
    token: bytes
    """Random; tells the owner whether a commit whose answer got lost was done."""
    partitions: int
    """Always 1 here; another number is refused."""
    read: int
    """Offset of the next record to read."""
    low: int
    """Where recovery begins to read; log rows from here on are never deleted."""
    watermark: int | None
    """UTC epoch microseconds."""
    config: str
    """Hash of the rules in force at `read`."""
    sequences: dict[str, int] = {}
    """Per destination (`partials`, `decisions`, `dead_letters`): number of the next effect, without gaps."""
    signal_read: int = 0
    """Number of the first partial that the stored pieces of SignalStage do not contain yet."""
    signal_config: str = ""
    """Hash of the file those pieces belong to."""
    stage: bytes = b""
    """JourneyStage's own part."""
    owner: bytes = b""
    """Random, drawn with the epoch: a store that came back older may let two owners raise it to the same number."""


class NewPartial(msgspec.Struct, frozen=True):
    """A partial to keep."""

    sequence: int
    tick: int
    body: bytes


class NewDecision(msgspec.Struct, frozen=True):
    """A decision that leaves with this commit."""

    id: str
    type: str
    time: int
    """UTC epoch microseconds."""
    subject: str
    body: bytes
    """The public record."""


class Commit(msgspec.Struct, frozen=True):
    """Everything of one commit: it is stored whole, or nothing of it is."""

    before: bytes
    """The stored head this commit builds on, as stored."""
    head: bytes
    """The head that replaces it."""
    low: int
    """The new head's `low`."""
    now: int
    """Clock, UTC epoch microseconds; decides only how old things are that may be deleted."""
    first_decision: int
    """Number of the first of `decisions`."""
    states: Mapping[str, bytes | None] = {}
    """Customer key -> state; None: forgotten."""
    timers: Mapping[str, int | None] = {}
    """Customer key -> earliest deadline, UTC epoch microseconds; None: none any more."""
    partials: Sequence[NewPartial] = ()
    decisions: Sequence[NewDecision] = ()
    dead_letters: Sequence[DeadLetter] = ()
    pieces: Mapping[str, bytes | None] = {}
    """Changed pieces of SignalStage by name; None: gone."""
    signal_read: int = 0
    """The new head's `signal_read`: older partials may be deleted once they are old enough."""
    watermark: int | None = None
    """The new head's watermark: decisions grow old by the shop's own time."""
    deliveries: Sequence[Addressed] = ()
    """Which of `decisions` go to which receivers."""
    told: Mapping[Key, Told | None] = {}
    """What receivers will know to be open; None: over."""


class HeadMoved(Exception):
    """Somebody else has committed to this store: this owner must stop and start from what is stored."""


_decoder = msgspec.msgpack.Decoder(Head)


def encode(head: Head) -> bytes:
    """Bytes as stored."""
    return msgspec.msgpack.encode(head)


def decode(body: bytes) -> Head:
    """A stored head. Raises ValueError for one written by a newer release."""
    number = msgspec.msgpack.decode(body)[0]
    if number > FORMAT:
        raise ValueError(f"head: format {number}, this release reads up to {FORMAT}; use the release that wrote it")
    return _decoder.decode(body)
