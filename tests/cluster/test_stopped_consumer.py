"""A real consumer whose fetching has died while its group still counts it in: it is found out, and replaced."""

from __future__ import annotations

import asyncio

import pytest

from streams.model import Event
from streams.runtime.clock import SystemClock
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.journey_service import JourneyService, Settings
from streams.runtime.cluster.progress import STALL_SECONDS
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.signal_agent import SignalDesk
from streams.runtime.cluster.watcher import LOOK_SECONDS, KafkaEnds, Watcher
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.test_signal_agent import FILE
from tests.streams.runtime.outpost import SECRET
from tests.streams.runtime.receiver import listening

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(240)]
PARTITIONS = 2


def carts(first: int, count: int) -> list[Event]:
    return [
        Event(id=f"e-{n}", source="shop", type="cart.updated", subject=f"c-{n}") for n in range(first, first + count)
    ]


async def taken(made: Installation, wanted: int) -> None:
    """Return once so many records of the events were committed."""
    while True:
        heads = await made.heads()
        if sum(head.read for name, head in heads.items() if name.startswith("events")) >= wanted:
            return
        await asyncio.sleep(0.1)


@pytest.mark.expects_errors
async def test_records_that_wait_for_a_dead_consumer_are_taken_by_the_next(install: Install) -> None:
    async with install(FILE + "idle_after: 52w\n", PARTITIONS) as made:
        connections = Connections(made.kafka, made.redis)
        rulebook = Rulebook(connections, made.loaded)
        settings = Settings(kafka=made.kafka, redis=made.redis, name=made.names.name)
        service = JourneyService(settings, rulebook, connections, SystemClock(), PARTITIONS)
        desk = SignalDesk(connections, rulebook, made.names, PARTITIONS)
        leap = 0.0
        watcher = Watcher(service, desk, KafkaEnds(made.kafka), SystemClock(), monotonic=lambda: leap)
        await connections.start()
        await service.start()
        try:
            await made.send(carts(0, 40))
            await taken(made, 40)

            consumer = service._consumer
            assert consumer is not None
            fetcher = consumer._fetcher
            fetcher._fetch_task.cancel()
            await asyncio.gather(fetcher._fetch_task, *fetcher._pending_tasks, return_exceptions=True)
            await made.send(carts(40, 40))
            await watcher.look()
            assert service.restarts == 0
            while service.restarts == 0:
                leap += LOOK_SECONDS
                assert leap <= 2 * STALL_SECONDS
                await watcher.look()
                round_before = service.rounds
                while service.rounds == round_before and service.restarts == 0:
                    await asyncio.sleep(0.01)
            assert service.restarts == 1
            assert service._consumer is not consumer
            await taken(made, 80)
            await watcher.look()
            assert service.restarts == 1
        finally:
            await service.stop()
            await watcher.on_stop()
            await connections.stop()


DELIVERING = """
version: 1
idle_after: 1s
allowed_lateness: 1s
cases:
  complaint: {{on: complaint.received, owner: support}}
subscriptions:
  - {{name: ops, match: {{type: case.opened}}, to: 'webhook:{url}', secret: {secret}, allow_private: true}}
"""


async def test_a_worker_that_gets_none_of_the_decisions_says_so_and_ends_and_the_next_delivers(
    install: Install,
) -> None:
    async with listening() as peer, install(DELIVERING.format(url=peer.url, secret=SECRET), PARTITIONS) as made:
        deaf = made.folder / "deaf"
        first = made.worker(module=("tests.cluster.deaf_worker", str(deaf)))

        async def complain(name: str) -> None:
            await made.send([Event(id=name, source="shop", type="complaint.received", subject=name)])

        async def told(count: int) -> bool:
            return len(set(peer.accepted)) >= count

        await complain("anna")
        await first.until(lambda: told(1), "the first case to be delivered")
        deaf.touch()

        async def is_deaf() -> bool:
            return deaf.with_suffix(".done").exists()

        await first.until(is_deaf, "it to fetch nothing any more")
        await complain("ben")
        while first.process.poll() is None:
            await asyncio.sleep(0.1)
        # Faust fetches decisions and partials together: whichever is missed first.
        assert "consumer_stopped" in first.log, first.log[-3000:]
        assert first.process.returncode == 3
        assert "a consumer started anew takes none of them either" in first.log
        await complain("cleo")
        second = made.worker()
        await second.until(lambda: told(3), "the other cases to be delivered")
        assert len(peer.accepted) == 3
        assert second.stop() == 0
