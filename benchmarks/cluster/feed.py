"""Events into a topic: a backlog as fast as it goes, or paced."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable

import msgspec
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]

from streams.partitioner import partition_of

PARTITIONS = 4


class _Key(msgspec.Struct):
    subject: str


_decode = msgspec.json.Decoder(_Key).decode


async def create(kafka: str, topic: str) -> None:
    """Make a topic for what an engine writes."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def sender(kafka: str, linger_ms: int) -> AsyncIterator[AIOKafkaProducer]:
    """A producer; at the end everything is acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=linger_ms, max_batch_size=262_144)
    await producer.start()
    try:
        yield producer
        await producer.flush()
    finally:
        await producer.stop()


async def put(producer: AIOKafkaProducer, topic: str, bodies: Iterable[bytes], partitions: int = PARTITIONS) -> int:
    """Hand records over, by customer; returns how many."""
    sent = 0
    for body in bodies:
        key = _decode(body).subject.encode()
        await producer.send(topic, body, key=key, partition=partition_of(key, partitions))
        sent += 1
    return sent


async def backlog(kafka: str, topic: str, bodies: Iterable[bytes]) -> int:
    """Write records; returns how many once all are acknowledged."""
    async with sender(kafka, 20) as producer:
        return await put(producer, topic, bodies)


async def beats(rate: float, seconds: float, batch: int) -> AsyncIterator[int]:
    """The number of each batch, as its turn comes; `rate` events a second in batches of `batch`."""
    begun = time.monotonic()
    for number in range(int(rate * seconds / batch)):
        await asyncio.sleep(max(0.0, begun + number * batch / rate - time.monotonic()))
        yield number
