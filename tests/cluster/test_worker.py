"""The demo's events through real Kafka, Faust and Redis: the decisions and totals of `replay`."""

from __future__ import annotations

import pytest

from streams.model import Event
from tests.cluster.conftest import Install
from tests.cluster.parity import DEMO, SECOND, UNTIL, WITH_HOURS, assert_like_replay, within_lateness

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize(("partitions", "file"), [(1, DEMO), (12, WITH_HOURS)])  # 4 are in test_failures
async def test_the_cluster_decides_and_counts_as_replay_does(
    install: Install, shop: list[Event], partitions: int, file: str
) -> None:
    async with install(file, partitions) as made:
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
