"""From a partition's outbox to Kafka: committed effects leave in order, again after any doubt, and are then trimmed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

import structlog
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.runtime.cluster import security
from streams.runtime.cluster.redis_store import DOWN, Outgoing, PartitionStore

_log = structlog.get_logger()
_CHUNK = 500
_PAUSE_S = 0.5
FULL = 20_000
"""Entries in memory beyond which a partition takes no more records."""


def producer(bootstrap: str) -> AIOKafkaProducer:
    """An idempotent producer: what one session sends arrives in order, without copies of its own making."""
    return AIOKafkaProducer(
        **security.kafka().options(),
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        max_batch_size=262_144,
    )


class Relay:
    """One partition's way out.

    A chunk that fails in any part is sent again from its first entry, so a receiver sees the n-th effect after
    the one before it, perhaps several times (exactness rule 9).
    """

    def __init__(self, sender: AIOKafkaProducer, store: PartitionStore) -> None:
        self._sender = sender
        self._store = store
        self._pending: deque[tuple[int, Outgoing]] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._room.set()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def depth(self) -> int:
        """Committed entries that did not leave yet."""
        return len(self._pending)

    def put(self, entries: Iterable[tuple[int, Outgoing]]) -> None:
        """Hand over committed effects, in order."""
        self._pending.extend(entries)
        if self._pending:
            self._filled.set()
            self._empty.clear()
            if len(self._pending) >= FULL:
                self._room.clear()
            if self._task is None:
                self._task = asyncio.create_task(self._run())

    async def room(self) -> None:
        """Wait until the way out is no longer full."""
        await self._room.wait()

    async def drained(self, limit_s: float) -> bool:
        """Wait, at most so long, until everything left."""
        try:
            await asyncio.wait_for(self._empty.wait(), limit_s)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Send nothing more; what is left stays in the outbox for the next owner."""
        task, self._task = self._task, None
        self._stopping = True
        while task is not None and not task.done():
            task.cancel()  # again and again: the clients underneath can swallow one in the moment an answer arrives
            await asyncio.wait([task], timeout=0.1)
        self._pending.clear()
        self._room.set()

    async def _run(self) -> None:
        while not self._stopping:
            await self._filled.wait()
            chunk = [self._pending[at] for at in range(min(_CHUNK, len(self._pending)))]
            try:
                sent = [
                    await self._sender.send(
                        effect.topic,
                        effect.body,
                        key=effect.key,
                        partition=effect.partition,
                        headers=list(effect.headers) or None,
                    )
                    for _, effect in chunk
                ]
                await asyncio.gather(*sent)
            except KafkaError as error:
                _log.warning("relay_delayed", partition=self._store.name, error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
                continue
            for _ in chunk:
                self._pending.popleft()
            if len(self._pending) < FULL:
                self._room.set()
            try:
                await self._store.trim(chunk[-1][0])
            except DOWN as error:
                _log.warning("outbox_not_trimmed", partition=self._store.name, error=type(error).__name__)
            if not self._pending:
                self._filled.clear()
                self._empty.set()
