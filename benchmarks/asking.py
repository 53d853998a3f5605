"""Asking: a million timers, a hundred thousand asks due within a minute, and how soon an ask leaves.

    python -m benchmarks.asking [--part timers|latency] [--customers 1000000] [--due 100000] [--seconds 20]

`timers`: `touchline run` gets one delivery from each customer, so that an ask waits for each. Memory and file are those
of the service; then it is killed and started again, and timed until it is ready. Of all asks `--due` fall due within
one minute; timed is how long after its own moment each is durable.
`latency`: deliveries among other events at 1,000, 5,000 and 10,000 events/s, paced, each setting off an ask at once;
timed from the event's own time to the ask on the stream (durable) and at a webhook of this process (delivered). Sender,
receiver and service share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from benchmarks.embedded import HEADERS, quantiles
from benchmarks.result import RESULTS, write

TIMERS = """
version: 1
allowed_lateness: 0s
feedback:
  delivery: {ask: nps, after: order.delivered, wait: 30d, channels: [email, sms]}
fatigue: {any: 14d, nps: 90d, per_year: 4}
quiet_hours: {from: "00:00", to: "00:01"}
cases:
  complaint: {on: complaint.received}
"""
LATENCY = """
version: 1
allowed_lateness: 0s
idle_after: 500ms
journeys:
  purchase:
    steps:
      - {{name: view, on: page.viewed}}
      - {{name: paid, on: order.completed, within: 30m}}
feedback:
  delivery: {{ask: nps, after: order.delivered, channels: [email, sms]}}
subscriptions:
  - name: receiver
    match: {{type: feedback.requested}}
    to: "webhook:http://127.0.0.1:{port}/asks"
    allow_private: true
"""
BATCH = 500
DAY = 86_400.0


class Service:
    """`touchline run` over a file in a folder; can be killed and started again."""

    def __init__(self, folder: Path, file: str) -> None:
        self.data = folder / "asking.db"
        self._rules = folder / "asking.yml"
        self._rules.write_text(file, encoding="utf-8")

    async def start(self) -> float:
        """Seconds until it listens."""
        begun = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams", "run", "-c", str(self._rules), "--data", str(self.data),
            "--listen", "127.0.0.1:0", stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            if b"http_started" in line:
                self.address = f"http://127.0.0.1:{msgspec.json.decode(line)['port']}"
                self._drain = asyncio.create_task(self._swallow(self._process.stderr))
                return time.perf_counter() - begun
        raise SystemExit(f"the service ended with {await self._process.wait()}")

    @staticmethod
    async def _swallow(stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass

    async def end(self, how: int = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        await self._process.wait()

    def resident_bytes(self) -> int:
        """Memory of the process now."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def record(number: int, kind: str, subject: str, time_: float) -> dict[str, Any]:
    """A CloudEvent; `time_` in seconds, UTC epoch."""
    whole = int(time_)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((time_ - whole) * 1e6):06}Z"
    data = {"device": "mobile"}
    return {"specversion": "1.0", "id": f"{kind}-{number}", "source": "shop", "type": kind, "time": stamp,
            "subject": subject, "data": data}  # fmt: skip


async def post(session: aiohttp.ClientSession, events: list[dict[str, Any]]) -> None:
    """One batch, until it is durable."""
    body = msgspec.json.encode(events)
    while True:
        async with session.post("/events", data=body, headers=HEADERS) as answer:
            await answer.read()
            if answer.status == 202:
                return
            if answer.status != 429:
                raise SystemExit(f"{answer.status}: {await answer.text()}")
            await asyncio.sleep(float(answer.headers["Retry-After"]))


async def metric(session: aiohttp.ClientSession, name: str) -> float:
    """The sum over a metric's series."""
    async with session.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


async def until(session: aiohttp.ClientSession, name: str, least: float) -> None:
    while await metric(session, name) < least:
        await asyncio.sleep(0.2)


async def timers(folder: Path, customers: int, due: int) -> dict[str, Any]:
    """A million asks that wait."""
    service = Service(folder, TIMERS)
    await service.start()
    empty = service.resident_bytes()
    begun = time.time()
    # The first ones fall due in a minute of their own, once everything has been sent and the service was started again.
    gathering = customers / 12_000 + 60
    first = begun + gathering - 30 * DAY
    async with aiohttp.ClientSession(service.address, timeout=aiohttp.ClientTimeout(300)) as session:
        # The due ones in their order, the others four batches at a time.
        for ahead in range(0, customers, BATCH * (width := 4)):
            portions = [range(at, at + BATCH) for at in range(ahead, min(ahead + BATCH * width, customers), BATCH)]
            made = [
                [
                    record(n, "order.delivered", f"c-{n}", first + (60 * n / due if n < due else DAY + n / 1000))
                    for n in portion
                ]
                for portion in portions
            ]
            await asyncio.gather(*(post(session, events) for events in made))
        await until(session, "touchline_timers_pending", customers)
        sent = time.time() - begun
        full = service.resident_bytes()
    await service.end(signal.SIGKILL)
    started = await service.start()
    begun_at = time.perf_counter()
    async with aiohttp.ClientSession(service.address, timeout=aiohttp.ClientTimeout(300)) as session:
        while True:
            async with session.get("/readyz") as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.1)
        ready = started + time.perf_counter() - begun_at
        again = service.resident_bytes()
        left = begun + gathering - time.time()
        if left < 2:
            raise SystemExit(f"too slow: the asks fell due {-left:.0f} s ago; use fewer --customers")
        delays = [delay async for delay in _asks(session, due)]
    await service.end()
    return {
        "customers": customers,
        "due_in_a_minute": due,
        "sent_events_per_second": round(customers / sent),
        "resident_bytes_empty": empty,
        "resident_bytes_full": full,
        "resident_bytes_after_start": again,
        "memory_bytes_per_timer": round((again - empty) / customers),
        "store_bytes_per_customer": round(service.data.stat().st_size / customers),
        "seconds_until_ready_after_kill": round(ready, 1),
        "asked": len(delays),
        "due_to_durable_milliseconds": quantiles(delays),
        "last_milliseconds": round(max(delays) * 1e3),
    }


async def _asks(session: aiohttp.ClientSession, count: int) -> AsyncIterator[float]:
    """Seconds after its own time at which each ask is on the stream; raises SystemExit where one comes twice."""
    seen: set[str] = set()
    last: dict[str, str] = {}
    while len(seen) < count:
        # Who reads too slowly is let go, and comes back with the last that was seen.
        async with session.get("/api/v1/stream", headers=last, timeout=aiohttp.ClientTimeout(None)) as stream:
            async for line in stream.content:
                if b"touchline.feedback.requested" not in line:
                    continue
                asked = msgspec.json.decode(line.removeprefix(b"data:"))
                if asked["id"] in seen:
                    raise SystemExit(f"{asked['id']} left twice")
                seen.add(asked["id"])
                last = {"Last-Event-ID": asked["id"]}
                yield time.time() - _moment(asked["time"])
                if len(seen) >= count:
                    return


async def latency(folder: Path, rate: int, seconds: int) -> dict[str, Any]:
    """How soon an ask is durable, and delivered."""
    delivered: list[float] = []
    durable: list[float] = []

    async def take(request: web.Request) -> web.Response:
        body = msgspec.json.decode(await request.read())
        delivered.append(time.time() - _moment(body["timestamp"]))
        return web.Response()

    application = web.Application()
    application.router.add_post("/asks", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    service = Service(folder, LATENCY.format(port=port))
    await service.start()
    asks = 0
    async with aiohttp.ClientSession(service.address, timeout=aiohttp.ClientTimeout(60)) as session:

        async def listen() -> None:
            async with session.get("/api/v1/stream", timeout=aiohttp.ClientTimeout(None)) as stream:
                async for line in stream.content:
                    if b"touchline.feedback.requested" in line:
                        asked = msgspec.json.decode(line.removeprefix(b"data:"))
                        durable.append(time.time() - _moment(asked["time"]))

        listener = asyncio.create_task(listen())
        size = max(rate // 20, 1)
        begun, sent = time.time(), 0
        for number, body in enumerate(_paced(rate, seconds, size)):
            ahead = begun + number * size / rate - time.time()
            if ahead > 0:
                await asyncio.sleep(ahead)
            events = [record(n, kind, f"c-{n}", time.time()) for n, kind in body]
            asks += sum(kind == "order.delivered" for _, kind in body)
            await post(session, events)
            sent += len(events)
        took = time.time() - begun
        ends = time.monotonic() + 30
        while (len(delivered) < asks or len(durable) < asks) and time.monotonic() < ends:
            await asyncio.sleep(0.1)
        listener.cancel()
    await service.end()
    await runner.cleanup()
    return {
        "events_per_second": round(sent / took),
        "asks": asks,
        "durable": len(durable),
        "delivered": len(delivered),
        "event_to_durable_milliseconds": quantiles(durable),
        "event_to_delivered_milliseconds": quantiles(delivered),
    }


def _paced(rate: int, seconds: int, size: int) -> Iterator[list[tuple[int, str]]]:
    """Batches of numbers and types: one delivery in fifty."""
    for at in range(0, rate * seconds, size):
        yield [(n, "order.delivered" if n % 50 == 0 else "page.viewed") for n in range(at, at + size)]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def keep(name: str, figures: Any) -> None:
    """Write a part, beside the others."""
    path = RESULTS / "asking.json"
    known = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
    known.pop("machine", None)
    write("asking", {**known, name: figures})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("timers", "latency"))
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=20)
    args = parser.parse_args()
    if args.part in (None, "timers"):
        with tempfile.TemporaryDirectory() as folder:
            figures = asyncio.run(timers(Path(folder), args.customers, args.due))
        print(figures)  # noqa: T201  # the benchmark's report
        keep("timers", figures)
    if args.part in (None, "latency"):
        rows = []
        for rate in (1000, 5000, 10_000):
            with tempfile.TemporaryDirectory() as folder:
                rows.append(asyncio.run(latency(Path(folder), rate, args.seconds)))
            print(rows[-1])  # noqa: T201  # the benchmark's report
        keep("latency", rows)


if __name__ == "__main__":
    main()
