"""Reads topics from where they begin, or from a time on, to where they end now: for questions, never for the stages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.errors import CannotStart
from streams.runtime.cluster import security
from streams.runtime.cluster.topics import admin, partition_count

_WAIT_MS = 2_000


class Archive:
    """One connection to Kafka that belongs to no group."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._admin = admin

    async def partitions(self, topic: str) -> int:
        """How many the topic has. Raises CannotStart where there is no such topic."""
        try:
            found = await partition_count(self._admin, topic)
        except KafkaError as error:
            raise CannotStart(f"Kafka does not say what topics it has: {type(error).__name__}") from None
        if not found:
            raise CannotStart(f"Kafka has no topic {topic}; check --kafka and --name")
        return found

    async def begins(self, topic: str, partition: int) -> int:
        """First offset that is still there."""
        tp = TopicPartition(topic, partition)
        return int((await self._consumer.beginning_offsets([tp]))[tp])

    async def read(
        self, topic: str, partitions: Iterable[int], since: int | None = None, *, most: int | None = None
    ) -> AsyncGenerator[ConsumerRecord, None]:
        """Records as they stand now; `since`: those the log took then or later, UTC epoch microseconds.

        Of each partition in order; `most`: the last so many of each. Raises CannotStart when Kafka stops answering.
        """
        consumer = self._consumer
        tps = [TopicPartition(topic, number) for number in partitions]
        try:
            ends = await consumer.end_offsets(tps)
            starts = await consumer.beginning_offsets(tps)
            if since is not None:
                found = await consumer.offsets_for_times(dict.fromkeys(tps, since // 1000))
                starts = {tp: ends[tp] if (at := found.get(tp)) is None else at.offset for tp in tps}
            if most is not None:
                starts = {tp: max(starts[tp], ends[tp] - most) for tp in tps}
            left = {tp for tp in tps if starts[tp] < ends[tp]}
            consumer.assign(list(left))
            for tp in left:
                consumer.seek(tp, starts[tp])
            while left:
                for tp, batch in (await consumer.getmany(timeout_ms=_WAIT_MS)).items():
                    for record in batch:
                        if record.offset < ends[tp]:
                            yield record
                for tp in list(left):
                    if await consumer.position(tp) >= ends[tp]:
                        left.discard(tp)
                        consumer.pause(tp)
        except KafkaError as error:
            raise CannotStart(f"{topic}: Kafka stopped answering: {type(error).__name__}") from None
        finally:
            consumer.unsubscribe()


@contextlib.asynccontextmanager
async def opened(kafka: str) -> AsyncIterator[Archive]:
    """An archive of a cluster that answers. Raises CannotStart."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="none", **security.kafka().options()
    )
    try:
        try:
            await consumer.start()
        except (KafkaError, OSError, ValueError) as error:
            raise CannotStart(f"Kafka at {kafka} does not answer: {error}; check --kafka HOST:PORT") from None
        async with admin(kafka) as client:
            yield Archive(consumer, client)
    finally:
        await consumer.stop()
