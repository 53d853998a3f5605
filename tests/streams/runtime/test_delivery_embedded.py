"""Delivery as part of the embedded service: rows with their decisions, through crashes and a kill -9."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from streams.config.load import Loaded, load_text
from streams.runtime.clock import VirtualClock
from streams.runtime.commit import Commit
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.service import DeliveryDesk
from streams.runtime.store.store import Store
from streams.units import SECOND
from tests.streams.runtime.receiver import Peer, Request, listening
from tests.streams.runtime.shop import FILE, START, events

ROOT = Path(__file__).parents[3]
QUICK = Limits(commit_seconds=0)
BODIES = events(2_000, 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + 3_600 * SECOND)


OFFERS = "offers: {coffee: {on: order.completed}}\n"
"""A decision for each order."""


def subscribed(to: str) -> Loaded:
    text = f"subscriptions: [{{name: ops, match: {{type: [signal, offer]}}, to: '{to}', allow_private: true}}]\n"
    return load_text(FILE + OFFERS + text, "shop.yml", environ={})


async def started(path: Path, clock: VirtualClock, loaded: Loaded) -> Embedded:
    service = Embedded(loaded, Store(path), clock, limits=QUICK)
    await service.start()
    return service


async def settled(service: Embedded, *peers: Peer) -> None:
    """Wait until nothing moves before time passes."""
    lanes = service.delivery.lanes.values()
    while not all(lane.resting for lane in lanes) or sum(lane.under_way for lane in lanes) != sum(
        peer.holding for peer in peers
    ):
        await asyncio.sleep(0)
    await service.delivery.refresh()


def decided(path: Path) -> list[str]:
    """Ids of the decisions that a data file holds."""
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT id FROM decisions ORDER BY sequence")]
    finally:
        connection.close()


async def test_what_is_decided_is_delivered_and_shown(path: Path, clock: VirtualClock) -> None:
    async with listening() as peer:
        service = await started(path, clock, subscribed(f"webhook:{peer.url}"))
        assert isinstance(service, DeliveryDesk)
        await service.submit(BODIES)
        await service.drain()
        await settled(service, peer)
        ids = decided(path)
        assert len(ids) > 100
        assert Counter(peer.accepted) == Counter(ids)
        (shown,) = service.health().receivers
        assert (shown.name, shown.state, shown.pending, shown.delivered) == ("ops", "ok", 0, len(ids))
        await service.stop()


async def test_a_delivery_is_stored_with_its_decision_or_not_at_all(
    path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await started(path, clock, subscribed("webhook:http://127.0.0.1:9"))
    commit, seen = service.store.commit, []

    async def watched(given: Commit) -> None:
        await commit(given)
        connection = sqlite3.connect(path)
        seen.append(connection.execute("SELECT (SELECT count(*) FROM decisions), count(*) FROM deliveries").fetchone())
        connection.close()

    monkeypatch.setattr(service.store, "commit", watched)
    for start in range(0, len(BODIES), 200):
        await service.submit(BODIES[start : start + 200])
        await service.drain()
    assert all(decisions == deliveries for decisions, deliveries in seen)
    assert seen[-1][0] > 100
    await service.stop()


async def test_crash_after_crash_nothing_is_lost_and_what_comes_twice_has_the_same_id(
    path: Path, clock: VirtualClock
) -> None:
    async with listening() as peer:
        loaded = subscribed(f"webhook:{peer.url}")
        for start in range(0, len(BODIES), 130):
            service = await started(path, clock, loaded)
            await service.submit(BODIES[start : start + 130])
            for _ in range(start % 7):
                await asyncio.sleep(0)
            await service.abandon()
        service = await started(path, clock, loaded)
        await service.drain()
        await settled(service, peer)
        assert len(decided(path)) > 100
        assert set(peer.accepted) == set(decided(path))
        await service.stop()


async def test_a_stopping_service_lets_what_is_under_way_arrive(path: Path, clock: VirtualClock) -> None:
    async with listening() as peer:
        may_answer = asyncio.Event()

        async def slowly(request: Request) -> web.StreamResponse | None:
            await may_answer.wait()
            return await peer.accept(request)

        peer.answer = slowly
        service = await started(path, clock, subscribed(f"webhook:{peer.url}"))
        await service.submit(BODIES)
        await peer.until(4)
        stopping = asyncio.create_task(service.stop())
        while service.delivery.taking:
            await asyncio.sleep(0)
        may_answer.set()
        await stopping
        connection = sqlite3.connect(path)
        noted = {row[0] for row in connection.execute("SELECT decision FROM deliveries WHERE state = 'delivered'")}
        connection.close()
        assert noted == set(peer.accepted) == {request.id for request in peer.requests}
        assert len(noted) == 4


async def test_a_new_file_brings_its_receivers_along(path: Path, clock: VirtualClock) -> None:
    async with listening() as old, listening() as new:
        service = await started(path, clock, subscribed(f"webhook:{old.url}"))
        await service.submit(BODIES[:1_000])
        await service.drain()
        await settled(service, old)
        before = decided(path)
        await service.activate(subscribed(f"webhook:{new.url}"))
        await service.submit(BODIES[1_000:])
        await service.drain()
        await settled(service, new)
        assert set(old.accepted) == set(before)
        assert set(new.accepted) == set(decided(path)) - set(before)
        assert new.accepted
        await service.stop()


CHILD = """
import asyncio, sys
from pathlib import Path
from streams.config.load import load_text
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from tests.streams.runtime.shop import FILE, events

async def main(path, out, first, last):
    text = FILE + "offers: {coffee: {on: order.completed}}\\n"
    text += f"subscriptions: [{{name: file, match: {{type: [signal, offer]}}, to: 'ndjson:{out}'}}]"
    service = Embedded(load_text(text, environ={}), Store(Path(path)), limits=Limits(commit_seconds=0))
    await service.start()
    bodies = events(10_000, 8)
    for start in range(int(first), len(bodies), 100):
        await service.submit(bodies[start : start + 100])
        print(start + 100, flush=True)
    if last:
        await service.drain()
        await service.delivery.refresh()
        while service.health().receivers[0].pending:
            await asyncio.sleep(0)
            await service.delivery.refresh()
        await service.stop()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
def test_killed_again_and_again_every_decision_still_arrives(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    chance, sent = random.Random(3), 0

    def live(kill_after: int | None) -> int:
        last = "" if kill_after is not None else "last"
        command = [sys.executable, "-c", CHILD, str(path), str(out), str(sent), last]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        assert process.stdout is not None
        reached = sent
        for heard, line in enumerate((line for line in process.stdout if line.strip().isdigit()), 1):
            reached = int(line)
            if heard == kill_after:
                process.send_signal(signal.SIGKILL)
        process.stdout.close()
        code = process.wait()
        assert code == (0 if kill_after is None else -signal.SIGKILL) or reached >= 10_000
        return reached

    for _ in range(6):
        sent = live(chance.randrange(5, 15))
    live(None)
    delivered = [json.loads(line)["id"] for line in out.read_bytes().splitlines()]
    bodies = {msgspec.json.decode(line)["id"]: line for line in out.read_bytes().splitlines()}
    assert set(delivered) == set(decided(path))
    assert len(decided(path)) > 1_000
    assert Counter(out.read_bytes().splitlines()).keys() == set(bodies.values()), "repeats are the same to the byte"
