"""The embedded service over HTTP: events per second in batches, and how long an event takes to be committed.

    python -m benchmarks.embedded [--events 300000] [--batch 500] [--customers 100000] [--seconds 20]

`touchline run` is a process of its own with the benchmarks' shop file; this one sends CloudEvents batches over a few
connections. First a burst, as fast as answers come (an answer means durable); then half of the target's load, paced.
Latencies to the commit are the service's own histogram, interpolated within a bucket; answers are timed here. Beside
them: how long the disk takes to make one page durable. Sender and service share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.cluster.servers import cpu_seconds
from benchmarks.journey_stage import bodies
from benchmarks.result import write

HERE = Path(__file__).parent
TARGET = 20_000
HEADERS = {"Content-Type": "application/cloudevents-batch+json"}


def fsync_milliseconds(folder: Path, rounds: int = 200) -> dict[str, float]:
    """Append a page and make it durable."""
    took = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(rounds):
            begun = time.perf_counter()
            file.write(os.urandom(4096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return quantiles(took)


def quantiles(seconds: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    ordered = sorted(seconds)
    return {f"p{q}": round(ordered[min(len(ordered) - 1, len(ordered) * q // 100)] * 1e3, 2) for q in (50, 99)}


def batches(count: int, size: int, customers: int, seed: int, rate: float, ago: float) -> list[bytes]:
    """Request bodies; event times begin `ago` seconds before now and go at `rate` a second."""
    events = bodies(count, customers, seed, int((time.time() - ago) * 1e6), rate)
    return [b"[" + b",".join(events[at : at + size]) + b"]" for at in range(0, count, size)]


class Service:
    """`touchline run` over a file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "embedded.db"
        command = [sys.executable, "-m", "streams", "run", "-c", str(HERE / "shop.yml"), "--data", str(self.data)]
        self._process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "http_started" in line:
                self.address = f"http://127.0.0.1:{msgspec.json.decode(line)['port']}"
                return
        raise SystemExit(f"the service ended with {self._process.wait()}")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return cpu_seconds(self._process.pid)

    def stop(self) -> None:
        self._process.terminate()
        if self._process.wait() != 0:
            raise SystemExit("the service did not end cleanly")


async def histogram(session: aiohttp.ClientSession) -> dict[float, float]:
    """Upper bound -> events committed within it, cumulated."""
    async with session.get("/metrics") as answer:
        text = await answer.text()
    found = {}
    for line in text.splitlines():
        if line.startswith("touchline_event_processing_seconds_bucket"):
            bound = line.split('le="', 1)[1].split('"', 1)[0]
            found[float(bound.replace("+Inf", "inf"))] = float(line.rsplit(" ", 1)[1])
    return found


def quantile(before: dict[float, float], after: dict[float, float], q: float) -> float:
    """Milliseconds below which the share `q` of what came between two histograms lies."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    wanted = q * counts[float("inf")]
    low = below = 0.0
    for bound, count in counts.items():
        if count >= wanted:
            return round((low + (bound - low) * (wanted - below) / max(count - below, 1)) * 1e3, 1)
        low, below = bound, count
    return float("inf")


async def committed(session: aiohttp.ClientSession, count: float) -> None:
    """Wait until so many events are committed."""
    while (await histogram(session)).get(float("inf"), 0) < count:
        await asyncio.sleep(0.05)


async def send(
    session: aiohttp.ClientSession, requests: list[bytes], connections: int, pace: float | None
) -> tuple[float, list[float], int]:
    """Seconds until the last answer, seconds of each answer, and how often the service asked to wait."""
    took: list[float] = []
    waits = 0
    begun = time.perf_counter()
    numbered = iter(enumerate(requests))

    async def sender() -> None:
        nonlocal waits
        for number, body in numbered:
            if pace is not None and (ahead := begun + number * pace - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            while True:
                asked = time.perf_counter()
                async with session.post("/events", data=body, headers=HEADERS) as answer:
                    await answer.read()
                    if answer.status == 202:
                        took.append(time.perf_counter() - asked)
                        break
                    if answer.status != 429:
                        raise SystemExit(f"{answer.status}: {await answer.text()}")
                    waits += 1
                    await asyncio.sleep(float(answer.headers["Retry-After"]))

    await asyncio.gather(*(sender() for _ in range(connections)))
    return time.perf_counter() - begun, took, waits


async def measure(service: Service, args: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    done = 0.0
    plans = (("burst", args.events, 1, None), ("half_load", TARGET // 2 * args.seconds, 2, args.batch / (TARGET / 2)))
    async with aiohttp.ClientSession(service.address, timeout=aiohttp.ClientTimeout(120)) as session:
        for name, count, seed, pace in plans:
            # A burst has gathered somewhere: its events are in the past, so that none waits in the stage's buffer.
            rate, ago = (TARGET, count / TARGET + 10) if pace is None else (TARGET / 2, 0.0)
            requests = batches(count, args.batch, args.customers, seed, rate, ago)
            before, cpu = await histogram(session), service.cpu_seconds()
            begun = time.perf_counter()
            seconds, took, waits = await send(session, requests, args.connections, pace)
            done += count
            await committed(session, done)
            total = time.perf_counter() - begun
            after = await histogram(session)
            figures[name] = {
                "events": count,
                "answered_events_per_second": round(count / seconds),
                "committed_events_per_second": round(count / total),
                "answer_milliseconds": quantiles(took),
                "to_commit_milliseconds": {"p50": quantile(before, after, 0.5), "p99": quantile(before, after, 0.99)},
                "cpu_seconds_per_million_events": round((service.cpu_seconds() - cpu) / count * 1e6, 1),
                "asked_to_wait": waits,
            }
            print(name, figures[name])  # noqa: T201  # the benchmark's report
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000, help="of the burst")
    parser.add_argument("--batch", type=int, default=500, help="events per request")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=20, help="of half load")
    parser.add_argument("--folder", type=Path, help="where the data file goes (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        disk = fsync_milliseconds(Path(folder))
        print("fsync", disk)  # noqa: T201  # the benchmark's report
        load = os.getloadavg()[0]
        service = Service(Path(folder))
        figures = asyncio.run(measure(service, args))
        service.stop()
        size = service.data.stat().st_size
    write(
        "embedded",
        {
            "batch": args.batch,
            "customers": args.customers,
            "load_average_before": round(load, 2),
            "fsync_milliseconds": disk,
            **figures,
            "store_bytes": size,
        },
    )


if __name__ == "__main__":
    main()
