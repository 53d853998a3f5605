"""kill -9 with many customers in the store: how long until the events are read as soon as they come again."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import redis

from benchmarks.cluster import feed
from benchmarks.cluster.contenders import Touchline
from benchmarks.cluster.servers import Servers
from benchmarks.journey_stage import START, bodies

SHOP = (Path(__file__).parents[1] / "shop.yml").read_text(encoding="utf-8")
SECONDS = 300.0
_BEFORE_KILL = 15.0
_LOOK_SECONDS = 0.1
_LIMIT_SECONDS = 100.0
NAMED = ("--instance", "named")
BATCH = 250
_PIECE = 200_000


async def _paced(servers: Servers, topic: str, records: list[bytes], rate: float) -> None:
    async with feed.sender(servers.kafka, 2) as producer:
        async for beat in feed.beats(rate, len(records) / rate, BATCH):
            await feed.put(producer, topic, records[beat * BATCH : (beat + 1) * BATCH])


async def recovery(servers: Servers, customers: int, rate: float) -> dict[str, Any]:
    """Fill the store, pace events, kill the worker and start another; then once more, both with the same name."""
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
    memory = redis.Redis.from_url(servers.redis).info("memory")["used_memory"]
    await asyncio.sleep(_BEFORE_KILL)
    unnamed = await _killed(touchline, rate, ())
    touchline.stop()
    touchline.start(*NAMED)
    while "partition_opened" not in touchline.log:
        await asyncio.sleep(_LOOK_SECONDS)
    await asyncio.sleep(_BEFORE_KILL)
    named = await _killed(touchline, rate, NAMED)
    sending.cancel()
    touchline.stop()
    result = {
        "customers": customers,
        "events_per_second": rate,
        "redis_mebibytes": round(memory / 2**20),
        "session_seconds": 20,
        **unnamed,
        "named": named,
    }
    print("recovery", result)  # noqa: T201  # the benchmark's report
    return result


async def _killed(touchline: Touchline, rate: float, options: tuple[str, ...]) -> dict[str, Any]:
    """kill -9, and a new worker at once: what it takes from the kill on."""
    load = os.getloadavg()[0]
    first_read = await touchline.read()
    touchline.kill()
    killed = time.monotonic()
    touchline.start(*options)
    resumed: float | None = None
    caught_up: float | None = None
    while caught_up is None and time.monotonic() - killed < _LIMIT_SECONDS:
        ends = sum(end for name, end in (await touchline.made.ends()).items() if name.startswith("events:"))
        read = await touchline.read()
        if resumed is None and "partition_opened" not in touchline.log:
            first_read = read
        elif resumed is None and read > first_read:
            resumed = time.monotonic() - killed
        if resumed is not None and ends - read <= rate:
            caught_up = time.monotonic() - killed
        await asyncio.sleep(_LOOK_SECONDS)
    said = touchline.log.splitlines()
    given = [_when(line) for line in said if '"partitions_assigned"' in line]
    opened = [_when(line) for line in said if '"partition_opened"' in line]
    return {
        "to_first_commit_seconds": None if resumed is None else round(resumed, 1),
        "to_caught_up_seconds": None if caught_up is None else round(caught_up, 1),
        "state_loaded_seconds": round(opened[-1] - given[-1], 2) if given and opened else None,
        "load_average": round(load, 1),
    }


def _when(line: str) -> float:
    return datetime.fromisoformat(msgspec.json.decode(line)["timestamp"]).timestamp()
