"""Workers whose store is a Redis Cluster: masters die, a replica is promoted, a slot moves; all ends like `replay`."""

from __future__ import annotations

import asyncio

import pytest
import redis
from redis.crc import key_slot

from streams.model import Event
from streams.runtime import commit as heads
from tests.cluster.conftest import Install
from tests.cluster.installation import Worker, bytes_of
from tests.cluster.load import Load
from tests.cluster.parity import DEMO, SECOND, UNTIL, assert_like_replay, assert_same_under_same_number, within_lateness
from tests.cluster.test_failures import all_read
from tests.servers.redis import RedisCluster

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 4


async def paused(worker: Worker, reason: str, times: int) -> bool:
    """Whether a worker has paused a partition so often for a reason."""
    return sum("partition_paused" in line and reason in line for line in worker.log.splitlines()) >= times


async def test_a_master_that_dies_and_a_slot_that_moves_change_nothing(
    install_on_redis_cluster: Install, redis_cluster: RedisCluster, shop: list[Event]
) -> None:
    async with install_on_redis_cluster(DEMO, PARTITIONS) as made:
        events = list(within_lateness(shop[: len(shop) // 2], made.loaded.config.allowed_lateness))
        load = Load(made, events, 5)
        worker = made.worker("--batch", "200")
        slots = [key_slot(f"events:{number}".encode()) for number in range(PARTITIONS)]
        homes = [redis_cluster.owner(slot) for slot in slots]
        assert len(set(homes)) > 1, "one master has everything"
        async with load.running():
            await load.more(worker)
            node = redis_cluster.nodes[homes[0]]
            await asyncio.to_thread(node.kill)
            await load.send()  # so that there is something to commit there
            await worker.until(lambda: paused(worker, "store:", 1), "it to miss the master")
            await asyncio.to_thread(node.start)
            await worker.until(lambda: _well(redis_cluster), "the Redis Cluster to be well again")
            await load.more(worker)
            target = (homes[1] + 1) % 3
            await asyncio.to_thread(redis_cluster.begin_move, slots[1], homes[1], target)
            await load.more(worker)
            await worker.until(lambda: paused(worker, "SlotMoving", 1), "it to wait for the slot")
            while await asyncio.to_thread(redis_cluster.move_keys, slots[1], homes[1], target, 200):
                pass
            await asyncio.to_thread(redis_cluster.end_move, slots[1], target)
            await load.rest()
            await load.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
            await worker.until(made.done, "all to be processed")
        assert redis_cluster.owner(slots[1]) == target
        await assert_like_replay(made, events)
        await assert_same_under_same_number(made)
        assert worker.stop() == 0, worker.log


async def test_a_replica_that_was_behind_when_its_master_died_changes_nothing(
    install_on_redis_cluster: Install, redis_cluster: RedisCluster, shop: list[Event]
) -> None:
    async with install_on_redis_cluster(DEMO, PARTITIONS) as made:
        events = list(within_lateness(shop[: len(shop) // 2], made.loaded.config.allowed_lateness))
        load = Load(made, events, 4)
        worker = made.worker("--batch", "100")
        slot = key_slot(b"events:0")
        master = redis_cluster.owner(slot)
        async with load.running():
            await load.more(worker)
            heir = await asyncio.to_thread(redis_cluster.add_replica, master)
            await load.more(worker)
            await asyncio.to_thread(redis_cluster.hold_back_replicas, master)
            await load.more(worker)
            await worker.until(lambda: all_read(made), "all that was sent to be read")
            assert read_there(redis_cluster, heir) < read_there(redis_cluster, master), "the replica was not behind"
            await asyncio.to_thread(redis_cluster.nodes[master].kill)

            async def promoted() -> bool:
                return await asyncio.to_thread(redis_cluster.owner, slot) == heir

            await worker.until(promoted, "the replica to be promoted")
            await load.rest()
            await load.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
            await worker.until(made.done, "all to be processed")
            # The old master comes back, and is the replica now.
            await asyncio.to_thread(redis_cluster.nodes[master].start)
            await worker.until(lambda: _well(redis_cluster), "the Redis Cluster to be well again")
            assert redis_cluster.owner(slot) == heir
        await assert_like_replay(made, events)
        assert await assert_same_under_same_number(made) > 0, "nothing had left before the store forgot it"
        assert worker.stop() == 0, worker.log


def read_there(cluster: RedisCluster, number: int) -> int:
    """How far partition 0 of the events was read, by what one node holds."""
    with redis.Redis.from_url(cluster.nodes[number].url, single_connection_client=True) as client:
        client.readonly()  # a replica answers by itself
        return heads.decode(bytes_of(client.get("{events:0}:head"))).read


async def _well(cluster: RedisCluster) -> bool:
    return await asyncio.to_thread(cluster.well)
