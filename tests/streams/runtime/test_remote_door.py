"""Simulated traffic over HTTP: every event arrives, a door that refuses is asked again, one that never will is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from connectors.synthetic.traffic import Traffic
from streams.codec import encode
from streams.errors import CannotStart
from streams.runtime.clock import VirtualClock
from streams.runtime.remote_door import RemoteDoor
from streams.runtime.simulation import SECOND, Simulation

NOON = 1_795_000_000 * SECOND


class Door:
    """Answers with the statuses it is given, then takes everything."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.taken: list[dict[str, object]] = []
        self.seen: list[str] = []
        self.keys: set[str | None] = set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """POST /events."""
        batch = await request.json()
        self.keys.add(request.headers.get("Authorization"))
        self.seen += [event["id"] for event in batch]
        if self.statuses:
            status = self.statuses.pop(0)
            return web.json_response({"detail": "not now"}, status=status, headers={"Retry-After": "3"})
        self.taken += batch
        said = {"success": True, "accepted": len(batch), "rejected": 0, "items": []}
        return web.json_response(said, status=202)


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/events", door.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield door
    finally:
        await runner.cleanup()


async def test_every_event_of_the_interval_arrives_once_with_the_key() -> None:
    clock = VirtualClock(NOON)
    async with opened(Door()) as door:
        remote = RemoteDoor(door.url, "wk-1", clock)
        simulation = Simulation(remote, Traffic(1, rate=300, opens=NOON - 60 * SECOND), clock, NOON - 10 * SECOND)
        await simulation.catch_up()
        await remote.close()
    expected = [json.loads(encode(event)) for event in Traffic(1, rate=300, opens=NOON - 60 * SECOND).events(
        NOON - 10 * SECOND, NOON)]  # fmt: skip
    assert door.taken == expected[: simulation.fed]
    assert simulation.fed == remote.accepted > 500
    assert door.keys == {"Bearer wk-1"}


@pytest.mark.parametrize("status", [429, 503])
async def test_a_door_that_is_busy_gets_the_same_events_again_after_the_time_it_asks_for(status: int) -> None:
    clock = VirtualClock(NOON)
    async with opened(Door(status, status)) as door:
        remote = RemoteDoor(door.url, None, clock)
        sending = asyncio.create_task(remote.submit([b'{"id":"e-1"}', b'{"id":"e-2"}']))
        waited = 0
        while not sending.done():
            before = len(door.seen)
            await asyncio.sleep(0.001)
            if len(door.seen) == before and not sending.done():
                clock.advance(SECOND)
                waited += 1
        await sending
        await remote.close()
    assert door.seen == ["e-1", "e-2"] * 3
    assert waited >= 6
    assert door.keys == {None}


async def test_a_door_that_is_not_there_yet_is_tried_until_it_is() -> None:
    clock = VirtualClock(NOON)
    async with opened(Door()) as door:
        address = door.url
    remote = RemoteDoor(address, None, clock)
    sending = asyncio.create_task(remote.submit([b'{"id":"e-1"}']))
    while remote.trouble is None:
        await asyncio.sleep(0.001)
    assert "does not answer" in remote.trouble
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await remote.close()


@pytest.mark.parametrize(("status", "word"), [(401, "not now"), (404, "not now"), (200, "does not answer as")])
async def test_a_door_that_will_never_take_it_ends_the_sending(status: int, word: str) -> None:
    async with opened(Door(status)) as door:
        remote = RemoteDoor(door.url, None, VirtualClock(NOON))
        with pytest.raises(CannotStart, match=word):
            await remote.submit([b'{"id":"e-1"}'])
        await remote.close()
