"""Where a partition of JourneyStage stands, and what its commit holds."""

from __future__ import annotations

import msgspec

from streams.effects import Lesson
from streams.stages.parcels import Crossed


class Position(msgspec.Struct, frozen=True):
    """How far a partition has come; times in UTC epoch microseconds."""

    read: int
    """Offset of the next record to read."""
    low: int
    """Smallest offset still waiting for its time, else `read`: where recovery begins."""
    watermark: int | None
    """No on-time event is earlier; None before the first record."""


class Changes(msgspec.Struct, frozen=True):
    """What a commit writes, all of it together."""

    head: bytes
    position: Position
    states: dict[str, bytes | None]
    """Changed customers; None: forgotten."""
    timers: dict[str, int | None]
    """Earliest deadline of a customer, never later than the true one; None: no timer any more."""


class Head(msgspec.Struct):
    """The stage's own part of a partition's head. Field meanings as in exactness rules 3 to 6."""

    format: int
    read: int
    low: int
    watermark: int | None
    first_tick: int | None
    partials: int
    dead_letters: int
    config: str
    shapes: list[tuple[str, ...]]
    """Segment dimensions of each file that has been in force; a customer's `shape` is the index of one."""
    last_time: int | None
    seen_minutes: dict[int, int]
    seen_floor: int
    tally: bytes
    aheads: list[tuple[int, int]] = []
    """`max_ahead` by the offset from which it holds, as far back as recovery reads."""
    standing: list[str] = []
    """Rules under `feedback` whose `when` holds."""
    stood: int = -1
    """Highest number of a record that said so; records without a number are not counted."""
    crossed: Crossed = msgspec.field(default_factory=Crossed)
    verdicts: int = 0
    """Number of the next verdicts of quotas to take."""
    unheard: list[int] = []
    """Numbers of verdicts below that have not come."""
    learnt: list[Lesson] = []
    """The latest lessons heard."""


FORMAT = 1


def beginning() -> Head:
    """Of a partition of which nothing has been read."""
    return Head(FORMAT, 0, 0, None, None, 0, 0, "", [], None, {}, 0, b"")


def head_config(head: bytes) -> str:
    """Hash of the rules that were in force at a commit."""
    return msgspec.msgpack.decode(head, type=Head).config
