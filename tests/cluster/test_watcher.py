"""A consumer that stops taking records is started anew; one that stays silent ends the worker."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]

from streams.config.load import load_text
from streams.effects import Verdicts
from streams.errors import CannotStart
from streams.runtime.clock import SystemClock, VirtualClock
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.journey_service import JourneyService, Settings, Slot
from streams.runtime.cluster.progress import STALL_SECONDS
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.signal_agent import SignalDesk
from streams.runtime.cluster.status import DecisionsStatus, Reporter
from streams.runtime.cluster.topics import Names
from streams.runtime.cluster.watcher import LOOK_SECONDS, Watcher
from streams.runtime.cluster.worker_metrics import WorkerMetrics
from tests.cluster.courier import Courier, Log
from tests.cluster.memory_store import Memory
from tests.cluster.test_dispatch import asks
from tests.cluster.test_signal_agent import FILE
from tests.streams.delivery.messages import TIME
from tests.streams.runtime.outpost import subscribed

EVENTS = TopicPartition("t.events", 0)
PARTIALS = TopicPartition("t.partials", 0)
DECISIONS = TopicPartition("t.decisions", 0)


class Consumer:
    """Joins, gets its partition, and hands out nothing."""

    def __init__(self) -> None:
        self.listener: Any = None
        self.stopped = False

    def subscribe(self, topics: list[str], listener: Any) -> None:
        self.listener = listener

    async def start(self) -> None:
        await self.listener.on_partitions_assigned([EVENTS])

    async def stop(self) -> None:
        self.stopped = True

    async def position(self, tp: TopicPartition) -> int:
        return 0

    def pause(self, tp: TopicPartition) -> None:
        pass


class Service(JourneyService):
    """The journeys, with a consumer of ours; a partition is open as soon as it is assigned."""

    def __init__(self) -> None:
        connections = cast(Connections, SimpleNamespace(redis=None, sender=None))
        settings = Settings(kafka="nowhere:9", redis="redis://nowhere", name="t")
        super().__init__(settings, Rulebook(connections, load_text(FILE)), connections, SystemClock(), 1)
        self.made: list[Consumer] = []

    def _make_consumer(self) -> Any:
        self.made.append(Consumer())
        return self.made[-1]

    def assign(self, assigned: Any) -> None:
        super().assign(assigned)
        for slot in self.slots.values():
            slot.running = True
        self.rounds += 1


class Ends:
    """Where partitions end, as the test says."""

    def __init__(self) -> None:
        self.known: dict[TopicPartition, int] | None = {}

    async def of(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int] | None:
        return self.known

    async def close(self) -> None:
        pass


class World:
    """A worker's parts without servers, and a time that passes when told."""

    def __init__(self) -> None:
        self.service, self.ends, self.seconds = Service(), Ends(), 0.0
        connections = cast(Connections, SimpleNamespace(redis=None, sender=None))
        self.desk = SignalDesk(connections, Rulebook(connections, load_text(FILE)), Names("t"), 1)
        self.watcher = Watcher(self.service, self.desk, self.ends, SystemClock(), monotonic=lambda: self.seconds)

    async def pass_time(self, seconds: float) -> None:
        """Look again and again meanwhile."""
        end = self.seconds + seconds
        while True:
            self.service.rounds += 1
            await self.watcher.look()
            if self.seconds >= end:
                return
            self.seconds = min(end, self.seconds + LOOK_SECONDS)

    @property
    def slot(self) -> Slot:
        return self.service.slots[EVENTS]


@pytest.fixture
async def world() -> World:
    made = World()
    await made.service.on_start()
    return made


@pytest.mark.expects_errors
async def test_a_silent_consumer_is_replaced_and_the_metric_says_so(world: World) -> None:
    world.ends.known = {EVENTS: 7}
    await world.pass_time(STALL_SECONDS)
    first, second = world.service.made
    assert first.stopped
    assert not second.stopped
    assert (world.service.restarts, list(world.service.slots)) == (1, [EVENTS])


@pytest.mark.expects_errors
async def test_when_the_new_one_is_silent_too_the_worker_ends_and_says_which_records_wait(world: World) -> None:
    world.ends.known = {EVENTS: 7}
    await world.pass_time(STALL_SECONDS)
    with pytest.raises(CannotStart, match=r"events:0: records 0 to 7 wait"):
        await world.pass_time(STALL_SECONDS)


async def test_a_consumer_with_nothing_to_take_is_left_alone(world: World) -> None:
    world.ends.known = {EVENTS: 0}
    await world.pass_time(STALL_SECONDS)
    assert world.service.restarts == 0


async def test_while_kafka_does_not_answer_nobody_is_to_blame(world: World) -> None:
    world.ends.known = {EVENTS: 7}
    await world.pass_time(STALL_SECONDS / 2)
    world.ends.known = None
    await world.pass_time(STALL_SECONDS)
    assert world.service.restarts == 0


async def test_a_partition_that_waits_for_its_store_is_not_its_consumers_fault(world: World) -> None:
    world.ends.known = {EVENTS: 7}
    world.slot.running = False
    await world.pass_time(STALL_SECONDS)
    world.slot.running = True
    async with world.slot.lock:
        await world.pass_time(STALL_SECONDS)
    assert world.service.restarts == 0


async def test_a_loop_that_does_not_come_round_to_its_consumer_is_not_its_fault(world: World) -> None:
    world.ends.known = {EVENTS: 7}
    for _ in range(20):
        await world.watcher.look()
        world.seconds += LOOK_SECONDS
    assert world.service.restarts == 0


async def test_a_process_that_stood_still_does_not_blame_its_consumer(world: World) -> None:
    world.ends.known = {EVENTS: 7}
    await world.pass_time(LOOK_SECONDS)
    world.seconds += 10 * STALL_SECONDS
    await world.pass_time(LOOK_SECONDS)
    assert world.service.restarts == 0


@pytest.mark.expects_errors
async def test_a_group_that_lets_nobody_in_again_ends_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_consumer: Consumer) -> None:
        raise KafkaConnectionError

    monkeypatch.setattr(Consumer, "start", refuse)
    world.ends.known = {EVENTS: 7}
    with pytest.raises(CannotStart, match="does not let the journeys' consumer in again"):
        await world.pass_time(STALL_SECONDS)


@pytest.mark.expects_errors
async def test_signals_that_take_none_of_the_partials_begin_anew_and_then_end_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SignalDesk, "position", property(lambda _desk: 3))
    world.ends.known = {PARTIALS: 5}
    await world.pass_time(STALL_SECONDS)
    assert (world.desk.restarts, world.desk.trouble) == (1, "its consumer has stopped")
    with pytest.raises(CannotStart, match=r"t\.partials: records 3 to 5 wait"):
        await world.pass_time(STALL_SECONDS)


@pytest.mark.expects_errors
async def test_answers_of_quotas_that_do_not_come_though_later_ones_did_are_named_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.ends.known = {EVENTS: 0}
    stage = world.slot.partition.stage
    stage.judge(Verdicts(2, (), ()))
    await world.pass_time(4 * LOOK_SECONDS)
    stage.judge(Verdicts(0, (), ()))
    stage.judge(Verdicts(1, (), ()))
    await world.pass_time(4 * LOOK_SECONDS)
    said = [line for line in capsys.readouterr().out.splitlines() if "verdicts_missing" in line]
    assert len(said) == 1
    assert "[0, 1]" in said[0]


async def deliveries(world: World, taken: int) -> Courier:
    """A partition of the decisions of which so many are written down; the watcher looks at it, too."""
    log, clock = Log(), VirtualClock(TIME)
    courier = Courier(subscribed("http://127.0.0.1:9"), clock, Memory(), log)
    await courier.claim(0)
    log.write(0, *asks(taken))
    await courier.read()
    world.watcher = Watcher(
        world.service, world.desk, world.ends, clock, monotonic=lambda: world.seconds, dispatch=courier.dispatch
    )
    return courier


@pytest.mark.expects_errors
async def test_deliveries_that_take_none_of_the_decisions_begin_anew_and_then_end_the_worker(world: World) -> None:
    courier = await deliveries(world, 2)
    dispatch = courier.dispatch
    world.ends.known = {DECISIONS: 2}
    await world.pass_time(2 * STALL_SECONDS)
    assert dispatch.restarts == 0
    world.ends.known = {DECISIONS: 5}
    await world.pass_time(STALL_SECONDS)
    assert (dispatch.restarts, dispatch.trouble) == (1, {0: "its consumer has stopped"})
    await courier.claim(0)
    assert dispatch.trouble == {}
    assert dispatch.parts[0].read == 2
    with pytest.raises(CannotStart, match=r"decisions:0: records 2 to 5 wait"):
        await world.pass_time(STALL_SECONDS)
    await dispatch.close()


async def test_status_shows_how_far_deliveries_are_behind(world: World) -> None:
    courier = await deliveries(world, 2)
    world.slot.running = False
    world.ends.known = {DECISIONS: 2}
    await world.pass_time(LOOK_SECONDS)
    world.ends.known = {DECISIONS: 5}
    courier.clock.advance(7_000_000)
    await world.pass_time(LOOK_SECONDS)
    report = Reporter(
        world.service.settings, "h", world.service, world.desk, world.watcher, courier.clock, courier.dispatch
    )
    shown = report.status()
    assert shown.decisions == {"0": DecisionsStatus(True, None, 2, 3, 7.0, 2)}
    assert [(one.name, one.pending) for one in shown.receivers] == [("ops", 2)]
    metrics = WorkerMetrics(report).expose("")[0].decode()
    assert 'touchline_decisions_lag_records{partition="0"} 3.0' in metrics
    assert 'touchline_decisions_lag_seconds{partition="0"} 7.0' in metrics
    await courier.dispatch.close()


async def test_deliveries_that_wait_for_their_store_are_not_their_consumers_fault(world: World) -> None:
    courier = await deliveries(world, 2)
    world.ends.known = {DECISIONS: 5}
    courier.dispatch.parts[0].crowd()
    courier.memory.away = True
    await world.pass_time(2 * STALL_SECONDS)
    assert courier.dispatch.restarts == 0
    await courier.die()
