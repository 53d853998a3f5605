"""A scrape of a service with ten thousand series: bytes, time, and how long nothing else gets its turn.

    python -m benchmarks.scrape [--scrapes 60] [--customers 4000]

The embedded service with two journeys, four dimensions of 20 listed values and four signals takes the events of so many
customers, then answers `GET /metrics` over loopback, in both formats and inflated from gzip where it offers that. A
ticker in the same loop notes the longest wait between two of its beats while scrapes go on: reading the numbers holds
the loop, writing them does not. `cpu_milliseconds` is the processor time of a scrape with its reader and the ticker,
which other work on the machine does not stretch. `ceiling` is what the service says the most can be.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.result import write
from streams.codec import encode
from streams.config.load import Loaded, load_text
from streams.model import Event
from streams.runtime import logs
from streams.runtime.clock import SystemClock
from streams.runtime.embedded import Embedded
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.units import format_time

SECOND = 1_000_000
DIMENSIONS = ("device", "region", "tier", "channel")
VALUES = tuple(f"v{number}" for number in range(20))
JOURNEYS = ("purchase", "signup")
STEPS = ("begun", "checked", "done")
FORMATS = {"text": "text/plain", "openmetrics": "application/openmetrics-text; version=1.0.0"}
_BEAT = 0.002


def file() -> Loaded:
    """The file of the service."""
    listed = ", ".join(VALUES)
    lines = ["version: 1", "idle_after: 1s", "segments:", *(f"  - {{{name}: [{listed}]}}" for name in DIMENSIONS)]
    lines.append("journeys:")
    for journey in JOURNEYS:
        lines += [f"  {journey}:", "    owner: team", "    steps:"]
        within = ""
        for step in STEPS:
            lines.append(f"      - {{name: {step}, on: {journey}.{step}{within}}}")
            within = ", within: 1m"
    lines.append("signals:")
    for journey in JOURNEYS:
        lines.append(f"  {journey}_worth: {{on: {journey}.done, value: amount, kind: outcome}}")
        lines.append(f"  {journey}_rate: {{on: {journey}.done, as: rate, kind: outcome}}")
    return load_text("\n".join(lines) + "\n", "scrape.yml")


def events(customers: int, seed: int, until: int) -> list[bytes]:
    """Their ways through both journeys, ending at `until` (UTC epoch microseconds); four in five reach the end."""
    chance = random.Random(seed)
    made = []
    for number in range(customers):
        data: dict[str, Any] = {name: chance.choice(VALUES) for name in DIMENSIONS}
        begun = until - round(chance.uniform(20, 280) * SECOND)
        for journey in JOURNEYS:
            for at, step in enumerate(STEPS):
                if at and chance.random() > 0.9:
                    break
                moment = begun + at * 5 * SECOND
                made.append((moment, f"{journey}.{step}", number, data | {"amount": 20.0 + number % 7}))
    made.sort(key=lambda one: one[0])
    return [
        encode(Event(id=f"e{n}", source="shop", type=kind, time=format_time(moment), subject=f"c{who}", data=data))
        for n, (moment, kind, who, data) in enumerate(made)
    ]


async def longest_wait(until: asyncio.Event) -> float:
    """Seconds between two beats of the loop, at most, beyond the beat itself."""
    longest, before = 0.0, time.perf_counter()
    while not until.is_set():
        await asyncio.sleep(_BEAT)
        now = time.perf_counter()
        longest, before = max(longest, now - before - _BEAT), now
    return longest


async def scrape(session: aiohttp.ClientSession, url: str, accept: str, count: int) -> dict[str, Any]:
    """So many scrapes, one after the other."""
    took, size, ended, worked = [], 0, asyncio.Event(), time.process_time()
    ticker = asyncio.create_task(longest_wait(ended))
    for _ in range(count):
        begun = time.perf_counter()
        async with session.get(url, headers={"Accept": accept, "Accept-Encoding": "identity"}) as reply:
            size = len(await reply.read())
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(0.01)
    worked = time.process_time() - worked
    ended.set()
    ordered = sorted(took)
    return {
        "kib": round(size / 1024, 1),
        "cpu_milliseconds": round(worked / count * 1000, 1),
        "milliseconds_p50": round(ordered[count // 2] * 1000, 1),
        "milliseconds_p99": round(ordered[min(count - 1, count * 99 // 100)] * 1000, 1),
        "loop_held_milliseconds": round(await ticker * 1000, 1),
    }


def counted(body: str, name: str) -> dict[str, int]:
    """part -> value of `name`."""
    lines = [line for line in body.splitlines() if line.startswith(f'{name}{{part="')]
    return {line.split('"')[1]: round(float(line.rsplit(" ", 1)[1])) for line in lines}


async def measure(customers: int, scrapes: int, folder: Path) -> dict[str, Any]:
    """Start, feed, scrape, stop."""
    loaded, clock = file(), SystemClock()
    service = Embedded(loaded, Store(folder / "scrape.db"), clock, name="scrape.yml")
    await service.start()
    site = Web(service, loaded.config)
    await site.start("127.0.0.1", 0)
    try:
        bodies = events(customers, 1, clock.now() - 3 * SECOND)
        for at in range(0, len(bodies), 500):
            await service.submit(bodies[at : at + 500])
        while service.health().events.accepted < len(bodies):
            await asyncio.sleep(0.1)
        url = f"http://127.0.0.1:{site.port}/metrics"
        async with aiohttp.ClientSession() as session:
            async with session.get(url) as reply:
                body = await reply.text()
            figures: dict[str, Any] = {
                "events": len(bodies),
                "series": counted(body, "touchline_exposed_series"),
                "ceiling": counted(body, "touchline_exposed_series_ceiling"),
            }
            figures["series_in_all"] = sum(figures["series"].values())
            for name, accept in FORMATS.items():
                figures[name] = await scrape(session, url, accept, scrapes)
        return figures
    finally:
        await site.stop()
        await service.stop()


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=60)
    parser.add_argument("--customers", type=int, default=4000)
    args = parser.parse_args()
    logs.configure("warning")
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(args.customers, args.scrapes, Path(folder)))
    write("scrape", figures)
    print(figures)  # noqa: T201  # for the person at the terminal


if __name__ == "__main__":
    main()
