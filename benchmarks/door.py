"""What one door of a cluster costs: HTTP in → acknowledged by Kafka, in CPU seconds per million events.

    python -m benchmarks.door [--events 300000] [--batch 500] [--senders 4]

A real Kafka of this machine takes what one `touchline run --kafka` sends; `--senders` connections post batches of
CloudEvents, each the next one as soon as the last is answered. CPU is the door's own, user and system, from a tenth of
the batches to the end. Sender, door and Kafka share the machine's cores, so events per second and answers say less than
CPU does; the load average before says how much else was going on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.cluster.servers import cpu_seconds
from benchmarks.journey_stage import HERE, START, bodies
from benchmarks.result import write
from benchmarks.worker import peak_mebibytes
from streams.runtime.cluster import topics
from tests.servers.base import free_port, wait_until
from tests.servers.kafka import running_kafka

_HEADERS = {"Content-Type": "application/cloudevents-batch+json"}


async def post(url: str, batches: list[bytes], senders: int, pid: int) -> dict[str, float]:
    """Post everything; what it took from a tenth on."""
    waiting: Iterator[tuple[int, bytes]] = iter(enumerate(batches))
    waits: list[float] = []
    began: dict[str, float] = {}

    async def sender(client: aiohttp.ClientSession) -> None:
        for number, body in waiting:
            if number == len(batches) // 10:
                began.update(cpu=cpu_seconds(pid), at=time.monotonic(), number=number)
            asked = time.monotonic()
            async with client.post(f"{url}/events", data=body, headers=_HEADERS) as answer:
                assert answer.status == 202, await answer.text()
            waits.append(time.monotonic() - asked)

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(sender(client) for _ in range(senders)))
    took, counted = time.monotonic() - began["at"], len(batches) - began["number"]
    cuts = statistics.quantiles(waits, n=100)
    return {
        "batches": counted,
        "cpu_s": cpu_seconds(pid) - began["cpu"],
        "seconds": took,
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
    }


def answers(port: int) -> bool:
    """Whether the door is ready."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def measure(kafka: str, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """One door."""
    asyncio.run(topics.ensure(kafka, topics.Names(), partitions=8, replication=1))
    records = bodies(args.events, 100_000, 1, START)
    batches = [
        b"[" + b",".join(records[at : at + args.batch]) + b"]" for at in range(0, len(records), args.batch)
    ]  # fmt: skip
    port, load = free_port(), os.getloadavg()[0]
    command = [sys.executable, "-m", "streams", "run", "-c", str(HERE / "shop.yml"), "--kafka", kafka]
    with (folder / "door.log").open("wb") as log:
        process = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port), "the door to be ready", 60)
        took = asyncio.run(post(f"http://127.0.0.1:{port}", batches, args.senders, process.pid))
        peak = peak_mebibytes(process.pid)
    finally:
        process.terminate()
        process.wait(60)
    counted = took["batches"] * args.batch
    return {
        "events_measured": round(counted),
        "batch": args.batch,
        "senders": args.senders,
        "cpu_seconds_per_million_events": round(took["cpu_s"] / counted * 1e6, 2),
        "events_per_second": round(counted / took["seconds"]),
        "cores_used": round(took["cpu_s"] / took["seconds"], 2),
        "answered_milliseconds": {"p50": round(took["p50_ms"], 1), "p99": round(took["p99_ms"], 1)},
        "peak_mebibytes": peak,
        "load_average_before": round(load, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--senders", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="touchline-bench-") as folder:
        path = Path(folder)
        (path / "kafka").mkdir()
        with running_kafka(path / "kafka") as (kafka, _):
            row = measure(kafka, path, args)
    print(row)  # noqa: T201  # the benchmark's report
    write("door", row)


if __name__ == "__main__":
    main()
