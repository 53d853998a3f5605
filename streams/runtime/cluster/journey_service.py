"""JourneyStage inside a Faust worker: its own consumer group, micro-batches, one commit to Redis per batch.

Faust's cost per record is for the few derived ones; events come through aiokafka's `getmany` (engine notes 1).
Kafka's group offset is `low` and serves the lag display only; where a partition goes on is in its head.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import structlog
from aiokafka import OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]
from aiokafka.abc import ConsumerRebalanceListener  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from mode import Service

from streams.brake import Brake, BrakeState
from streams.codec import encode
from streams.errors import CannotStart
from streams.model import Event, Record
from streams.runtime.clock import Clock
from streams.runtime.cluster import security
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.log_consumer import LogConsumer
from streams.runtime.cluster.partition import Partition
from streams.runtime.cluster.progress import Progress
from streams.runtime.cluster.redis_store import DOWN, Outcome, PartitionStore
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.topics import Names
from streams.runtime.latency import Latency
from streams.runtime.rate import Rate
from streams.stages.journey import CONFIG_ACTIVATED, TIME_ADVANCED
from streams.units import format_time

_log = structlog.get_logger()
_POLL_MS = 200
_FETCH_BYTES = 2_000_000
"""Of a partition at once, at most: in a backlog each batch is then a whole one. All together have aiokafka's 50 MB."""
_REVOKE_LIMIT_S = 10.0
_RETRY_S = 1.0
_STOP_LIMIT_S = 10.0
_REPORT_S = 2.0
_LOOK_S = 0.2
_RULES_S = 5.0
_IDLE_STEP = 1_000_000


class Settings(msgspec.Struct, frozen=True):
    """What a worker needs to know."""

    kafka: str
    """host:port[,host:port…]"""
    redis: str
    """redis://host:port/db"""
    name: str = "touchline"
    """Of the installation: prefix of its topics and consumer groups."""
    instance: str | None = None
    """Static membership: a name that stays over restarts of this worker."""
    batch: int = 4000
    """Records per partition and commit, at most."""
    keep: int = 200_000
    """Customers' states in memory, per partition."""
    session_s: int = 20
    """Seconds without a heartbeat after which the others take a worker's partitions over."""


def heartbeat_seconds(session_s: float) -> float:
    """Time between two signs of life. A member hears of a rebalance by the answer, and the others wait for it."""
    return min(1.0, session_s * 0.15)


class Slot:
    """One assigned partition and how it is doing."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.lock = asyncio.Lock()
        """Held from the first touch of a batch to its commit; never across a wait for records."""
        self.revoked = False
        self.running = False
        self.lost = False
        """Another owner has it: claimed again only once the group accepts an offset of ours."""
        self.trouble: str | None = None
        self.superseded = False
        """It stands under a newer file than ours, and that was said."""
        self.retry_at = 0.0
        self.busy_at = 0
        """Clock of the last record from outside."""
        self.told_at = 0
        """Clock of the last `touchline.time.advanced` of ours."""
        self.progress = Progress()
        self.brake = BrakeState(Brake())


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, service: JourneyService) -> None:
        self._service = service

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._service.revoke(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._service.assign(assigned)


class JourneyService(Service):
    """Runs the stage of every partition this worker is assigned."""

    def __init__(
        self,
        settings: Settings,
        rulebook: Rulebook,
        connections: Connections,
        clock: Clock,
        partitions: int,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings = settings
        self._names = Names(settings.name)
        self.slots: dict[TopicPartition, Slot] = {}
        self._rulebook = rulebook
        self._connections = connections
        self._clock = clock
        self._partitions = partitions
        self._consumer: LogConsumer | None = None
        self._reported_at = 0.0
        self._looked_at = 0.0
        self._ruled_at = 0.0
        self._began = clock.now()
        self.joined = False
        """The group has said once which partitions are ours."""
        self.rebalances = 0
        self.restarts = 0
        """Consumers started anew."""
        self.rounds = 0
        """Times the consumer was asked for records and answered, with some or none."""
        self.polling = False
        """It is being asked now."""
        self.rate = Rate()
        """Records taken."""
        self.latency = Latency()
        """From the log's reception to the commit, of records received since the start."""

    async def on_start(self) -> None:
        """Join the group."""
        self._consumer = self._make_consumer()
        self._consumer.subscribe([self._names.events], listener=_Listener(self))
        await self._consumer.start()

    def _make_consumer(self) -> LogConsumer:
        return LogConsumer(
            **security.kafka().options(),
            bootstrap_servers=self.settings.kafka,
            group_id=f"{self.settings.name}-journeys",
            group_instance_id=self.settings.instance,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_poll_records=self.settings.batch,
            fetch_max_wait_ms=_POLL_MS,
            max_partition_fetch_bytes=_FETCH_BYTES,
            session_timeout_ms=self.settings.session_s * 1000,
            heartbeat_interval_ms=round(1000 * heartbeat_seconds(self.settings.session_s)),
        )

    async def restart(self) -> None:
        """Another consumer in place of one that has stopped. Raises CannotStart when Kafka does not let it in."""
        self.restarts += 1
        await self.revoke(list(self.slots))
        old, self.joined = self._consumer, False
        assert old is not None
        try:
            await asyncio.wait_for(old.stop(), _STOP_LIMIT_S)
        except (TimeoutError, KafkaError) as error:
            _log.warning("consumer_abandoned", error=type(error).__name__)
        try:
            await self.on_start()
        except KafkaError as error:
            raise CannotStart(f"Kafka does not let the journeys' consumer in again: {type(error).__name__}") from error

    async def on_stop(self) -> None:
        """Finish the batch, let what is committed leave, leave the group."""
        if self._consumer is not None:
            await self.revoke(list(self.slots), drain_s=5.0)
            await self._consumer.stop()

    # -- rebalances ----------------------------------------------------------------------------------------------

    def assign(self, assigned: Iterable[TopicPartition]) -> None:
        """Take these over: the loop opens them; nothing is fetched before."""
        assert self._consumer is not None
        self.joined = True
        self.rebalances += 1
        for tp in assigned:
            store = PartitionStore(self._connections.redis, f"events:{tp.partition}")
            self.slots[tp] = Slot(
                Partition(
                    tp.partition,
                    self._partitions,
                    store,
                    self._connections.sender,
                    self._rulebook,
                    self._names,
                    self.settings.keep,
                )
            )
            self._consumer.pause(tp)
        _log.info("partitions_assigned", partitions=sorted(tp.partition for tp in self.slots))

    async def revoke(self, revoked: Iterable[TopicPartition], drain_s: float = 1.0) -> None:
        """Wait, bounded, for the running batches and their commits; then forget these partitions."""
        gone = [(tp, slot) for tp in revoked if (slot := self.slots.pop(tp, None)) is not None]
        for _, slot in gone:
            slot.revoked = True
        # All at once: the group waits for the slowest member, and nobody commits meanwhile.
        await asyncio.gather(*(self._give_up(tp, slot, drain_s) for tp, slot in gone))

    async def _give_up(self, tp: TopicPartition, slot: Slot, drain_s: float) -> None:
        try:
            await asyncio.wait_for(slot.lock.acquire(), _REVOKE_LIMIT_S)
        except TimeoutError:
            _log.warning("batch_abandoned", partition=tp.partition, after_s=_REVOKE_LIMIT_S)
        else:
            await slot.partition.relay.drained(drain_s)
        with contextlib.suppress(*DOWN):
            await slot.partition.close()

    # -- the loop ------------------------------------------------------------------------------------------------

    @Service.task
    async def _consume(self) -> None:
        while not self.should_stop:
            consumer = self._consumer
            assert consumer is not None
            now = time.monotonic()
            shut = [(tp, slot) for tp, slot in self.slots.items() if not slot.running and now >= slot.retry_at]
            await asyncio.gather(*(self._open(tp, slot) for tp, slot in shut))
            self.polling = True
            try:
                batches = await consumer.take(timeout_ms=_POLL_MS, most=self.settings.batch)
            except ConsumerStoppedError:
                await asyncio.sleep(_POLL_MS / 1000)
                continue  # another takes its place
            except NoOffsetForPartitionError:
                continue  # a partition whose group never committed; it is positioned when it opens
            except OffsetOutOfRangeError as error:
                await self._out_of_log(error)
                continue
            except KafkaError as error:
                _log.warning("kafka_unavailable", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
                continue
            finally:
                self.polling = False
            self.rounds += 1
            await asyncio.gather(*(self._take(tp, batches[tp]) for tp in batches))
            await self._look()
            await self._look_at_rules()
            await self._advance_time()
            await self._report()

    async def _open(self, tp: TopicPartition, slot: Slot) -> None:
        """Claim a partition, load it, go to where it has to be read."""
        consumer = self._consumer
        assert consumer is not None
        async with slot.lock:
            if slot.revoked:
                return
            try:
                if slot.lost and not await self._accepted(tp, slot):
                    slot.retry_at = time.monotonic() + _RETRY_S
                    return
                start = (await consumer.beginning_offsets([tp]))[tp]
                if start and await slot.partition.store.peek() is None and await consumer.committed(tp) is not None:
                    raise CannotStart(
                        f"events:{tp.partition}: this group has read it before, but Redis holds no state for it "
                        f"and the log now begins at {start}; restore Redis from a backup younger than the log"
                    )
                await slot.partition.open(start=start)
                await self._name_rules(tp, slot)
                self._go_on(tp, slot)
            except DOWN as error:
                self._fail(tp, slot, f"store: {type(error).__name__}")
            except KafkaError as error:
                self._fail(tp, slot, f"kafka: {type(error).__name__}")
            except CannotStart as error:
                _log.error("partition_stopped", partition=tp.partition, error=str(error))
                await self.crash(error)

    def _go_on(self, tp: TopicPartition, slot: Slot) -> None:
        assert self._consumer is not None
        if slot.revoked:
            return
        head = slot.partition.store.head
        try:
            self._consumer.seek(tp, head.low)
            self._consumer.resume(tp)
        except IllegalStateError:
            return  # no longer ours; the revocation is on its way
        slot.running, slot.lost, slot.trouble = True, False, None
        slot.busy_at = self._clock.now()
        _log.info(
            "partition_opened",
            partition=tp.partition,
            epoch=head.epoch,
            read=head.read,
            low=head.low,
            outbox=slot.partition.relay.depth,
        )

    def _fail(self, tp: TopicPartition, slot: Slot, trouble: str) -> None:
        """Pause; the loop keeps polling, so that the group keeps us, and opens the partition again."""
        assert self._consumer is not None
        slot.running = False
        slot.retry_at = time.monotonic() + _RETRY_S
        with contextlib.suppress(IllegalStateError):
            self._consumer.pause(tp)
        if slot.trouble != trouble:
            slot.trouble = trouble
            _log.warning("partition_paused", partition=tp.partition, reason=trouble)

    async def _accepted(self, tp: TopicPartition, slot: Slot) -> bool:
        """Whether the coordinator takes an offset from us now: then the group still means us to own it."""
        assert self._consumer is not None
        try:
            await self._consumer.commit({tp: OffsetAndMetadata(slot.partition.store.head.low, "")})
        except (CommitFailedError, IllegalStateError, KafkaError):
            return False
        return True

    async def _name_rules(self, tp: TopicPartition, slot: Slot) -> None:
        """A changed file holds from a place in the log on: write that place. Raises one of the store's DOWN."""
        wanted, held = self._rulebook.current.hash, slot.partition.stage.config_hash
        if held == wanted:
            return
        if await self._rulebook.gives_way(held, self._clock.now()):
            await self._write(tp, CONFIG_ACTIVATED, {"hash": wanted})
        elif not slot.superseded:
            slot.superseded = True
            _log.warning("file_superseded", partition=tp.partition, ours=wanted, follows=held)

    async def _look_at_rules(self) -> None:
        """A record of ours may be lost, and a newer file may come out of use."""
        if time.monotonic() - self._ruled_at < _RULES_S:
            return
        self._ruled_at = time.monotonic()
        with contextlib.suppress(*DOWN):
            for tp, slot in list(self.slots.items()):
                if slot.running:
                    await self._name_rules(tp, slot)

    async def _take(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """One batch: process, commit, and on a lost race do what exactness rule 6 says."""
        slot = self.slots.get(tp)
        if slot is None or not slot.running:
            return
        async with slot.lock:
            if slot.revoked or not slot.running:
                return
            partition = slot.partition
            await partition.relay.room()
            if slot.revoked:
                return  # it stayed full until the partition was taken away
            if any(not record.internal for record in records):
                slot.busy_at = self._clock.now()
            began = time.monotonic()
            try:
                outcome = await partition.take(records)
                if outcome is Outcome.RELOAD:
                    await partition.rebuild()
                    self._go_on(tp, slot)
            except DOWN as error:
                self._fail(tp, slot, f"store: {type(error).__name__}")
                return
            if outcome is Outcome.LOST:
                slot.lost = True
                await partition.relay.stop()
                self._fail(tp, slot, "another owner")
                return
            if outcome is Outcome.DONE:
                self._note(slot, records)
                self._brake(tp, slot, records)
            if len(records) > 1:
                head = partition.store.head
                _log.debug(
                    "batch_processed",
                    partition=tp.partition,
                    events=len(records),
                    read=head.read,
                    low=head.low,
                    seconds=round(time.monotonic() - began, 4),
                )

    def _brake(self, tp: TopicPartition, slot: Slot, records: Sequence[Record]) -> None:
        """When almost everything is invalid, read no further for a while: what follows stays in the log."""
        now = self._clock.now()
        read = [record.offset for record in records if not record.internal]
        slot.brake.take(now, read, slot.partition.invalid)
        reason = slot.brake.reason(now)
        if reason is not None:
            self._fail(tp, slot, f"brake: {reason}")
            slot.retry_at = time.monotonic() + slot.brake.policy.pause / 1e6

    async def _out_of_log(self, error: OffsetOutOfRangeError) -> None:
        """A stored position that the log no longer, or not yet, holds: stop, name both ends."""
        assert self._consumer is not None
        for tp, wanted in error.args[0].items():
            first = (await self._consumer.beginning_offsets([tp]))[tp]
            end = (await self._consumer.end_offsets([tp]))[tp]
            stop = CannotStart(
                f"events:{tp.partition}: its position is {wanted}, the log holds {first} to {end}; events between are "
                "gone: restore the topic, or a Redis backup that fits it"
            )
            _log.error("partition_stopped", partition=tp.partition, error=str(stop))
            await self.crash(stop)

    def _note(self, slot: Slot, records: Sequence[Record]) -> None:
        """They are committed."""
        self.rate.count(len(records))
        slot.progress.took(records[-1].offset + 1, records[-1].log_time)
        now = self._clock.now()
        received = Counter([record.log_time for record in records if not record.internal])
        for log_time, count in received.items():
            if log_time is not None and log_time >= self._began:
                self.latency.observe((now - log_time) / 1e6, count)

    # -- time and lag --------------------------------------------------------------------------------------------

    async def position(self, tp: TopicPartition, slot: Slot) -> int:
        """Offset of the next record to take: past those that Kafka keeps for itself, such as ends of transactions."""
        read = slot.partition.stage.read
        if self._consumer is None or slot.lock.locked():
            return read
        try:
            return max(read, int(await asyncio.wait_for(self._consumer.position(tp), _RETRY_S)))
        except (IllegalStateError, KafkaError, TimeoutError):
            return read

    async def _look(self) -> None:
        """Note how far each partition has come, as far as its last fetch tells."""
        assert self._consumer is not None
        if time.monotonic() - self._looked_at < _LOOK_S:
            return
        self._looked_at = time.monotonic()
        for tp, slot in list(self.slots.items()):
            if slot.running:
                end = self._consumer.highwater(tp)
                slot.progress.see(await self.position(tp, slot), end, self._clock.now())

    async def _advance_time(self) -> None:
        """Write the clock into partitions that were read to the end and got nothing for `idle_after`."""
        assert self._consumer is not None
        now = self._clock.now()
        idle_after = self._rulebook.current.config.idle_after
        for tp, slot in list(self.slots.items()):
            if not slot.running or now - slot.busy_at < idle_after or now - slot.told_at < _IDLE_STEP:
                continue
            end = self._consumer.highwater(tp)
            if end is not None and slot.partition.stage.read >= end:
                slot.told_at = now
                await self._write(tp, TIME_ADVANCED, None)

    async def _write(self, tp: TopicPartition, event_type: str, data: dict[str, str] | None) -> None:
        """A record of our own into the log; nobody waits for it, a lost one is written again."""
        now = self._clock.now()
        event = Event(id=f"{tp.partition}-{now}", source="touchline", type=event_type, time=format_time(now), data=data)
        with contextlib.suppress(KafkaError):
            await self._connections.sender.send(tp.topic, encode(event), partition=tp.partition, headers=[INTERNAL])

    async def _report(self) -> None:
        """Tell the group our `low`, for lag displays."""
        assert self._consumer is not None
        if time.monotonic() - self._reported_at < _REPORT_S:
            return
        self._reported_at = time.monotonic()
        lows = {
            tp: OffsetAndMetadata(slot.partition.store.head.low, "") for tp, slot in self.slots.items() if slot.running
        }
        if lows:
            with contextlib.suppress(CommitFailedError, IllegalStateError, KafkaError):
                await self._consumer.commit(lows)
