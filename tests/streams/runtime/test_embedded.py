"""The embedded service on a real file with a clock of its own: what it promises its senders and its readers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from streams.brake import Brake
from streams.config.load import Loaded
from streams.runtime.clock import VirtualClock
from streams.runtime.commit import Commit, HeadMoved
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.service import Busy, Service, Stopped
from streams.runtime.store import schema
from streams.runtime.store.store import Store, StoreFailed
from streams.units import format_time
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import OTHER_FILE, START, events, shop

SECOND = 1_000_000
SHOP = shop()
OTHER = shop(OTHER_FILE)
QUICK = Limits(commit_seconds=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + 3_600 * SECOND)


@asynccontextmanager
async def running(
    path: Path, clock: VirtualClock, loaded: Loaded = SHOP, limits: Limits = QUICK, brake: Brake | None = None
) -> AsyncIterator[Embedded]:
    service = Embedded(loaded, Store(path), clock, name="shop.yml", limits=limits, brake=brake)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def cart(number: int, time: int = START) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"n-{number}",
            "source": "shop",
            "type": "cart.updated",
            "time": format_time(time),
            "subject": f"c-{number}",
            "data": {},
        }
    )


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_an_acknowledged_event_is_in_the_file(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        offsets = await service.submit([cart(1), cart(2)])
        assert offsets == [0, 1]
        assert rows(path, "SELECT offset, body FROM log") == [(0, cart(1)), (1, cart(2))]


async def test_it_is_the_service_that_the_http_side_asks_for(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        asked: Service = service
        assert asked.now() == clock.now()


async def test_a_stopped_service_has_committed_everything_and_goes_on_from_there(
    path: Path, clock: VirtualClock
) -> None:
    bodies = events(600, 3)
    async with running(path, clock) as service:
        await service.submit(bodies[:300])
    async with running(path, clock) as service:
        await service.submit(bodies[300:])
    assert stored(path, {SHOP.hash: SHOP}) == undisturbed(log_of(path), SHOP)
    assert [record.body for record in log_of(path)] == bodies


async def test_a_decision_is_in_the_file_with_the_signals_that_made_it_before_anyone_hears_of_it(
    path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(commit_seconds=0, pieces_seconds=1_000)
    service = Embedded(SHOP, Store(path), clock, limits=limits)
    await service.start()
    heard = service.subscribe()
    commit = service.store.commit
    unheard: list[bool] = []

    async def watched(given: Commit) -> None:
        await commit(given)
        if given.decisions:
            unheard.append(heard.empty())

    monkeypatch.setattr(service.store, "commit", watched)
    bodies = events(3_000, 4)
    while heard.empty():
        assert bodies, "expected a decision"
        await service.submit(bodies[:50])
        del bodies[:50]
        await service.drain()
    decision = heard.get_nowait()
    assert unheard == [True]
    await service.abandon()
    assert (decision.id, decision.body) in rows(path, "SELECT id, body FROM decisions")
    assert rows(path, "SELECT name FROM pieces"), "the signals' pieces go with their decision, not at their own pace"
    async with running(path, clock) as again:
        assert again.partition.signals.read == len(rows(path, "SELECT 1 FROM partials"))
    assert stored(path, {SHOP.hash: SHOP}) == undisturbed(log_of(path), SHOP)


async def test_decisions_are_listed_newest_first_and_resumed_after_one_that_was_seen(
    path: Path, clock: VirtualClock
) -> None:
    async with running(path, clock) as service:
        heard = service.subscribe()
        await service.submit(events(6_000, 5))
        await service.drain()
        published = [heard.get_nowait() for _ in range(heard.qsize())]
        assert len(published) >= 2
        assert list(await service.decisions_after(published[0].id, 100)) == published[1:]
        assert list(await service.decisions_after("nobody", 100)) == []
        first = await service.decisions(None, 1, None)
        assert first.next is not None
        rest = await service.decisions(None, 100, first.next)
        listed = [msgspec.json.decode(item) for item in (*first.items, *rest.items)]
        assert rest.next is None
        assert {item["id"] for item in listed} == {one.id for one in published}
        times = [item["time"] for item in listed]
        assert times == sorted(times, reverse=True)


async def test_a_long_backlog_is_told_to_the_sender_and_nothing_of_the_call_is_taken(
    path: Path, clock: VirtualClock
) -> None:
    async with running(path, clock, limits=Limits(commit_seconds=0, backlog=10)) as service:
        taken = asyncio.gather(*(service.submit([cart(10 * n + k) for k in range(10)]) for n in range(2)))
        await asyncio.sleep(0)
        with pytest.raises(Busy) as busy:
            await service.submit([cart(100)])
        assert busy.value.retry_after_seconds >= 1
        assert len(await taken) == 2
        await service.drain()
        await service.submit([cart(101)])
    assert len(log_of(path)) == 21


async def test_time_is_told_once_a_second_while_nothing_comes(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.submit([cart(1, clock.now())])
        await service.drain()
        for expected in (0, 1, 2, 3):
            assert len([record for record in log_of(path) if record.internal]) == expected
            clock.advance(2 * SECOND if expected == 0 else SECOND)
            while service.store.next_offset < 2 + expected:
                await asyncio.sleep(0)
            await service.drain()
        watermark = service.partition.stage.position.watermark
    assert watermark == clock.now() - 2 * SECOND


async def test_after_a_long_rest_time_comes_in_strides_so_that_not_everything_falls_due_at_once(
    path: Path, clock: VirtualClock
) -> None:
    async with running(path, clock) as service:
        await service.submit([cart(1, clock.now())])
        await service.drain()
    clock.advance(24 * 3_600 * SECOND)
    async with running(path, clock) as service:
        await service.drain()
        clock.advance(2 * SECOND)
        while service.store.next_offset == 1:
            await asyncio.sleep(0)
        await service.drain()
        assert service.store.next_offset == 201
        assert service.partition.stage.position.watermark == clock.now() - 2 * SECOND
    assert stored(path, {SHOP.hash: SHOP}) == undisturbed(log_of(path), SHOP)


async def test_a_customer_is_shown_from_memory_and_from_the_file(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.submit([cart(1, clock.now())])
        await service.drain()
        clock.advance(5 * SECOND)
        while service.store.next_offset < 2:
            await asyncio.sleep(0)
        await service.drain()
        in_memory = await service.customer("c-1")
        assert await service.customer("nobody") is None
        service.partition.stage.evict(0)
        in_file = await service.customer("c-1")
    assert in_memory is not None
    assert in_file is not None
    assert bytes(in_memory) == bytes(in_file)
    shown = msgspec.json.decode(in_file)
    assert [(one["journey"], one["step"], one["state"]) for one in shown["journeys"]] == [
        ("purchase", "cart", "in_flight")
    ]


async def test_time_is_not_told_before_the_first_event(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        for _ in range(5):
            clock.advance(2 * SECOND)
            await service.drain()
            for _ in range(20):
                await asyncio.sleep(0)
    assert log_of(path) == []


async def test_a_record_from_outside_cannot_pass_for_the_services_own(path: Path, clock: VirtualClock) -> None:
    forged = msgspec.json.decode(cart(1)) | {"type": "touchline.time.advanced", "time": format_time(clock.now())}
    async with running(path, clock) as service:
        await service.submit([msgspec.json.encode(forged)])
        await service.drain()
        assert service.partition.stage.position.watermark is None
        assert service.internals().invalid == {"reserved_type": 1}


async def test_another_file_holds_from_its_record_on_and_is_announced_once(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.submit([cart(1)])
    for _ in range(2):
        async with running(path, clock, OTHER) as service:
            await service.drain()
            assert service.health().config.hash == OTHER.hash
            await service.submit([cart(2)])
    assert [record.internal for record in log_of(path)] == [False, True, False, False]


async def test_a_file_announced_before_a_crash_and_taken_back_does_not_hold(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.submit([cart(1)])
    crashed = Embedded(OTHER, Store(path), clock, limits=Limits(commit_seconds=1_000))
    await crashed.start()
    await crashed.abandon()
    async with running(path, clock) as service:
        await service.drain()
        assert service.health().config.hash == SHOP.hash


async def test_dead_letters_are_listed_shown_and_sent_through_again(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.submit([b"{", b"[]", cart(1)])
        await service.drain()
        assert service.health().dead_letters == 2
        page = await service.dead_letters(None, 1, None)
        assert [(item.reason, item.body) for item in page.items] == [("not_an_object", None)]
        page = await service.dead_letters(None, 1, page.next)
        (letter,) = page.items
        assert (letter.id, letter.offset, letter.reason, letter.state) == (1, 0, "not_json", "held")
        assert await service.redrive(1) == 3
        assert await service.redrive(99) is None
        await service.drain()
        shown = await service.dead_letter(1)
        assert shown is not None
        assert (shown.body, shown.state) == (b"{", "redriven")
        assert service.internals().dead_letters == {"not_json": 1, "not_an_object": 1}
        assert service.internals().invalid == {"not_json": 2, "not_an_object": 1}


async def test_the_brake_refuses_events_and_says_why_until_its_pause_is_over(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock, brake=Brake(max_consecutive=20, pause=30 * SECOND)) as service:
        await service.submit([b"?"] * 30)
        await service.drain()
        with pytest.raises(Stopped, match="all invalid.*touchline dlq list"):
            await service.submit([cart(1)])
        health = service.health()
        assert (health.status, health.dead_letters) == ("stopped", 30)
        assert health.reason is not None
        clock.advance(31 * SECOND)
        await service.submit([cart(1)])
        assert service.health().status == "ok"


async def test_a_full_disk_stops_the_door_and_loses_nothing(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.submit([cart(1)])
        await service.drain()
        await limit_pages(service, 1)
        with pytest.raises(Stopped, match="disk is full"):
            await service.submit([cart(number) for number in range(2_000)])
        assert service.health().status == "stopped"
        await limit_pages(service, 2**30)
        await service.submit([cart(2)])
        await service.drain()
        assert service.health().status == "ok"
    assert [record.body for record in log_of(path)] == [cart(1), cart(2)]


async def test_a_commit_the_disk_refuses_is_made_as_soon_as_there_is_room(
    path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(path, clock) as service:
        commit = service.store.commit
        refused: list[Commit] = []

        async def refuse_twice(given: Commit) -> None:
            if len(refused) < 2:
                refused.append(given)
                raise StoreFailed("the disk is full")
            await commit(given)

        monkeypatch.setattr(service.store, "commit", refuse_twice)
        await service.submit([cart(number) for number in range(200)])
        for attempt in (1, 2):
            while len(refused) < attempt:
                await asyncio.sleep(0)
            assert service.health().reason == "the disk is full"
            await asyncio.sleep(0)
            clock.advance(SECOND)
        await service.drain()
        assert refused[0] is refused[1], "it is the same commit that is tried again"
        assert service.health().status == "ok"
    assert stored(path, {SHOP.hash: SHOP}) == undisturbed(log_of(path), SHOP)


@pytest.mark.expects_errors
async def test_an_owner_that_finds_another_commit_stops_with_nothing_written(path: Path, clock: VirtualClock) -> None:
    service = Embedded(SHOP, Store(path), clock, limits=QUICK)
    await service.start()
    await service.submit([cart(1)])
    await service.drain()
    connection = schema.connect(path)
    connection.execute("UPDATE head SET body = x'00'")
    connection.close()
    await service.submit([cart(2)])
    with pytest.raises(HeadMoved):
        await service.wait()
    assert service.health().status == "stopped"
    with pytest.raises(Stopped):
        await service.submit([cart(3)])
    with pytest.raises(HeadMoved):
        await service.stop()
    assert rows(path, "SELECT hex(body) FROM head") == [("00",)]


async def test_memory_holds_as_many_customers_as_it_was_told_to(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock, limits=Limits(commit_seconds=0, cache=25)) as service:
        await service.submit(events(800, 6, customers=300))
        await service.drain()
        while service.internals().cached_customers > 25:
            await asyncio.sleep(0)
    assert stored(path, {SHOP.hash: SHOP}) == undisturbed(log_of(path), SHOP)


async def test_health_says_where_the_service_stands(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        assert service.health().watermark is None
        bodies = events(400, 7)
        await service.submit(bodies)
        await service.drain()
        health = service.health()
        assert health.status == "ok"
        assert health.log.next_offset == len(bodies)
        clock.advance(10 * SECOND)
        while service.health().log.low < len(bodies):
            await asyncio.sleep(0)
        door = service.health().events
        assert door.read == door.accepted + door.duplicate + door.invalid
        assert health.lag_seconds is not None
        assert health.lag_seconds > 0
        assert health.config.file == "shop.yml"
        assert health.pending_timers > 0
        internals = service.internals()
        assert internals.log_rows == service.store.next_offset
        assert internals.store_bytes > 0
        assert internals.latency is not None
        assert sum(internals.latency.counts) == len(bodies)


async def limit_pages(service: Embedded, pages: int) -> None:
    """Let the file grow to `pages` pages, or no further than it is."""
    await service.store._writer.run(
        lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    )
