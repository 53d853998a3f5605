"""Load on an installation in pieces, between which something goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from streams.codec import encode
from streams.model import Event
from streams.partitioner import key_of
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.signal_agent import SOURCE
from streams.stages.journey import TIME_ADVANCED
from streams.units import format_time
from tests.cluster.installation import Installation, Worker

ROUNDS = int(os.environ.get("TOUCHLINE_SOAK_ROUNDS", "1"))
"""How often each kind of trouble comes; more for a soak run (docs/how-to/soak.md)."""
SEED = int(os.environ.get("TOUCHLINE_SOAK_SEED", "5"))


class Load:
    """The events of a test, sent piece by piece by one producer that stays connected."""

    def __init__(self, made: Installation, events: Sequence[Event], pieces: int) -> None:
        self.made = made
        self.dice = random.Random(SEED)
        size = -(-len(events) // pieces)
        self._pieces = [events[at : at + size] for at in range(0, len(events), size)]
        self._advances = 0
        self._producer = AIOKafkaProducer(bootstrap_servers=made.kafka, enable_idempotence=True, linger_ms=5)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Load]:
        """Connected."""
        await self._producer.start()
        try:
            yield self
        finally:
            await self._producer.stop()

    async def more(self, worker: Worker) -> None:
        """Send a piece, and return in the middle of its being processed."""
        piece = self._pieces.pop(0)
        before = await self.read()
        await self._send(piece)
        wanted = before + len(piece) // 10 + self.dice.randrange(len(piece) // 4)

        async def reached() -> bool:
            return await self.read() >= wanted

        await worker.until(reached, f"{wanted} records to be read")

    async def send(self) -> None:
        """Send a piece, whatever becomes of it."""
        await self._send(self._pieces.pop(0))

    async def rest(self) -> None:
        """Send what is left."""
        while self._pieces:
            await self.send()

    async def _send(self, piece: Sequence[Event]) -> None:
        topic = self.made.names.events
        await asyncio.gather(
            *[
                await self._producer.send(topic, encode(one), key=key_of(one.subject, one.source, one.id))
                for one in piece
            ]
        )

    async def advance(self, time: int) -> None:
        """Time has reached `time` in every partition; UTC epoch microseconds."""
        for partition in range(self.made.partitions):
            self._advances += 1
            event = Event(id=f"t-{self._advances}", source="touchline", type=TIME_ADVANCED, time=format_time(time))
            await self._producer.send_and_wait(
                self.made.names.events, encode(event), partition=partition, headers=[INTERNAL]
            )

    async def read(self, redis: str | None = None) -> int:
        """Records of the events that were committed, by the store or what is at another address."""
        return sum(head.read for name, head in (await self.made.heads(redis)).items() if name != SOURCE)
