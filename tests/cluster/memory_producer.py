"""A Kafka producer in memory, whose acknowledgements and failures the test decides."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from aiokafka.errors import KafkaConnectionError, KafkaError  # type: ignore[import-untyped]


class Sent(NamedTuple):
    """A record handed over."""

    body: bytes
    key: bytes
    headers: list[tuple[str, bytes]]
    done: asyncio.Future[Any]


class MemoryProducer:
    """Satisfies `streams.runtime.cluster.intake.Producer`."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.running = False
        self.acknowledges = True
        """Cleared: records wait until `settle`."""
        self.handed_over = asyncio.Event()
        """Set with every record."""
        self.refuses: KafkaError | None = None
        """What `send` raises."""
        self.fails: KafkaError | None = None
        """What every record ends with."""
        self.starts = True
        """Cleared: `start` raises."""
        self.there = True
        """What `answers` says."""
        self.asked = asyncio.Event()
        """Set with every question."""
        self.lets_go = asyncio.Event()
        """Cleared: `stop` waits for it, as the real one waits for what it still has to send."""
        self.lets_go.set()

    async def start(self) -> None:
        if not self.starts:
            raise KafkaConnectionError
        self.running = True

    async def stop(self) -> None:
        await self.lets_go.wait()
        self.running = False

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        assert self.running
        assert topic == "touchline.events"
        if self.refuses is not None:
            raise self.refuses
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append(Sent(value, key, headers, done))
        self.handed_over.set()
        if self.fails is not None:
            done.set_exception(self.fails)
        elif self.acknowledges:
            done.set_result(None)
        return done

    async def answers(self) -> bool:
        self.asked.set()
        return self.there

    def settle(self, fault: KafkaError | None = None) -> None:
        """Acknowledge everything that waits, or fail it."""
        for sent in self.sent:
            if not sent.done.done():
                if fault is None:
                    sent.done.set_result(None)
                else:
                    sent.done.set_exception(fault)
