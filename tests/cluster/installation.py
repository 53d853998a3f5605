"""One installation under test: topics of its own on the shared Kafka, an empty Redis, workers as processes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]
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
        self._workers: list[Worker] = []

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

    async def wait_for_topics(self) -> None:
        """Return once the broker knows the topics; a client that asks before logs an error."""
        async with topics.admin(self.kafka) as admin:
            for name in self.names.all:
                while await topics.partition_count(admin, name) is None:
                    await asyncio.sleep(0.05)

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

    async def send_raw(self, partition: int, *bodies: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Produce bytes as they are."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        for body in bodies:
            await producer.send(self.names.events, body, partition=partition, headers=list(headers))
        await producer.stop()

    async def advance(self, time: int) -> None:
        """`touchline.time.advanced` in every partition, as their owners would write it; UTC epoch microseconds."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        for partition in range(self.partitions):
            event = Event(id=f"tail-{partition}", source="touchline", type=TIME_ADVANCED, time=format_time(time))
            await producer.send_and_wait(self.names.events, encode(event), partition=partition, headers=[INTERNAL])
        await producer.stop()

    def worker(self, *options: str, module: Sequence[str] = ("streams",)) -> Worker:
        """Start `touchline worker`, or what another module makes of it."""
        worker = Worker(self, len(self._workers), options, module)
        self._workers.append(worker)
        return worker

    def stop(self) -> None:
        """Stop every worker that still runs."""
        for worker in self._workers:
            worker.stop()

    async def heads(self, redis: str | None = None) -> dict[str, Head]:
        """Every head in the store, or in what is at another address, by partition name."""
        client = connect(redis or self.redis)
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

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """Everything in a topic now, partition by partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with topics.admin(self.kafka) as admin:
                count = await topics.partition_count(admin, topic) or 0
            tps = [TopicPartition(topic, number) for number in range(count)]
            ends = await consumer.end_offsets(tps)
            consumer.assign(tps)
            found: list[ConsumerRecord] = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    found += batch
        finally:
            await consumer.stop()
        return sorted(found, key=lambda record: (record.partition, record.offset))

    async def ends(self) -> dict[str, int]:
        """End offset of each partition of the events and of the partials, by its name in the store."""
        tps = {f"events:{number}": TopicPartition(self.names.events, number) for number in range(self.partitions)}
        tps[SOURCE] = TopicPartition(self.names.partials, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        await consumer.start()
        try:
            ends = await consumer.end_offsets(list(tps.values()))
        finally:
            await consumer.stop()
        return {name: ends[tp] for name, tp in tps.items()}

    async def done(self) -> bool:
        """Whether every event was taken, every partial counted, and all that follows from them has left."""
        ends = await self.ends()
        heads = await self.heads()
        if any((head := heads.get(name)) is None or head.read < end for name, end in ends.items()):
            return False
        # What had left by then came before the ends above, or there is more to take: a parcel, a verdict, a partial.
        return not await self.outboxes() and await self.ends() == ends

    async def signals(self) -> SignalStage:
        """SignalStage as it is stored."""
        client = connect(self.redis)
        try:
            pieces: dict[str, bytes] = {}
            prefix = f"{{{SOURCE}}}:p:"
            async for key in client.scan_iter(match="{partials:0}:p:*"):
                pieces[key.decode().removeprefix(prefix)] = bytes_of(await client.get(key))
        finally:
            await client.aclose()
        return SignalStage.restore(self.loaded.config, self.loaded.hash, pieces)

    async def customers(self) -> dict[str, bytes]:
        """Every stored customer state, of all partitions."""
        client = connect(self.redis)
        try:
            found: dict[str, bytes] = {}
            async for key in client.scan_iter(match="{events:*}:c:*", count=1000):
                found[key.decode().split("}:c:", 1)[1]] = bytes_of(await client.get(key))
        finally:
            await client.aclose()
        return found


def bytes_of(reply: bytes | str | None) -> bytes:
    """A reply that has to be there, as bytes."""
    assert isinstance(reply, bytes)
    return reply


class Worker:
    """A worker process and its log."""

    def __init__(
        self, installation: Installation, number: int, options: tuple[str, ...], module: Sequence[str]
    ) -> None:
        self.log_file = installation.folder / f"worker-{number}.log"
        command = [
            sys.executable, "-m", *module, "worker", "-c", str(installation.file), "--kafka", installation.kafka,
            "--redis", installation.redis, "--name", installation.names.name, *options,
        ]  # fmt: skip
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def holds(self) -> set[int]:
        """Partitions of the events that the group's latest word gave it and that it has opened since."""
        since = self.log.rpartition("partitions_assigned")[2].splitlines(keepends=True)
        return {json.loads(line)["partition"] for line in since if "partition_opened" in line and line.endswith("\n")}

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """SIGSTOP: as a host that hangs, its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, limit_s: float = 120.0) -> None:
        """Wait for a condition while the worker lives."""
        limit = time.monotonic() + limit_s
        while not await condition():
            if self.process.poll() is not None:
                raise AssertionError(f"the worker ended ({self.process.returncode}): {self.log[-3000:]}")
            if time.monotonic() > limit:
                raise TimeoutError(f"waited {limit_s:.0f} s in vain: {what}; the worker said: {self.log[-3000:]}")
            await asyncio.sleep(0.1)
