"""What one cluster worker costs: Kafka → full logic → commit in Redis → Kafka, in CPU seconds per million events.

    python -m benchmarks.worker [--events 400000] [--customers 10000,400000] [--partitions 8]

A real Kafka and a real Redis of this machine hold the log and the state; one `touchline worker` reads a log that was
written before it started, the benchmark shop with its four dimensions. CPU is the worker's own, user and system, from
a tenth of the log to its end: servers, start and the writing are not in it. Events per second are those of the same
stretch, with worker, Kafka and Redis sharing the machine's cores. Bytes in Redis are what the server says it uses, per
customer, seen ids of a few minutes included. Redis's own CPU is what it says of itself.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import redis
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from benchmarks.cluster.servers import cpu_seconds
from benchmarks.journey_stage import HERE, START, bodies
from benchmarks.result import write
from streams.codec import decode
from streams.model import Event
from streams.partitioner import key_of
from streams.runtime.cluster import topics
from streams.runtime.cluster.redis_store import PartitionStore, connect
from tests.servers.kafka import running_kafka
from tests.servers.redis import running_redis


class Sample(NamedTuple):
    """How far the worker was at a moment."""

    read: int
    cpu_s: float
    redis_cpu_s: float
    at_s: float


def peak_mebibytes(pid: int) -> int:
    """Most resident memory a process ever had."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return round(int(status["VmHWM"].split()[0]) / 1024)


async def fill(kafka: str, names: topics.Names, records: list[bytes], partitions: int) -> None:
    """The topics, and all events in them."""
    await topics.ensure(kafka, names, partitions=partitions, replication=1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20, max_batch_size=262_144)
    await producer.start()
    for body in records:
        event = decode(body)
        assert isinstance(event, Event)
        await producer.send(names.events, body, key=key_of(event.subject, event.source, event.id))
    await producer.stop()


async def watch(process: subprocess.Popen[bytes], url: str, partitions: int, end: int) -> list[Sample]:
    """Samples until everything is read and committed."""
    client = connect(url)
    stores = [PartitionStore(client, f"events:{number}") for number in range(partitions)]
    samples: list[Sample] = []
    try:
        while not samples or samples[-1].read < end:
            assert process.poll() is None, "the worker ended"
            read = sum([head.read for store in stores if (head := await store.peek()) is not None])
            if not samples or read > samples[-1].read:
                server = await client.info("cpu")
                served = server["used_cpu_user"] + server["used_cpu_sys"]
                samples.append(Sample(read, cpu_seconds(process.pid), served, time.monotonic()))
            await asyncio.sleep(0.05)
    finally:
        await client.aclose()
    return samples


def measure(kafka: str, url: str, folder: Path, events: int, customers: int, partitions: int) -> dict[str, Any]:
    """One worker over one log."""
    name = f"bench-{customers}"
    names = topics.Names(name)
    with redis.Redis.from_url(url) as client:
        client.flushall()
        empty = client.info("memory")["used_memory"]
        records = bodies(events, customers, 1, START)
        asyncio.run(fill(kafka, names, records, partitions))
        command = [sys.executable, "-m", "streams", "worker", "-c", str(HERE / "shop.yml"), "--kafka", kafka]
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--redis", url, "--name", name, "--log-level", "warning"], stdout=log, stderr=log
            )
        try:
            samples = asyncio.run(watch(process, url, partitions, events))
            used = client.info("memory")["used_memory"]
            peak = peak_mebibytes(process.pid)
            held = sum(1 for _ in client.scan_iter(match="{events:*}:c:*", count=5000))
        finally:
            process.terminate()
            process.wait(60)
    first = next(sample for sample in samples if sample.read >= events // 10)
    last = samples[-1]
    counted = last.read - first.read
    return {
        "customers": customers,
        "events_measured": counted,
        "cpu_seconds_per_million_events": round((last.cpu_s - first.cpu_s) / counted * 1e6, 2),
        "redis_cpu_seconds_per_million_events": round((last.redis_cpu_s - first.redis_cpu_s) / counted * 1e6, 2),
        "events_per_second": round(counted / (last.at_s - first.at_s)),
        "cores_used": round((last.cpu_s - first.cpu_s) / (last.at_s - first.at_s), 2),
        "peak_mebibytes": peak,
        "bytes_per_event": round(sum(map(len, records)) / events),
        "customers_in_redis": held,
        "redis_bytes_per_customer": round((used - empty) / held),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--customers", default="10000,400000")
    parser.add_argument("--partitions", type=int, default=8)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="touchline-bench-") as folder:
        path = Path(folder)
        (path / "kafka").mkdir()
        with running_kafka(path / "kafka") as (kafka, _), running_redis(path / "redis") as url:
            for customers in (int(part) for part in args.customers.split(",")):
                row = measure(kafka, url, path, args.events, customers, args.partitions)
                print(row)  # noqa: T201  # the benchmark's report
                rows.append(row)
    write("worker", {"events": args.events, "partitions": args.partitions, "rows": rows})


if __name__ == "__main__":
    main()
