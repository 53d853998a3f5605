"""Watches the worker's consumers: one that stops taking records though some wait is started anew, and said so.

Clients of Kafka have stopped for good after trouble with a broker while their group still counted them in. Nothing
fails then: records wait, and the worker is idle. So somebody else asks the broker where the partitions end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from mode import Service

from streams.errors import CannotStart
from streams.runtime.clock import Clock
from streams.runtime.cluster import security
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.journey_service import JourneyService
from streams.runtime.cluster.progress import Progress, Verdict, Watchdog
from streams.runtime.cluster.signal_agent import SignalDesk

_log = structlog.get_logger()
LOOK_SECONDS = 5.0
_STOOD_STILL_SECONDS = 4 * LOOK_SECONDS
"""Time between two looks beyond which the whole process had stood still, and no consumer is to blame."""
_ANSWER_SECONDS = 10.0
_GIVE_UP = (
    "{}: records {} to {} wait, and a consumer started anew takes none of them either; this worker ends, so that it is"
    " started again"
)


class Ends(Protocol):
    """Knows where partitions end."""

    async def of(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int] | None:
        """Offset behind the last record of each; None when Kafka does not answer."""
        ...

    async def close(self) -> None: ...


class KafkaEnds:
    """Asks Kafka, by a connection of its own."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None

    async def of(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int] | None:
        """Offset behind the last record of each; None when Kafka does not answer."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                if self._consumer is None:
                    consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, **security.kafka().options())
                    self._consumer = consumer
                    await consumer.start()
                found: Mapping[TopicPartition, int] = await self._consumer.end_offsets(list(partitions))
                return found
        except (KafkaError, TimeoutError, OSError):
            await self.close()
            return None

    async def close(self) -> None:
        """Let the connection go."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(consumer.stop(), _ANSWER_SECONDS)


class Watcher(Service):
    """Looks at a worker's consumers every few seconds.

    Parameters
    ----------
    journeys, desk, dispatch
        What is watched.
    ends
        Where partitions end.
    monotonic
        Seconds that only grow; tests hand in others.
    """

    def __init__(
        self,
        journeys: JourneyService,
        desk: SignalDesk,
        ends: Ends,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        dispatch: Dispatch | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.signals = Progress()
        """Of the partials."""
        self._signals_dog = Watchdog()
        self._dogs: dict[TopicPartition, Watchdog] = {}
        self._monotonic = monotonic
        self._journeys = journeys
        self._desk = desk
        self._dispatch = dispatch
        self._ends = ends
        self._clock = clock
        self._partials = TopicPartition(desk.names.partials, 0)
        self._unheard: dict[TopicPartition, list[int]] = {}
        """Numbers of quotas' answers that were missing at the last look."""
        self._told_missing: dict[TopicPartition, list[int]] = {}
        self._rounds = -1
        self._looked_at: float | None = None

    async def on_stop(self) -> None:
        """Let go of Kafka."""
        await self._ends.close()

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except CannotStart as error:
                _log.error("worker_gives_up", error=str(error))
                await self.crash(error)

    async def look(self) -> None:
        """Once. Raises CannotStart when a consumer that was started anew takes nothing either."""
        ends = await self._ends.of([*self._journeys.slots, self._partials, *self._decisions()])
        if ends is None:
            return  # Kafka is away: whoever waits for it does so rightly
        now = self._monotonic()
        stood_still = self._looked_at is not None and now - self._looked_at > _STOOD_STILL_SECONDS
        self._looked_at = now
        await self._look_at_journeys(ends, stood_still)
        self._look_at_signals(ends.get(self._partials), stood_still)
        self._look_at_deliveries(ends, stood_still)

    async def _look_at_journeys(self, ends: Mapping[TopicPartition, int], stood_still: bool) -> None:
        journeys = self._journeys
        asked = journeys.polling or journeys.rounds != self._rounds
        self._rounds = journeys.rounds
        stopped: dict[TopicPartition, str] = {}
        for tp, slot in list(journeys.slots.items()):
            if (end := ends.get(tp)) is None:
                continue
            self._look_for_gaps(tp, slot.partition.stage.unheard)
            read = await journeys.position(tp, slot)
            slot.progress.see(read, end, self._clock.now())
            held_up = stood_still or not slot.running or slot.lock.locked() or not asked
            dog = self._dogs.setdefault(tp, Watchdog())
            verdict = dog.look(self._monotonic(), read, end, held_up=held_up)
            if verdict is Verdict.GIVE_UP:
                raise CannotStart(_GIVE_UP.format(f"events:{tp.partition}", read, end))
            if verdict is Verdict.RESTART:
                stopped[tp] = f"{read} to {end}"
        if stopped:
            _log.error(
                "consumer_stopped",
                consumer="journeys",
                waiting={tp.partition: offsets for tp, offsets in stopped.items()},
            )
            for tp in journeys.slots:
                self._dogs.setdefault(tp, Watchdog()).restarted()
            await journeys.restart()

    def _look_for_gaps(self, tp: TopicPartition, unheard: list[int]) -> None:
        """Say, once for each, which answers of quotas have not come since the last look: their asks wait in vain."""
        missing = [number for number in unheard if number in self._unheard.get(tp, ())]
        if missing and missing != self._told_missing.get(tp):
            _log.error("verdicts_missing", partition=tp.partition, numbers=missing[:10], count=len(missing))
        self._unheard[tp], self._told_missing[tp] = unheard, missing

    def _look_at_signals(self, end: int | None, stood_still: bool) -> None:
        desk = self._desk
        if end is None or desk.position is None:
            return
        read = desk.position
        self.signals.see(read, end, self._clock.now())
        verdict = self._signals_dog.look(self._monotonic(), read, end, held_up=stood_still or desk.busy)
        if verdict is Verdict.GIVE_UP:
            raise CannotStart(_GIVE_UP.format(desk.names.partials, read, end))
        if verdict is Verdict.RESTART:
            _log.error("consumer_stopped", consumer="signals", waiting={0: f"{read} to {end}"})
            self._signals_dog.restarted()
            desk.restart()

    def _decisions(self) -> list[TopicPartition]:
        parts = () if self._dispatch is None else sorted(self._dispatch.parts)
        return [TopicPartition(self._desk.names.decisions, number) for number in parts]

    def _look_at_deliveries(self, ends: Mapping[TopicPartition, int], stood_still: bool) -> None:
        """Faust gives one consumer to all of these and the partials; each partition may fall silent by itself."""
        for tp in self._decisions():
            assert self._dispatch is not None
            part, end = self._dispatch.parts.get(tp.partition), ends.get(tp)
            if part is None or end is None:
                continue
            part.progress.see(part.read, end, self._clock.now())
            dog = self._dogs.setdefault(tp, Watchdog())
            held_up = stood_still or part.leaving or part.crowded
            verdict = dog.look(self._monotonic(), part.read, end, held_up=held_up)
            if verdict is Verdict.GIVE_UP:
                raise CannotStart(_GIVE_UP.format(f"decisions:{tp.partition}", part.read, end))
            if verdict is Verdict.RESTART:
                waiting = {tp.partition: f"{part.read} to {end}"}
                _log.error("consumer_stopped", consumer="deliveries", waiting=waiting)
                dog.restarted()
                self._dispatch.restart(tp.partition)
