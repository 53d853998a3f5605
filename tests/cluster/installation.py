"""One installation under test: topics of its own on the shared Kafka, an empty Redis, workers as processes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]

from streams.codec import encode
from streams.config.load import Loaded, load_file
from streams.model import Event
from streams.partitioner import key_of
from streams.runtime.cluster import topics
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.redis_store import PartitionStore, connect
from streams.runtime.cluster.signal_agent import SOURCE
from streams.runtime.commit import Head
from streams.stages.journey import TIME_ADVANCED
from streams.stages.signal import SignalStage
from streams.units import format_time

ROOT = Path(__file__).parents[2]


class Installation:
    """What a test does to a cluster, and what it finds there."""

    def __init__(self, kafka: str, redis: str, folder: Path, config: str, partitions: int) -> None:
        self.kafka, self.redis, self.folder, self.partitions = kafka, redis, folder, partitions
        self.names = topics.Names(f"t-{folder.name}")
        self.file = folder / "file.yml"
        self.file.write_text(config, encoding="utf-8")
        self.loaded: Loaded = load_file(self.file)
        self._started = 0

    def create_topics(self) -> subprocess.CompletedProcess[str]:
        """`touchline topics`."""
        options = ["--partitions", str(self.partitions), "--replication", "1", "--name", self.names.name]
        return subprocess.run(
            [sys.executable, "-m", "streams", "topics", "-c", str(self.file), "--kafka", self.kafka, *options],
            capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
        )  # fmt: skip

    async def drop_topics(self) -> None:
        """Leave nothing behind on a Kafka that is not ours."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        await admin.delete_topics(list(self.names.all))
        await admin.close()

    async def send(self, events: Iterable[Event]) -> None:
        """Produce events by key, in order."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, enable_idempotence=True, linger_ms=20)
        await producer.start()
        sent = [
            await producer.send(self.names.events, encode(event), key=key_of(event.subject, event.source, event.id))
            for event in events
        ]
        await asyncio.gather(*sent)
        await producer.stop()

    async def send_raw(self, partition: int, body: bytes) -> None:
        """Produce bytes as they are."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        await producer.send_and_wait(self.names.events, body, partition=partition)
        await producer.stop()

    async def advance(self, time: int) -> None:
        """`touchline.time.advanced` in every partition, as their owners would write it; UTC epoch microseconds."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        for partition in range(self.partitions):
            event = Event(id=f"tail-{partition}", source="touchline", type=TIME_ADVANCED, time=format_time(time))
            await producer.send_and_wait(self.names.events, encode(event), partition=partition, headers=[INTERNAL])
        await producer.stop()

    def worker(self, *options: str) -> Worker:
        """Start `touchline worker`."""
        self._started += 1
        return Worker(self, self._started, options)

    async def heads(self) -> dict[str, Head]:
        """Every head in the store, by partition name."""
        client = connect(self.redis)
        try:
            names = [*(f"events:{number}" for number in range(self.partitions)), SOURCE]
            found = {name: await PartitionStore(client, name).peek() for name in names}
        finally:
            await client.aclose()
        return {name: head for name, head in found.items() if head is not None}

    async def outboxes(self) -> int:
        """Committed effects that have not left."""
        client = connect(self.redis)
        try:
            names = [*(f"events:{number}" for number in range(self.partitions)), SOURCE]
            return sum([int(await client.xlen(f"{{{name}}}:out")) for name in names])
        finally:
            await client.aclose()

    async def ends(self, topic: str) -> dict[int, int]:
        """End offset of each partition of a topic."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        await consumer.start()
        try:
            found = await consumer.partitions_for_topic(topic) if False else None
            del found
            count = self.partitions if topic == self.names.events else 1
            ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(count)])
            return {tp.partition: end for tp, end in ends.items()}
        finally:
            await consumer.stop()
