"""A service without stages: keeps what it is given, shows what the test puts into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from streams import codec
from streams.codec import Rejection
from streams.config.load import load_text
from streams.model import Event
from streams.runtime.service import (
    ActiveConfig,
    BadCursor,
    Busy,
    Door,
    Health,
    Internals,
    LogEnds,
    Page,
    Published,
    ReceiverHealth,
    Stopped,
    StoredDeadLetter,
)
from streams.runtime.web import CONSOLE, Web
from streams.units import format_time, parse_time
from streams.view import AlarmsView, JourneyView, SignalView

NOW = parse_time("2026-03-07T07:00:00Z")
FILE = """
version: 1
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
"""


class MemoryService:
    """Satisfies `streams.runtime.service.Service`."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.durable = asyncio.Event()
        """Cleared: `submit` holds its answer back until it is set."""
        self.durable.set()
        self.waiting = asyncio.Event()
        """Set once a `submit` waits for `durable`."""
        self.refuses: Busy | Stopped | None = None
        self.journey_views: list[JourneyView] = []
        self.signal_views: list[SignalView] = []
        self.alarm_view: AlarmsView | None = None
        self.status = "ok"
        self.reason: str | None = None
        self.published: list[Published] = []
        self.letters: dict[int, StoredDeadLetter] = {}
        self.kept = Internals()
        self.watermark: str | None = None
        self.address = ""
        """Where it is served, such as http://127.0.0.1:8427."""
        self.queues: list[asyncio.Queue[Published]] = []
        self.receivers: tuple[ReceiverHealth, ...] = ()

    async def submit(self, bodies: Sequence[bytes]) -> Sequence[int]:
        if self.refuses is not None:
            raise self.refuses
        assert bodies, "there is nothing to submit"
        if not self.durable.is_set():
            self.waiting.set()
            await self.durable.wait()
        first = len(self.log)
        self.log.extend(bodies)
        return range(first, len(self.log))

    def journeys(self) -> Sequence[JourneyView]:
        return self.journey_views

    def signals(self) -> Sequence[SignalView]:
        return self.signal_views

    def alarms(self) -> AlarmsView | None:
        return self.alarm_view

    def health(self) -> Health:
        return Health(
            status=self.status,
            uptime_seconds=5.0,
            watermark=self.watermark,
            lag_seconds=None if self.watermark is None else (NOW - parse_time(self.watermark)) / 1e6,
            events_per_second=2.5,
            events=Door(read=len(self.log), accepted=len(self.log)),
            config=ActiveConfig("0123456789abcdef", "shop.yml", ("alerts: valid, not acted upon yet",)),
            log=LogEnds(len(self.log), 0),
            pending_timers=3,
            dead_letters=len(self.letters),
            reason=self.reason,
            receivers=self.receivers,
        )

    def internals(self) -> Internals:
        return self.kept

    def now(self) -> int:
        return NOW

    def publish(self, decision_id: str, kind: str = "signal.breached") -> None:
        """A decision becomes durable."""
        body = {"specversion": "1.0", "id": decision_id, "source": "touchline", "type": f"touchline.{kind}"}
        decision = Published(decision_id, msgspec.json.encode(body))
        self.published.append(decision)
        for queue in self.queues:
            queue.put_nowait(decision)

    async def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        newest = [msgspec.Raw(decision.body) for decision in reversed(self.published)]
        return _page(newest if since is None or since <= self.now() else [], limit, cursor)

    async def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        ids = [decision.id for decision in self.published]
        if decision_id not in ids:
            return []
        start = ids.index(decision_id) + 1
        return self.published[start : start + limit]

    async def dead_letters(self, since: int | None, limit: int, cursor: str | None) -> Page:
        newest = [self.letters[letter_id] for letter_id in sorted(self.letters, reverse=True)]
        return _page(newest, limit, cursor)

    async def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        return self.letters.get(letter_id)

    async def redrive(self, letter_id: int) -> int | None:
        letter = self.letters.get(letter_id)
        if letter is None:
            return None
        return (await self.submit([letter.body or b""]))[0]

    def hold(self, letter_id: int, body: bytes, reason: str = "no_id") -> None:
        """A dead letter is held."""
        self.letters[letter_id] = StoredDeadLetter(
            letter_id, letter_id, format_time(NOW), reason, "id: it is missing", len(body), "held", body
        )

    def subscribe(self) -> asyncio.Queue[Published]:
        queue: asyncio.Queue[Published] = asyncio.Queue()
        self.queues.append(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Published]) -> None:
        if queue in self.queues:
            self.queues.remove(queue)

    def taken(self) -> list[Event | Rejection]:
        """What the stage would read from the log."""
        return [codec.decode(body) for body in self.log]


class CustomerService(MemoryService):
    """Can also show customers."""

    async def customer(self, customer_id: str) -> msgspec.Raw | None:
        return msgspec.Raw(b'{"id":"c-17"}') if customer_id == "c-17" else None


def _page(items: Sequence[object], limit: int, cursor: str | None) -> Page:
    try:
        start = int(cursor or "0")
    except ValueError:
        raise BadCursor(cursor) from None
    end = start + limit
    return Page(items[start:end], str(end) if end < len(items) else None)


@asynccontextmanager
async def serving(
    service: MemoryService,
    access: str = "",
    *,
    console: Path = CONSOLE,
    interval: float = 0.01,
    heartbeat: float = 15.0,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """The service behind HTTP on a free port, and a client of it; `access` is that block of the file."""
    config = load_text(FILE + access, "shop.yml").config
    web = Web(service, config, console=console, interval=interval, heartbeat=heartbeat)
    await web.start("127.0.0.1", 0)
    try:
        service.address = f"http://127.0.0.1:{web.port}"
        async with aiohttp.ClientSession(service.address, headers=headers) as client:
            yield client
    finally:
        await web.stop()
