"""What goes wrong in a cluster, and that it changes nothing."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import RecordsToDelete  # type: ignore[import-untyped]

from streams.model import Event
from streams.runtime.cluster import topics
from streams.runtime.cluster.redis_store import PartitionStore, connect
from streams.runtime.cluster.signal_agent import SOURCE
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.parity import DEMO, SECOND, UNTIL, assert_like_replay

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
TAIL = 3 * SECOND
PATIENCE_S = 240


async def read_at_least(made: Installation, wanted: int) -> bool:
    """Whether so many records of the events were committed."""
    heads = await made.heads()
    return sum(head.read for name, head in heads.items() if name != SOURCE) >= wanted


async def steal(made: Installation, name: str) -> None:
    """Raise a partition's epoch as another owner would, and leave."""
    client = connect(made.redis)
    store = PartitionStore(client, name)
    await store.claim(partitions=made.partitions, start=0, config=made.loaded.hash)
    await store.close()
    await client.aclose()


async def test_a_partition_taken_by_another_owner_is_claimed_again_and_nothing_changes(
    install: Install, shop: list[Event]
) -> None:
    async with install(DEMO, 1) as made:
        await made.send(shop)
        worker = made.worker("--batch", "100")
        try:
            await worker.until(lambda: read_at_least(made, len(shop) // 4), "some events to be taken")
            await steal(made, "events:0")
            await worker.until(lambda: read_at_least(made, len(shop) // 2), "the partition to be claimed again")
            await steal(made, SOURCE)
            await made.advance(UNTIL + TAIL)
            await worker.until(made.done, "all to be processed")
            assert "another owner" in worker.log
            await assert_like_replay(made, shop)
        finally:
            worker.stop()


async def begin_at(made: Installation, offset: int) -> None:
    """A store whose only partition reads on at an offset."""
    client = connect(made.redis)
    store = PartitionStore(client, "events:0")
    await store.claim(partitions=1, start=offset, config=made.loaded.hash)
    await store.close()
    await client.aclose()


async def test_a_position_the_log_does_not_hold_stops_the_worker_naming_both_ends(
    install: Install, shop: list[Event]
) -> None:
    async with install(DEMO, 1) as made:
        await made.send(shop[:50])
        await begin_at(made, 900)
        worker = made.worker()
        assert worker.process.wait(PATIENCE_S) == 3
        assert "its position is 900, the log holds 0 to 50" in worker.log


async def test_a_log_that_forgot_what_was_still_to_be_read_stops_the_worker_naming_both_ends(
    install: Install, shop: list[Event]
) -> None:
    async with install(DEMO, 1) as made:
        await made.send(shop[:50])
        await begin_at(made, 10)
        async with topics.admin(made.kafka) as admin:
            await admin.delete_records({TopicPartition(made.names.events, 0): RecordsToDelete(before_offset=20)})
        worker = made.worker()
        assert worker.process.wait(PATIENCE_S) == 3
        assert "its position is 10, the log holds 20 to 50" in worker.log


async def test_a_lost_store_is_not_taken_for_a_new_one(install: Install, shop: list[Event]) -> None:
    async with install(DEMO, 1) as made:
        await made.send(shop[:50])
        first = made.worker()
        await first.until(lambda: read_at_least(made, 50), "the events to be taken")
        assert first.stop() == 0
        client = connect(made.redis)
        await client.flushdb()
        await client.aclose()
        async with topics.admin(made.kafka) as admin:
            await admin.delete_records({TopicPartition(made.names.events, 0): RecordsToDelete(before_offset=20)})
        second = made.worker()
        assert second.process.wait(PATIENCE_S) == 3
        assert "Redis holds no state for it and the log now begins at 20" in second.log
