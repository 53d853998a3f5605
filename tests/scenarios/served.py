"""A story through the embedded service, on a clock that goes as the story does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from streams.codec import encode
from streams.config.load import Loaded
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from streams.scenarios.story import Scenario
from streams.units import DAY, SECOND, format_time


async def served(scenario: Scenario, loaded: Loaded, data: Path) -> set[bytes]:
    """The decisions up to the story's end, as they left."""
    clock = VirtualClock(scenario.start - DAY)
    service = Embedded(loaded, Store(data), clock, limits=Limits(commit_seconds=0))
    await service.start()
    heard = service.subscribe()
    try:
        for at, told in enumerate(scenario.events):
            await _pass(service, clock, told.time, loaded)
            await service.submit([encode(told.event(at))])
            await service.drain()
        await _pass(service, clock, scenario.until + loaded.config.allowed_lateness + 5 * SECOND, loaded)
        await service.drain()
    finally:
        await service.stop()
    bodies = {heard.get_nowait().body for _ in range(heard.qsize())}
    return {body for body in bodies if msgspec.json.decode(body)["time"] <= format_time(scenario.until)}


async def _pass(service: Embedded, clock: VirtualClock, time: int, loaded: Loaded) -> None:
    """Let time go on to here, and wait until the service has said so in its log where it would."""
    gap = time - clock.now()
    if gap <= 0:
        return
    clock.advance(gap)
    stage = service.partition.stage
    while gap > loaded.config.idle_after + SECOND and stage.position.read:
        watermark = stage.position.watermark
        if watermark is not None and watermark >= time - loaded.config.allowed_lateness:
            return
        await asyncio.sleep(0)
