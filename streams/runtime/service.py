"""What the HTTP side asks of the service behind it: take events, show what is known, hand on what was decided.

The embedded service satisfies `Service`; tests use a small double. Reads that may touch the store are coroutines;
`journeys`, `signals`, `alarms`, `health` and `internals` answer from memory, at once, as they are called once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from streams.runtime.latency import Latency
from streams.view import AlarmsView, ArmView, JourneyView, SignalView


class Busy(Exception):
    """Raised by `submit` when the backlog is too long; nothing of the call was taken. The sender may come back."""

    def __init__(self, retry_after_seconds: int = 1) -> None:
        super().__init__(f"the backlog is too long; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Stopped(Exception):
    """Raised by `submit` while nothing is taken (brake on, shutting down); nothing of the call was taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """One sentence for the sender and the operator; no personal data."""


class Door(msgspec.Struct, frozen=True):
    """What happened at the door since the store was made (formats.md section 4)."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    future: int = 0
    invalid: int = 0


class RefusedConfig(msgspec.Struct, frozen=True):
    """A file that came while the service ran and cannot be used; the one before it stays in force."""

    count: int
    """Faults found."""
    first: str
    """The first of them: `FILE:LINE: path: message`. Never shows a secret."""


class ActiveConfig(msgspec.Struct, frozen=True):
    """Which file holds."""

    hash: str
    file: str
    """Its name as given on the command line."""
    warnings: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    """Keys whose new value holds only after a restart."""
    refused: RefusedConfig | None = None
    """None while the file on disk is the one that holds."""


class LogEnds(msgspec.Struct, frozen=True):
    """The log's ends: the offset the next event gets, and the smallest offset a restart would read again."""

    next_offset: int
    low: int


class ReceiverHealth(msgspec.Struct, frozen=True):
    """A receiver of decisions, as far as it can be told without its address."""

    name: str
    kind: str
    state: str
    """`ok`, `failing` (the last attempt failed), `disabled` (it said it is gone), `unusable` (see `last_error`), or
    `unknown` (the file no longer has it, but something waits for it)."""
    pending: int
    """Deliveries that wait."""
    oldest_seconds: float | None
    """How long the oldest of them has been due; None without any."""
    last_error: str | None
    """Of the last attempt that failed since the start; None after a success."""
    delivered: int = 0
    """Since the store was made, as the next two."""
    retried: int = 0
    """Attempts that failed and were followed by another."""
    failed: int = 0
    """Deliveries given up."""


class Health(msgspec.Struct, frozen=True):
    """`GET /api/v1/health`."""

    status: str
    """`ok`, `starting` (catching up after a start: not ready yet) or `stopped` (see `reason`)."""
    uptime_seconds: float
    watermark: str | None
    """RFC 3339; None before the first event."""
    lag_seconds: float | None
    """Clock minus watermark; None before the first event."""
    events_per_second: float
    """Events read per second, over about the last ten seconds."""
    events: Door
    config: ActiveConfig
    log: LogEnds
    pending_timers: int
    dead_letters: int
    """Held and not yet re-driven."""
    reason: str | None = None
    """Why it is not `ok`: one sentence, no personal data."""
    receivers: tuple[ReceiverHealth, ...] = ()
    """Who decisions are delivered to. One in trouble does not make the service unwell."""
    store_bytes: int | None = None
    """Size of the data file with its write-ahead log; None where there is none."""


class Internals(msgspec.Struct):
    """What `/metrics` and `/api/v1/asking` show: exact totals since the store was made unless said otherwise."""

    invalid: dict[str, int] = {}
    care: dict[str, list[int]] = {}
    """`WHAT NUL RULE NUL DETAIL` -> [count, total]: asks, answers, cases, promises, offers."""
    """By reason."""
    dead_letters: dict[str, int] = {}
    """Held and not yet re-driven, by reason."""
    dropped_dead_letters: dict[str, int] = {}
    """Let go unseen because too many were held, by reason."""
    types: dict[str, int] = {}
    """Accepted events by type, in order of first sight."""
    sources: dict[str, int] = {}
    """Accepted events by source, in order of first sight."""
    decisions: dict[str, int] = {}
    """By type."""
    evicted_ids: int = 0
    """Seen ids that fell out before their 24 h."""
    log_rows: int = 0
    store_bytes: int = 0
    """Size of the file with its write-ahead log."""
    cached_customers: int = 0
    dimensions: int = 0
    """Segment dimensions of the file in force."""
    learning: Sequence[ArmView] = ()
    """What rules that learn can choose."""
    latency: Latency | None = None
    """From reception to commit; since this process started."""


class Published(msgspec.Struct, frozen=True):
    """A decision whose commit is durable."""

    id: str
    body: bytes
    """Its public JSON record (formats.md section 3), one line."""


class Page(msgspec.Struct, frozen=True):
    """Part of a list, newest first."""

    items: Sequence[Any]
    """Encodable as JSON; records that are JSON already come as `msgspec.Raw`."""
    next: str | None = None
    """Cursor of the following page; None at the end. Opaque to everyone but the service."""


class StoredDeadLetter(msgspec.Struct, frozen=True):
    """A dead letter as kept."""

    id: int
    offset: int
    """Log position of the record."""
    time: str | None
    """When the log took it, RFC 3339."""
    reason: str
    message: str
    size: int
    """Bytes of the body."""
    state: str
    """`held` or `redriven`."""
    body: bytes | None = None
    """The original bytes; lists leave them out."""


class BadCursor(ValueError):
    """A cursor that no page handed out."""


class Service(Protocol):
    """The service behind the HTTP side. Every method is called on its event loop."""

    async def submit(self, bodies: Sequence[bytes]) -> Sequence[int]:
        """Append records to the log; returns their offsets once they are durable, never before.

        All or nothing. A body that is no valid record is dead-lettered by the stage. Raises Busy or Stopped.
        """
        ...

    def journeys(self) -> Sequence[JourneyView]: ...

    def signals(self) -> Sequence[SignalView]: ...

    def alarms(self) -> AlarmsView | None:
        """Alerts, what is watched and how well; None where no detection runs."""
        ...

    def health(self) -> Health: ...

    def internals(self) -> Internals: ...

    def now(self) -> int:
        """The clock handed to the shell, UTC epoch microseconds."""
        ...

    async def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        """Decision records (`msgspec.Raw`) with time >= since (UTC epoch microseconds). Raises BadCursor."""
        ...

    async def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        """Decisions published after the one of that id, oldest first; empty when the id is unknown."""
        ...

    async def dead_letters(self, since: int | None, limit: int, cursor: str | None) -> Page:
        """StoredDeadLetter without bodies, log time >= since (UTC epoch microseconds). Raises BadCursor."""
        ...

    async def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        """One with its body; None when there is none of that id."""
        ...

    async def redrive(self, letter_id: int) -> int | None:
        """Append its bytes to the log again and mark it; returns the new offset once durable, None when unknown.

        Raises Busy or Stopped.
        """
        ...

    def subscribe(self) -> asyncio.Queue[Published]:
        """A queue that gets every decision from now on, in order, once its commit is durable. Never full."""
        ...

    def unsubscribe(self, queue: asyncio.Queue[Published]) -> None:
        """Ends a subscription; a queue not subscribed is ignored."""
        ...


@runtime_checkable
class CustomerReader(Protocol):
    """A service that can also show one customer; without it there is no `/api/v1/customers/{id}`."""

    async def customer(self, customer_id: str) -> msgspec.Raw | None:
        """What is kept of the customer, as JSON; None when nothing is."""
        ...


@runtime_checkable
class DeliveryDesk(Protocol):
    """A service that delivers; without it there is no `/api/v1/deliveries`."""

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        """Deliveries that came about at or after `since` (UTC epoch microseconds), newest first. Raises BadCursor."""
        ...

    async def replay_delivery(self, delivery_id: int) -> bool:
        """Let one begin anew; False when there is none of that id. Raises Stopped."""
        ...

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        """Let all of a receiver that came about in [since, until) and do not wait begin anew.

        Returns how many; None when there is no such receiver. Raises Stopped.
        """
        ...
