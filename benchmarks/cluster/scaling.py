"""Workers come and go under load: how long until all is steady, the longest gap of any partition, and nothing wrong.

What left is compared with `replay` of the same events, and counted once by its number as a receiver does.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.cluster import feed
from benchmarks.cluster.servers import Servers
from benchmarks.journey_stage import START, bodies
from connectors.row import Row
from streams.codec import decode
from streams.decisions import encode as encode_decision
from streams.model import Event
from streams.runtime.cluster.redis_store import PartitionStore, connect
from streams.runtime.commit import Head
from streams.runtime.replay import Replay
from streams.units import parse_time
from tests.cluster import parity
from tests.cluster.installation import Installation, Worker
from tests.servers.redis import database

PARTITIONS = 12
CUSTOMERS = 20_000
BATCH = 100
STEADY_SECONDS = 1.0
"""Every partition has committed, and what waits came in, within so long."""
_HOLD_SECONDS = 3.0
"""It is steady once it was for so long."""
_LOOK_SECONDS = 0.1
_LIMIT_SECONDS = 120.0
_MATURES = 14 * 3600 * 1_000_000
_SHOP = (Path(__file__).parents[1] / "shop.yml").read_text(encoding="utf-8")
FILE = _SHOP.replace("wait: 3d", "wait: 30s") + "idle_after: 52w\n"


class Watch:
    """Looks at every head again and again."""

    def __init__(self, made: Installation, rate: float) -> None:
        self._made = made
        self._rate = rate
        self.sent = 0
        """Records handed to Kafka so far."""
        self.heads: dict[int, Head] = {}
        self._seen: dict[int, float] = {}
        """Partition -> when its last commit was seen."""
        self.gaps: dict[int, float] = {}
        """Partition -> longest time without a commit since `reset`, seconds."""
        self.unsteady = 0.0
        """When it was last not steady."""

    def reset(self) -> None:
        """Something changes now."""
        self.gaps = dict.fromkeys(self._seen, 0.0)
        self.unsteady = time.monotonic()

    async def run(self) -> None:
        """Until cancelled."""
        client = connect(self._made.redis)
        stores = [PartitionStore(client, f"events:{number}") for number in range(PARTITIONS)]
        try:
            while True:
                heads = await asyncio.gather(*(store.peek() for store in stores))
                self._look({number: head for number, head in enumerate(heads) if head is not None})
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await client.aclose()

    def _look(self, heads: dict[int, Head]) -> None:
        now = time.monotonic()
        for number, head in heads.items():
            old = self.heads.get(number)
            gap = now - self._seen.get(number, now)
            self.gaps[number] = max(self.gaps.get(number, 0.0), gap)
            if old is None or head.read > old.read:
                self._seen[number] = now
        self.heads = heads
        waits = self.sent - sum(head.read for head in heads.values())
        silent = max((now - at for at in self._seen.values()), default=0.0)
        if len(heads) < PARTITIONS or waits > self._rate * STEADY_SECONDS or silent > STEADY_SECONDS:
            self.unsteady = now

    def epochs(self) -> dict[int, int]:
        """Of each partition."""
        return {number: head.epoch for number, head in self.heads.items()}


async def opened(workers: list[Worker]) -> None:
    """Return once each of these workers has opened a partition. Raises RuntimeError when one ends."""
    while waiting := [one for one in workers if "partition_opened" not in one.log]:
        for one in waiting:
            if one.process.poll() is not None:
                raise RuntimeError(f"a worker ended: {one.log[-2000:]}")
        await asyncio.sleep(_LOOK_SECONDS)


async def _settled(
    watch: Watch, before: dict[int, int], moved: int, workers: list[Worker], begun: float
) -> dict[str, Any]:
    """Wait until `moved` partitions have another owner and all is steady; what it took since `begun`."""
    while True:
        epochs = watch.epochs()
        changed = sum(epochs.get(number, 0) > before.get(number, 0) for number in range(PARTITIONS))
        if changed >= moved and time.monotonic() - watch.unsteady > _HOLD_SECONDS:
            break
        if time.monotonic() - begun > _LIMIT_SECONDS:
            raise RuntimeError(f"not steady after {_LIMIT_SECONDS:.0f} s: {workers[-1].log[-2000:]}")
        await asyncio.sleep(_LOOK_SECONDS)
    return {
        "to_steady_seconds": round(max(0.0, watch.unsteady - begun), 1),
        "longest_gap_seconds": round(max(watch.gaps.values()), 1),
        "mean_gap_seconds": round(sum(watch.gaps.values()) / PARTITIONS, 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


class Course:
    """One installation under load while workers come and go."""

    def __init__(self, servers: Servers, name: str, number: int, rate: float) -> None:
        folder = servers.folder / name
        folder.mkdir()
        self.made = Installation(servers.kafka, database(servers.redis, number), folder, FILE, PARTITIONS)
        created = self.made.create_topics()
        if created.returncode:
            raise RuntimeError(created.stderr)
        self._rate = rate
        self.watch = Watch(self.made, rate)
        self._events: list[bytes] = []
        self._over = asyncio.Event()
        self.rows: list[dict[str, Any]] = []

    async def feed(self, seconds: float) -> None:
        """Events at the rate, until told to stop, or for so long."""
        records = bodies(int(self._rate * seconds), CUSTOMERS, 3, START, self._rate)
        async with feed.sender(self.made.kafka, 5) as producer:
            async for beat in feed.beats(self._rate, seconds, BATCH):
                if self._over.is_set():
                    return
                piece = records[beat * BATCH : (beat + 1) * BATCH]
                await feed.put(producer, self.made.names.events, piece, PARTITIONS)
                self._events += piece
                self.watch.sent += len(piece)

    async def change(self, what: str, act: Any, moved: int) -> None:
        """Do something to the workers, and see what it takes. `act` returns those that run then."""
        before = self.watch.epochs()
        self.watch.reset()
        begun = time.monotonic()
        workers = await act()
        row = {"change": what, **await _settled(self.watch, before, moved, workers, begun)}
        print("scaling", row, flush=True)  # noqa: T201  # the benchmark's report
        self.rows.append(row)

    async def end(self, worker: Worker) -> dict[str, Any]:
        """Stop the load, let everything be processed, compare with replay."""
        self._over.set()
        until = START + int(len(self._events) / self._rate * 1e6) + _MATURES
        await self.made.advance(until + self.made.loaded.config.allowed_lateness + 1_000_000)
        await worker.until(self.made.done, "all to be processed", 300)
        found = parity.compared(await parity.decisions(self.made))
        events = [event for body in self._events if isinstance(event := decode(body), Event)]
        replay = await asyncio.to_thread(_replayed, self.made, events, until)
        wanted = parity.compared(encode_decision(decision) for decision in replay.decisions)
        ids = [msgspec.json.decode(body)["id"] for body in found]
        signals = await self.made.signals()
        return {
            "events": len(events),
            "decisions": len(wanted),
            "lost": len(wanted - found),
            "foreign": len(found - wanted),
            "doubled": len(ids) - len(set(ids)),
            "totals_equal": msgspec.to_builtins(signals.totals()) == msgspec.to_builtins(replay.signals.totals()),
        }


def _replayed(made: Installation, events: list[Event], until: int) -> Replay:
    replay = Replay(made.loaded)
    for _ in replay.feed(Row(event, parse_time(event.time or "")) for event in events):
        pass
    replay.finish(until, silent=True)
    return replay


async def _run(course: Course, steps: Any, seconds: float) -> dict[str, Any]:
    await course.made.wait_for_topics()
    watching = asyncio.create_task(course.watch.run())
    feeding = asyncio.create_task(course.feed(seconds))
    try:
        worker = await steps(course)
        course._over.set()
        await feeding
        compared = await course.end(worker)
        print("scaling", compared, flush=True)  # noqa: T201  # the benchmark's report
        return {"changes": course.rows, "against_replay": compared}
    finally:
        for task in (watching, feeding):
            task.cancel()
        course.made.stop()


async def _stop(workers: list[Worker]) -> None:
    await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in workers))


async def scaled(course: Course) -> Worker:
    """One worker, then four, then two; none of them has a name, so that they leave when they are told to go."""
    first = course.made.worker()
    await _settled(course.watch, {}, PARTITIONS, [first], time.monotonic())
    more: list[Worker] = []

    async def start() -> list[Worker]:
        more.extend(course.made.worker() for _ in range(3))
        await opened(more)
        return more

    async def leave() -> list[Worker]:
        await _stop(more[1:])
        return [first]

    await course.change("1 to 4 workers", start, PARTITIONS)
    await course.change("4 to 2 workers", leave, PARTITIONS)
    return first


async def rolled(course: Course) -> Worker:
    """Two named workers, restarted one after the other; then one is taken away for good."""
    pair = [course.made.worker("--instance", name) for name in "ab"]
    await opened(pair)
    await _settled(course.watch, {}, PARTITIONS, pair, time.monotonic())
    for place in (0, 1):

        async def again(place: int = place) -> list[Worker]:
            await _stop([pair[place]])
            pair[place] = course.made.worker("--instance", "ab"[place])
            return [pair[place]]

        await course.change(f"restart of worker {place + 1} of 2, named", again, PARTITIONS // 2)

    async def leave() -> list[Worker]:
        await _stop(pair[1:])
        return pair[:1]

    await course.change("2 to 1 workers, named", leave, PARTITIONS // 2)
    return pair[0]


async def scaling(servers: Servers, rate: float, seconds: float = 300.0) -> dict[str, Any]:
    """Both courses, each on topics and a store of its own."""
    return {
        "events_per_second": rate,
        "partitions": PARTITIONS,
        "session_seconds": 20,
        "scaled": await _run(Course(servers, "scaled", 7, rate), scaled, seconds),
        "rolled": await _run(Course(servers, "rolled", 8, rate), rolled, seconds),
    }
