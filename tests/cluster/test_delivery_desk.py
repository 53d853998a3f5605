"""A door over the deliveries of a whole cluster: it lists them, and whoever has them sends them again."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from streams.runtime.clock import VirtualClock
from streams.runtime.cluster.delivery_desk import DeliveryDesk
from streams.runtime.cluster.delivery_pages import DeliveryPages
from streams.runtime.cluster.delivery_requests import obey
from streams.runtime.cluster.redis_store import connect
from streams.runtime.problems import Problem
from streams.runtime.service import BadCursor, Stopped
from streams.runtime.store.delivery_pages import DeliveryView
from streams.units import DAY, MINUTE, SECOND
from tests.cluster.courier import Courier, Log, working
from tests.cluster.test_delivery_store import courier
from tests.cluster.test_dispatch import asks
from tests.streams.delivery.messages import TIME
from tests.streams.runtime.outpost import subscribed
from tests.streams.runtime.receiver import Peer, listening

pytestmark = pytest.mark.redis


class Cluster:
    """Two partitions of the decisions, a worker for each, one receiver."""

    def __init__(self, redis: Redis, peer: Peer) -> None:
        self.log, self.clock, self.peer, self.redis = Log(2), VirtualClock(TIME), peer, redis
        self.desk = DeliveryDesk(redis, subscribed(peer.url).config)

    def worker(self) -> Courier:
        return courier(self.redis, self.log, self.clock, self.peer.url)

    async def obey(self, worker: Courier) -> int:
        done = await obey(self.redis, worker.dispatch)
        await worker.settled(self.peer)
        return done

    async def ids(self, limit: int = 100, **chosen: str) -> list[int]:
        """Of all deliveries, page by page."""
        found: list[int] = []
        cursor = None
        while True:
            page = await self.desk.deliveries(None, limit, cursor, chosen.get("receiver"), chosen.get("state"))
            found += [one.id for one in page.items]
            cursor = page.next
            if cursor is None:
                return found


async def test_the_door_lists_what_all_workers_have_and_what_nobody_has(redis: Redis) -> None:
    async with listening() as peer:
        place = Cluster(redis, peer)
        assert await place.ids() == []
        async with working(place.worker(), 0) as first, working(place.worker(), 1) as second:
            for number in range(6):
                place.log.write(number % 2, *asks(1, number))
                await first.read()
                await second.read()
                place.clock.advance(SECOND)
            await first.settled(peer)
            await second.settled(peer)
            rows = [*first.dispatch.rows(), *second.dispatch.rows()]
            shown = (await place.desk.deliveries(None, 10, None, None, None)).items
            by_workers = [
                one
                for worker in (first, second)
                for one in (await DeliveryPages(worker.dispatch).deliveries(None, 10, None, None, None)).items
            ]
            assert all(isinstance(one, DeliveryView) for one in shown)
            assert {one.id: one for one in shown} == {one.id: one for one in by_workers}
        expected = [row.id for row in sorted(rows, key=lambda row: (row.created, row.id), reverse=True)]
        assert len(expected) == 6
        for limit in (1, 2, 4, 6, 100):
            assert await place.ids(limit) == expected
        assert await place.ids(state="delivered") == expected
        assert await place.ids(state="pending") == await place.ids(receiver="nobody") == []
        late = await place.desk.deliveries(TIME + 3 * SECOND, 10, None, None, None)
        assert [one.id for one in late.items] == expected[:3]
        with pytest.raises(BadCursor):
            await place.desk.deliveries(None, 10, "later", None, None)


async def test_what_a_door_asks_to_be_sent_again_is_sent_by_whoever_has_it(redis: Redis) -> None:
    async with listening() as peer:
        place = Cluster(redis, peer)
        async with working(place.worker(), 0) as first, working(place.worker(), 1) as second:
            (one,) = place.log.write(0, *asks(1))
            (other,) = place.log.write(1, *asks(1, 1))
            for worker in (first, second):
                await worker.read()
                await worker.settled(peer)
            (number,) = [row.id for row in first.dispatch.rows()]
            assert await place.desk.replay_delivery(number)
            assert not await place.desk.replay_delivery(number + 1024)
            assert not await place.desk.replay_delivery(number + 5)
            assert not await place.desk.replay_delivery(-1)
            assert sorted(peer.accepted) == sorted([one, other])
            assert (await place.obey(first), await place.obey(second)) == (1, 1)
            assert sorted(peer.accepted) == sorted([one, one, other])
            assert (await place.obey(first), await place.obey(second)) == (0, 0)
            assert await place.desk.replay_deliveries("ops", TIME, TIME + MINUTE) == 2
            assert await place.desk.replay_deliveries("ops", TIME - DAY, TIME) == 0
            assert await place.desk.replay_deliveries("nobody", TIME, TIME + MINUTE) is None
            await place.obey(first)
        # The second worker has gone: its heir hears of it.
        async with working(place.worker(), 1) as heir:
            await place.obey(heir)
        assert sorted(peer.accepted) == sorted([one] * 3 + [other] * 2)


async def test_a_request_whose_owner_died_before_its_commit_is_obeyed_by_the_next(redis: Redis) -> None:
    async with listening() as peer:
        place = Cluster(redis, peer)
        first = place.worker()
        await first.claim(0)
        (one,) = place.log.write(0, *asks(1))
        await first.read()
        await first.settled(peer)
        (number,) = [row.id for row in first.dispatch.rows()]
        assert await place.desk.replay_delivery(number)
        async with working(place.worker(), 0) as heir:
            with pytest.raises(Stopped):
                await obey(redis, first.dispatch)
            await first.die()
            assert peer.accepted == [one]
            assert await place.obey(heir) == 1
            assert peer.accepted == [one, one]
            assert await place.obey(heir) == 0


async def test_a_receiver_that_was_gone_is_tried_again_by_every_worker(redis: Redis) -> None:
    async with listening() as peer:
        place = Cluster(redis, peer)
        peer.status(410)
        async with working(place.worker(), 0) as first, working(place.worker(), 1) as second:
            place.log.write(0, *asks(1))
            place.log.write(1, *asks(1, 1))
            for worker in (first, second):
                await worker.read()
                await worker.settled(peer)
                assert worker.health().state == "disabled"
            assert len(await place.ids(state="disabled")) == 2
            peer.answer = peer.accept
            (number,) = [row.id for row in first.dispatch.rows()]
            await place.desk.replay_delivery(number)
            for worker in (first, second):
                await place.obey(worker)
                assert worker.health().state != "disabled"
            assert len(peer.accepted) == 1


async def test_while_redis_is_away_the_door_says_so() -> None:
    redis = connect("redis://127.0.0.1:9/0")
    try:
        desk = DeliveryDesk(redis, subscribed("http://127.0.0.1:9").config)
        with pytest.raises(Problem, match="cannot be looked up now"):
            await desk.deliveries(None, 10, None, None, None)
        with pytest.raises(Stopped):
            await desk.replay_delivery(1024)
        with pytest.raises(Stopped):
            await desk.replay_deliveries("ops", TIME, TIME + MINUTE)
    finally:
        await redis.aclose()
