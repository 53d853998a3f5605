"""Follows the topics of decisions and dead letters into a door's index, from a day ago on; belongs to no group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.errors import CannotStart
from streams.runtime.cluster import security, topics
from streams.runtime.cluster.addresses import SEQUENCE, SOURCE
from streams.runtime.cluster.door_index import MOST_DECISIONS, MOST_LETTERS, DoorIndex
from streams.runtime.cluster.topics import Names
from streams.runtime.service import Published

_log = structlog.get_logger("door")
_LOOK_BACK_MS = 24 * 3600 * 1000
_WAIT_MS = 500
_RETRY_S = 2.0
_TURN = 500
"""Records taken at a stretch before requests have their turn."""


class Follower:
    """Runs between `start` and `stop`.

    Parameters
    ----------
    published
        Hears of every decision that was not known, in order of arrival.
    now
        UTC epoch microseconds.
    """

    def __init__(
        self,
        kafka: str,
        names: Names,
        index: DoorIndex,
        published: Callable[[list[Published]], None],
        now: Callable[[], int],
    ) -> None:
        self._kafka = kafka
        self._names = names
        self._index = index
        self._published = published
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._letter_partitions = 1

    async def start(self) -> None:
        """Begin; what is there is read before long."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                **security.kafka().options(),
            )
            try:
                await consumer.start()
                await self._begin(consumer)
                while True:
                    for batch in (await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_TURN)).values():
                        self.take(batch)
                    await asyncio.sleep(0)
            except (KafkaError, OSError, CannotStart) as error:
                _log.warning("decisions_not_followed", error=type(error).__name__)
            finally:
                await consumer.stop()
            await asyncio.sleep(_RETRY_S)

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        tps = []
        async with topics.admin(self._kafka) as client:
            for topic in (self._names.decisions, self._names.dead_letters):
                count = await topics.partition_count(client, topic) or 1
                tps += [TopicPartition(topic, number) for number in range(count)]
                if topic == self._names.dead_letters:
                    self._letter_partitions = count
        consumer.assign(tps)
        ends, starts = await consumer.end_offsets(tps), await consumer.beginning_offsets(tps)
        since = self._now() // 1000 - _LOOK_BACK_MS
        found = await consumer.offsets_for_times(dict.fromkeys(tps, since))
        for tp in tps:
            most = MOST_LETTERS if tp.topic == self._names.dead_letters else MOST_DECISIONS
            # Dead letters are few, and held until somebody has seen to them.
            at = starts[tp] if tp.topic == self._names.dead_letters else ends[tp]
            if tp.topic == self._names.decisions and found.get(tp) is not None:
                at = found[tp].offset
            consumer.seek(tp, max(at, starts[tp], ends[tp] - most))

    def take(self, batch: list[ConsumerRecord]) -> None:
        """Records of one partition, in order."""
        new = []
        for record in batch:
            if record.value is None:
                continue
            headers = dict(record.headers)
            if record.topic == self._names.dead_letters:
                self._hold(record, headers)
                continue
            source, number = headers.get(SOURCE), headers.get(SEQUENCE)
            if source is None or number is None:
                continue  # not one of ours
            published = self._index.take(source.decode(), record.partition, int(number), record.value)
            if published is not None:
                new.append(published)
        if new:
            self._published(new)

    def _hold(self, record: ConsumerRecord, headers: dict[str, bytes]) -> None:
        self._index.hold(
            record.offset * self._letter_partitions + record.partition,
            int(headers.get("__connect.errors.offset", b"0")),
            record.timestamp * 1000,
            headers.get("__connect.errors.exception.class.name", b"").decode(),
            headers.get("__connect.errors.exception.message", b"").decode(),
            record.value,
        )
