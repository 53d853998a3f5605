"""A case from the complaint to its end over HTTP, through the log of a real service and across a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.units import HOUR, SECOND, format_time
from tests.streams.runtime.shop import START, shop

SHOP = shop("""
version: 1
cases:
  complaints: {on: complaint.received, owner: service}
""")


def complaint(time: int) -> bytes:
    event = {"specversion": "1.0", "id": "n-1", "source": "shop", "type": "complaint.received"}
    return msgspec.json.encode({**event, "time": format_time(time), "subject": "ann", "data": {}})


class Desk:
    """Somebody who works on cases over HTTP."""

    def __init__(self, service: Embedded, client: aiohttp.ClientSession, clock: VirtualClock) -> None:
        self.service = service
        self._client = client
        self._clock = clock

    async def wait(self, duration: int) -> None:
        """Time passes, and the service notices."""
        self._clock.advance(duration)
        told = {"specversion": "1.0", "id": f"t-{self._clock.now()}", "source": "shop", "type": "page.viewed"}
        time = format_time(self._clock.now())
        await self.service.submit([msgspec.json.encode({**told, "time": time, "subject": "other"})])
        await self.service.drain()

    async def case(self, query: str = "open=1") -> dict[str, Any]:
        (case,) = (await (await self._client.get(f"/api/v1/cases?{query}")).json())["items"]
        assert isinstance(case, dict)
        return case

    async def say(self, word: str, **body: Any) -> int:
        case = await self.case("order=newest")
        answer = await self._client.post(f"/api/v1/cases/{case['id']}/{word}", json={"by": "olena"} | body)
        await self.wait(10 * SECOND)
        return answer.status


@asynccontextmanager
async def desk(path: Path, clock: VirtualClock) -> AsyncIterator[Desk]:
    """A service over that file, and somebody in front of it."""
    service = Embedded(SHOP, Store(path), clock, name="shop.yml", limits=Limits(commit_seconds=0))
    await service.start()
    web = Web(service, SHOP.config)
    await web.start("127.0.0.1", 0)
    try:
        await service.drain()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as client:
            yield Desk(service, client, clock)
    finally:
        await web.stop()
        await service.stop()


async def test_a_complaint_is_reminded_of_taken_up_and_closed(tmp_path: Path) -> None:
    clock, path = VirtualClock(START), tmp_path / "shop.db"
    async with desk(path, clock) as olena:
        await olena.service.submit([complaint(START)])
        await olena.wait(10 * SECOND)
        case = await olena.case()
        assert (case["state"], case["owner"], case["warned"]) == ("assigned", "service", False)
        await olena.wait(24 * HOUR)
        assert ((await olena.case())["warned"], (await olena.case())["breached"]) == (True, False)
        assert await olena.say("assign") == 202
        assert (await olena.case())["owner"] == "olena"
    async with desk(path, clock) as olena:
        assert (await olena.case())["owner"] == "olena"
        assert await olena.say("contact") == 202
        await olena.wait(48 * HOUR)
        assert ((await olena.case())["state"], (await olena.case())["breached"]) == ("contacted", False)
        assert await olena.say("contact") == 409
        assert await olena.say("close", cause="wrong part", disposition="resolved") == 422
        assert await olena.say("communicate") == 202
        assert await olena.say("close", cause="wrong part", disposition="resolved") == 202
        ended = await olena.case("state=closed")
        assert (ended["cause"], ended["disposition"], ended["incomplete"]) == ("wrong part", "resolved", False)
        assert await olena.say("reopen") == 202
        assert (await olena.case())["state"] == "assigned"
