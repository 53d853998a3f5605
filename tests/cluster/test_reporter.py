"""When a worker says it is ready, and what it says when it is not."""

from __future__ import annotations

from streams.runtime.clock import SystemClock
from streams.runtime.cluster.status import Reporter
from tests.cluster.test_watcher import World


def reporter(world: World) -> Reporter:
    return Reporter(world.service.settings, "h", world.service, world.desk, world.watcher, SystemClock())


async def test_a_worker_is_not_ready_before_the_group_has_spoken() -> None:
    assert reporter(World()).not_ready() == "joining the group"


async def test_a_worker_is_ready_while_all_its_partitions_run_and_names_the_one_that_does_not() -> None:
    world = World()
    await world.service.on_start()
    report = reporter(world)
    assert report.not_ready() is None
    world.slot.running = False
    assert report.not_ready() == "partition 0: opening"
    world.slot.trouble = "store: ConnectionError"
    assert report.not_ready() == "partition 0: store: ConnectionError"
    shown = report.status()
    assert (shown.not_ready, shown.partitions["0"].trouble) == (report.not_ready(), "store: ConnectionError")


async def test_a_worker_whose_signals_are_paused_is_not_ready() -> None:
    world = World()
    await world.service.on_start()
    world.desk.fail("store: TimeoutError")
    assert reporter(world).not_ready() == "signals: store: TimeoutError"


async def test_a_worker_without_partitions_is_ready_too() -> None:
    world = World()
    world.service.joined = True
    report = reporter(world)
    assert (report.not_ready(), report.status().signals.owner) == (None, False)
