"""A partition of the decisions in a real Redis: what is kept there, and who may commit."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from redis.asyncio import Redis

from streams.delivery.message import read
from streams.runtime.clock import VirtualClock
from streams.runtime.cluster.delivery_erasing import erase_records
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.redis_store import PartitionStore
from streams.units import MINUTE, SECOND
from tests.cluster.courier import Courier, Log, working
from tests.cluster.memory_store import Memory
from tests.streams.delivery.messages import TIME, alert, decision
from tests.streams.runtime.outpost import subscribed
from tests.streams.runtime.receiver import listening

pytestmark = pytest.mark.redis


def courier(redis: Redis, log: Log, clock: VirtualClock, url: str) -> Courier:
    loaded = subscribed(url)
    made = Courier(loaded, clock, Memory(), log)
    made.dispatch = Dispatch(
        loaded,
        clock,
        lambda number: PartitionStore(redis, f"decisions:{number}", item="d"),
        len(log.records),
    )
    return made


async def test_what_waits_and_what_was_told_are_in_redis(redis: Redis) -> None:
    log, clock = Log(2), VirtualClock(TIME)
    async with listening() as peer:
        peer.status(500)
        async with working(courier(redis, log, clock, peer.url), 0, 1) as first:
            log.write(0, alert(), decision("feedback.requested", "c-1"))
            log.write(1, decision("feedback.requested", "c-2"))
            await first.read()
            await first.settled(peer)
            before = {row.id: (row.state, row.attempts, row.next_at) for row in first.dispatch.rows()}
        assert {attempts for _, attempts, _ in before.values()} == {1}
        timers = await PartitionStore(redis, "decisions:0").timers()
        assert {int(key): due for key, due in timers} == {
            number: next_at for number, (_, _, next_at) in before.items() if number % 1024 == 0
        }
        peer.answer = peer.accept
        async with working(courier(redis, log, clock, peer.url), 0, 1) as second:
            assert {row.id: (row.state, row.attempts, row.next_at) for row in second.dispatch.rows()} == before
            log.write(0, alert("updated", size=0.7))
            log.write(0, alert("resolved"))
            await second.read()
            await second.pass_time(MINUTE, SECOND, peer)
            assert Counter(second.states().values()) == {"delivered": 4}
        assert len(peer.accepted) == 4


async def test_an_owner_whose_partition_was_claimed_commits_nothing(redis: Redis) -> None:
    log, clock = Log(), VirtualClock(TIME)
    async with (
        listening() as peer,
        working(courier(redis, log, clock, peer.url)) as zombie,
        working(courier(redis, log, clock, peer.url)) as heir,
    ):
        log.write(0, decision("feedback.requested", "c-1"))
        for part in list(zombie.dispatch.parts.values()):
            sender, body = log.records[0][0]
            await zombie.dispatch.take(0, 0, sender, body)
            while not part.leaving:
                await asyncio.sleep(0)
        assert zombie.dispatch.trouble == {0: "another owner"}
        assert peer.requests == []
        await heir.read()
        await peer.until(1)


async def test_an_erased_customer_is_not_told_of_any_more(redis: Redis) -> None:
    log, clock = Log(2), VirtualClock(TIME)
    async with listening() as peer:
        peer.status(503)
        async with working(courier(redis, log, clock, peer.url), 0, 1) as worker:
            log.write(0, decision("feedback.requested", "c-1"), decision("feedback.requested", "c-2"))
            log.write(1, decision("feedback.requested", "c-1", rule="other"))
            await worker.read()
            await worker.settled(peer)
        assert await erase_records(redis, {"c-1", "c-0"}) == 2
        left = [await redis.get(key) async for key in redis.scan_iter(match="{decisions:*}:d:m:*")]
        assert [read(body).subject for body in left if isinstance(body, bytes)] == ["c-2"]
        peer.answer = peer.accept
        async with working(courier(redis, log, clock, peer.url), 0, 1) as worker:
            await worker.pass_time(30 * MINUTE, MINUTE, peer)
            assert Counter(worker.states().values()) == {"delivered": 1, "failed": 2}
        assert len(peer.accepted) == 1
