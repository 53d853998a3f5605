"""Lives of one embedded service over a story, each but the last ended by a crash at any moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from streams.codec import encode
from streams.config.load import Loaded
from streams.model import Event
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from streams.units import MINUTE, parse_time


async def lives(
    file: Loaded, path: Path, story: Sequence[Event], randomness: random.Random, *, start: int, crashes: float
) -> None:
    """Submit the story event by event, at its times; each life has other batches and `crashes` of ending after one.

    At the end time passes until every ask has its end.
    """
    clock = VirtualClock(start)
    waiting = list(story)
    while True:
        limits = Limits(
            batch=randomness.choice([1, 7, 500]),
            cache=randomness.choice([1, 1_000]),
            commit_seconds=0,
            pieces_seconds=randomness.choice([0, 1_000]),
        )
        service = Embedded(file, Store(path), clock, limits=limits)
        await service.start()
        crashed = False
        while waiting and not crashed:
            now = parse_time(waiting[0].time or "")
            clock.advance(max(0, now - clock.now()))
            await service.submit([encode(waiting.pop(0))])
            for _ in range(randomness.choice([0, 1, 30])):
                await asyncio.sleep(0)
            crashed = randomness.random() < crashes
        if crashed:
            await service.abandon()
            continue
        # An ask of somebody who waits for a verdict on another is judged after that one.
        for _ in range(5):
            clock.advance(2 * MINUTE)
            while service.partition.stage.position.watermark != clock.now() - file.config.allowed_lateness:
                await asyncio.sleep(0)
            await service.drain()
        await service.stop()
        return
