"""The demo's events through real Kafka, Faust and Redis: the decisions and totals of `replay`."""

from __future__ import annotations

import random

import pytest

from streams.model import Event
from tests.cluster.conftest import Install
from tests.cluster.parity import DEMO, SECOND, UNTIL, assert_like_replay, within_lateness

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize("partitions", [1, 4])
async def test_the_cluster_decides_and_counts_as_replay_does(
    install: Install, shop: list[Event], partitions: int
) -> None:
    async with install(DEMO, partitions) as made:
        events = shop if partitions == 1 else list(within_lateness(shop, made.loaded.config.allowed_lateness))
        await made.send(events)
        worker = made.worker()
        try:
            await made.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
            await worker.until(made.done, "all to be processed")
            await assert_like_replay(made, events)
        finally:
            code = worker.stop()
        assert code == 0, worker.log


async def test_workers_killed_in_the_middle_change_nothing(install: Install, shop: list[Event]) -> None:
    async with install(DEMO, 1) as made:
        await made.send(shop)
        await made.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
        end = len(shop) + 1
        dice = random.Random(5)
        killed_at = []
        for earliest in (1, end // 4, end // 2, end * 3 // 4):
            victim = made.worker("--instance", "a", "--batch", "100")

            async def come_so_far(wanted: int = earliest + dice.randrange(end // 10)) -> bool:
                head = (await made.heads()).get("events:0")
                return head is not None and head.read >= wanted

            await victim.until(come_so_far, "the victim to take some events")
            victim.kill()
            killed_at.append((await made.heads())["events:0"].read)
        assert killed_at[-2] < end, "no worker was killed in the middle"
        last = made.worker("--instance", "a")
        try:
            await last.until(made.done, "all to be processed")
            await assert_like_replay(made, shop)
        finally:
            last.stop()
