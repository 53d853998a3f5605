"""kill -9 with many customers in the store: how long until the events are read as soon as they come again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks.cluster import feed
from benchmarks.cluster.contenders import Touchline
from benchmarks.cluster.servers import Servers
from benchmarks.journey_stage import START, bodies

SHOP = (Path(__file__).parents[1] / "shop.yml").read_text(encoding="utf-8")
SECONDS = 90.0
_BEFORE_KILL = 15.0
BATCH = 250
_PIECE = 200_000


async def _paced(servers: Servers, topic: str, records: list[bytes], rate: float) -> None:
    async with feed.sender(servers.kafka, 2) as producer:
        async for beat in feed.beats(rate, len(records) / rate, BATCH):
            await feed.put(producer, topic, records[beat * BATCH : (beat + 1) * BATCH])


async def recovery(servers: Servers, customers: int, rate: float) -> dict[str, Any]:
    """Fill the store, pace events, kill the worker and start it again."""
    touchline = Touchline(servers, "recovery", SHOP, 6)
    await touchline.made.wait_for_topics()
    moment, total = START, 0
    touchline.start()
    for first in range(0, customers, _PIECE):
        piece = bodies(min(_PIECE, customers - first), customers, 500 + first, moment, first=first)
        total += await feed.backlog(servers.kafka, touchline.topic, piece)
        moment += int(len(piece) / 10_000 * 1e6)
    await touchline.until(total)
    paced = bodies(int(rate * SECONDS), customers, 9, moment)
    sending = asyncio.create_task(_paced(servers, touchline.topic, paced, rate))
    await asyncio.sleep(_BEFORE_KILL)
    touchline.kill()
    killed = time.monotonic()
    touchline.start()
    started = time.monotonic()
    first_read = await touchline.read()
    resumed: float | None = None
    caught_up: float | None = None
    while caught_up is None and time.monotonic() - killed < SECONDS - _BEFORE_KILL:
        ends = sum((await touchline.made.ends(touchline.topic, feed.PARTITIONS)).values())
        read = await touchline.read()
        if resumed is None and read > first_read:
            resumed = time.monotonic() - killed
        if resumed is not None and ends - read <= rate:
            caught_up = time.monotonic() - killed
        await asyncio.sleep(0.1)
    await sending
    touchline.stop()
    result = {
        "customers": customers, "events_per_second": rate,
        "to_first_commit_seconds": None if resumed is None else round(resumed, 1),
        "to_caught_up_seconds": None if caught_up is None else round(caught_up, 1),
        "restart_seconds": round(started - killed, 2),
    }  # fmt: skip
    print("recovery", result)  # noqa: T201  # the benchmark's report
    return result
