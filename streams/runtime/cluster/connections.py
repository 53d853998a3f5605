"""The connections a worker's parts share; made inside its event loop, closed after everything that uses them."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from mode import Service

from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import connect
from streams.runtime.cluster.relay import producer


class Connections(Service):
    """Redis and our own idempotent producer. `redis` and `sender` exist once it has started."""

    redis: Client
    sender: AIOKafkaProducer

    def __init__(self, kafka: str, redis_url: str, **options: Any) -> None:
        super().__init__(**options)
        self._kafka = kafka
        self._redis_url = redis_url

    async def on_start(self) -> None:
        """Open them. The worker has probed both servers before."""
        self.redis = connect(self._redis_url)
        self.sender = producer(self._kafka)
        await self.sender.start()

    async def on_stop(self) -> None:
        """Let the producer finish, then close."""
        if hasattr(self, "sender"):
            await self.sender.stop()
        if hasattr(self, "redis"):
            await self.redis.aclose()
