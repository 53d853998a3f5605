"""Workers that come and go under load change nothing."""

from __future__ import annotations

import pytest

from streams.model import Event
from tests.cluster.conftest import Install
from tests.cluster.installation import Worker
from tests.cluster.load import Load
from tests.cluster.parity import (
    SECOND,
    UNTIL,
    WITH_HOURS,
    assert_like_replay,
    assert_same_under_same_number,
    within_lateness,
)

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 6


async def takes(worker: Worker, partitions: int, since: int = 0) -> bool:
    """Whether a worker has opened so many partitions, not counting what its log said before."""
    return worker.log[since:].count("partition_opened") >= partitions


async def test_one_worker_three_and_one_again_come_to_what_replay_says(install: Install, shop: list[Event]) -> None:
    async with install(WITH_HOURS, PARTITIONS) as made:
        events = list(within_lateness(shop[: len(shop) // 2], made.loaded.config.allowed_lateness))
        load = Load(made, events, 4)
        first = made.worker("--batch", "100")
        async with load.running():
            await load.more(first)
            others = [made.worker("--batch", "100") for _ in range(2)]
            for other in others:
                await other.until(lambda other=other: takes(other, 1), "it to get a partition")  # type: ignore[misc]  # a default binds it
            await load.more(first)
            for other in others:
                before = len(first.log)
                assert other.stop() == 0, other.log
                await load.more(first)
            await first.until(lambda: takes(first, PARTITIONS, before), "it to have everything again")
            await load.rest()
            await load.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
            await first.until(made.done, "all to be processed")
        await assert_like_replay(made, events)
        await assert_same_under_same_number(made)
