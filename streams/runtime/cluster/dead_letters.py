"""The dead letters of a cluster: read from their topic, sent through the log again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.errors import CannotStart, InputError
from streams.runtime.cluster import security, topics
from streams.runtime.cluster.intake import CONTENT_TYPE, addressed
from streams.runtime.cluster.relay import producer
from streams.runtime.cluster.topics import Names
from streams.units import format_time

_CONNECT = "__connect.errors."
_WAIT_MS = 500


class Letter(msgspec.Struct, frozen=True):
    """A dead letter as it stands in `touchline.events.dlq`."""

    id: int
    """Its offset in that topic."""
    time: str
    """When it was written, by Kafka's clock."""
    topic: str
    partition: str
    offset: str
    """Where the record was that could not be taken."""
    reason: str
    message: str
    body: bytes
    """Its original bytes."""


async def letters(kafka: str, names: Names, *, last: int | None = None, reason: str | None = None) -> list[Letter]:
    """The dead letters, oldest first; of a reason, the `last` ones. Raises CannotStart."""
    found = [letter async for letter in _read(kafka, names, last if reason is None else None)]
    if reason is not None:
        found = [letter for letter in found if letter.reason == reason]
    return found if last is None else found[-last:] if last else []


async def letter_of(kafka: str, names: Names, number: int) -> Letter:
    """One of them. Raises CannotStart, InputError."""
    async for letter in _read(kafka, names, None, number):
        if letter.id == number:
            return letter
        break
    raise InputError(f"{names.dead_letters}: no dead letter {number}; `touchline dlq list --kafka` shows them")


async def redrive(kafka: str, names: Names, chosen: Sequence[Letter]) -> list[tuple[int, int]]:
    """Append their bytes to the log, as if they had just come; (partition, offset) of each. Raises CannotStart."""
    sender = producer(kafka)
    places = []
    try:
        await sender.start()
        for letter in chosen:
            key, _ = addressed(letter.body)
            done = await sender.send_and_wait(names.events, letter.body, key=key, headers=[CONTENT_TYPE])
            places.append((done.partition, done.offset))
    except KafkaError as error:
        raise CannotStart(
            f"Kafka did not take it ({type(error).__name__}); {len(places)} of {len(chosen)} are in the log again"
        ) from None
    finally:
        await sender.stop()
    return places


async def _read(kafka: str, names: Names, last: int | None, start: int | None = None) -> AsyncIterator[Letter]:
    async with topics.admin(kafka) as client:
        if await topics.partition_count(client, names.dead_letters) is None:
            raise CannotStart(f"Kafka at {kafka} has no topic {names.dead_letters}; is --name right?")
    tp = TopicPartition(names.dead_letters, 0)
    consumer = AIOKafkaConsumer(**security.kafka().options(), bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([tp])
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        if start is not None and not begin <= start < end:
            return
        at = start if start is not None else begin if last is None else max(begin, end - last)
        consumer.seek(tp, at)
        while at < end:
            for batch in (await consumer.getmany(tp, timeout_ms=_WAIT_MS)).values():
                for record in batch:
                    if record.offset < end:
                        yield _letter(record)
            at = await consumer.position(tp)
    finally:
        await consumer.stop()


def _letter(record: ConsumerRecord) -> Letter:
    said: dict[str, str] = {
        name: value.decode("utf-8", "replace") for name, value in record.headers if value is not None
    }

    def header(name: str) -> str:
        return said.get(_CONNECT + name, "-")

    return Letter(
        id=record.offset,
        time=format_time(record.timestamp * 1000),
        topic=header("topic"),
        partition=header("partition"),
        offset=header("offset"),
        reason=header("exception.class.name"),
        message=header("exception.message"),
        body=record.value or b"",
    )
