"""From the door into Kafka: nothing is said to be taken before it is, and senders hear what to do when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, RecordTooLargeError  # type: ignore[import-untyped]
from structlog.testing import capture_logs

from streams import codec, reasons
from streams.codec import Rejection
from streams.errors import CannotStart
from streams.keys import bucket
from streams.model import Event
from streams.partitioner import key_of
from streams.runtime.clock import VirtualClock
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.intake import CONTENT_TYPE, Intake, Limits, addressed
from streams.runtime.problems import Problem
from tests.cluster.memory_producer import MemoryProducer

NOW = 1_772_866_800_000_000
PATIENT = Limits(probe_seconds=0.001)
IMPATIENT = Limits(acknowledge_seconds=0.01, probe_seconds=0.001, goodbye_seconds=0.01)


def record(name: str = "e-1", subject: str | None = "c-17") -> bytes:
    return codec.encode(Event(id=name, source="shop", type="cart.updated", subject=subject))


REFUSED = codec.refuse(b"{", Rejection(reasons.NOT_JSON, "record: expected one JSON object"))


@asynccontextmanager
async def started(*producers: MemoryProducer, limits: Limits = PATIENT) -> AsyncIterator[Intake]:
    """An intake that takes these producers, one after the other."""
    waiting = iter(producers)
    intake = Intake(lambda: next(waiting), "touchline.events", VirtualClock(NOW), limits)
    await intake.start()
    try:
        yield intake
    finally:
        await intake.stop()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def refusal(intake: Intake, *bodies: bytes) -> Problem:
    """The problem a request meets; every one says when to come back."""
    with pytest.raises(Problem) as met:
        await intake.submit(bodies or [record()])
    assert int(met.value.headers["Retry-After"]) > 0
    return met.value


def test_key_of_an_event_is_its_customer_trimmed_and_in_nfc() -> None:
    assert addressed(record(subject=" c-e\u0301 ")) == ("c-\u00e9".encode(), False)


def test_key_of_an_event_without_customer_is_the_bucket_its_ids_are_remembered_in() -> None:
    event = Event(id="e-1", source="shop", type="store.opened")
    assert addressed(codec.encode(event)) == (bucket(event.source, event.id).encode(), False)
    assert bucket(event.source, event.id).encode() == key_of(None, "shop", "e-1")


def test_refused_records_are_ours_and_spread_over_the_partitions() -> None:
    wrapped = [codec.refuse(b"%d" % n, Rejection(reasons.NOT_JSON, "record: no")) for n in range(50)]
    keys = {addressed(body)[0] for body in wrapped}
    assert all(addressed(body)[1] for body in wrapped)
    assert len(keys) > 40


def test_a_record_that_cannot_be_read_is_not_ours() -> None:
    assert addressed(b"{")[1] is False


async def test_records_go_out_in_order_with_their_keys_and_only_refused_ones_are_internal() -> None:
    producer = MemoryProducer()
    async with started(producer) as intake:
        await intake.submit([record("e-1"), REFUSED, record("e-2", None)])
        assert (intake.accepted, intake.refused, intake.waiting_records, intake.waiting_bytes) == (2, 1, 0, 0)
    assert [sent.body for sent in producer.sent] == [record("e-1"), REFUSED, record("e-2", None)]
    assert [sent.key for sent in producer.sent][::2] == [b"c-17", key_of(None, "shop", "e-2")]
    assert [sent.headers for sent in producer.sent] == [[CONTENT_TYPE], [CONTENT_TYPE, INTERNAL], [CONTENT_TYPE]]


async def test_the_answer_waits_for_the_last_acknowledgement() -> None:
    producer = MemoryProducer()
    producer.acknowledges = False
    async with started(producer) as intake:
        request = asyncio.create_task(intake.submit([record("e-1"), record("e-2")]))
        await until(lambda: len(producer.sent) == 2)
        producer.sent[1].done.set_result(None)
        await until(lambda: intake.waiting_records == 1)
        assert not request.done()
        producer.settle()
        await request


async def test_without_acknowledgement_in_time_the_sender_is_told_to_send_again() -> None:
    producer = MemoryProducer()
    producer.acknowledges = False
    async with started(producer, limits=IMPATIENT) as intake:
        problem = await refusal(intake)
        assert (problem.status, problem.name) == (503, "unacknowledged")
        assert "same ids" in problem.detail
        assert intake.trouble == "Kafka acknowledges nothing"
        assert (intake.accepted, intake.waiting_records) == (0, 1)
        producer.settle()
        await until(lambda: intake.trouble is None)
        assert intake.waiting_records == intake.waiting_bytes == 0


async def test_too_much_that_waits_is_refused_before_anything_is_sent() -> None:
    producer = MemoryProducer()
    producer.acknowledges = False
    async with started(producer, limits=Limits(records=3)) as intake:
        first = asyncio.create_task(intake.submit([record("e-1"), record("e-2")]))
        await until(lambda: len(producer.sent) == 2)
        problem = await refusal(intake, record("e-3"), record("e-4"))
        assert (problem.status, problem.name) == (429, "busy")
        assert len(producer.sent) == 2
        producer.settle()
        await first
        producer.acknowledges = True
        await intake.submit([record("e-3"), record("e-4")])


async def test_bytes_that_wait_are_bounded_too() -> None:
    producer = MemoryProducer()
    producer.acknowledges = False
    async with started(producer, limits=Limits(bytes=len(record()) + 1)) as intake:
        first = asyncio.create_task(intake.submit([record()]))
        await producer.handed_over.wait()
        assert (await refusal(intake)).status == 429
        producer.settle()
        await first


async def test_a_request_larger_than_the_bound_passes_while_nothing_waits() -> None:
    producer = MemoryProducer()
    async with started(producer, limits=Limits(records=2)) as intake:
        await intake.submit([record(f"e-{n}") for n in range(500)])
        assert intake.accepted == 500


async def test_a_large_request_lets_others_have_their_turn() -> None:
    producer = MemoryProducer()
    async with started(producer) as intake:
        large = asyncio.create_task(intake.submit([record(f"e-{n}") for n in range(1_000)]))
        await producer.handed_over.wait()
        assert len(producer.sent) < 1_000
        await large


@pytest.mark.parametrize("fault", [OutOfOrderSequenceNumber(), RecordTooLargeError()])
async def test_a_producer_that_lost_a_record_is_replaced(fault: KafkaError) -> None:
    first, second = MemoryProducer(), MemoryProducer()
    first.fails = fault
    async with started(first, second) as intake:
        problem = await refusal(intake)
        assert (problem.status, problem.name) == (503, "unacknowledged")
        await until(lambda: intake.trouble is None)
        await intake.submit([record()])
        assert (first.running, intake.accepted, intake.waiting_records) == (False, 1, 0)
    assert len(second.sent) == 1


async def test_a_record_that_is_lost_after_its_request_was_answered_replaces_the_producer_too() -> None:
    first, second = MemoryProducer(), MemoryProducer()
    first.acknowledges = False
    async with started(first, second, limits=IMPATIENT) as intake:
        await refusal(intake)
        first.settle(OutOfOrderSequenceNumber())
        await until(lambda: second.running and intake.trouble is None)
        assert intake.waiting_records == 0


async def test_nothing_is_taken_until_the_old_producer_has_ended_and_a_new_one_is_there() -> None:
    first, unable, second = MemoryProducer(), MemoryProducer(), MemoryProducer()
    first.refuses = OutOfOrderSequenceNumber()
    first.lets_go.clear()
    unable.starts = False
    async with started(first, unable, second) as intake:
        assert (await refusal(intake)).name == "unacknowledged"
        assert intake.waiting_records == intake.waiting_bytes == 0
        problem = await refusal(intake)
        assert (problem.status, problem.name) == (503, "log_away")
        assert "Nothing was taken" in problem.detail
        first.lets_go.set()
        await until(lambda: second.running)
        await until(lambda: intake.trouble is None)


async def test_while_kafka_does_not_answer_nothing_is_sent_and_it_goes_on_by_itself() -> None:
    producer = MemoryProducer()
    with capture_logs() as said:
        await _goes_and_comes_back(producer)
    assert [line["event"] for line in said] == ["kafka_away", "kafka_back"]
    assert len(producer.sent) == 1


async def _goes_and_comes_back(producer: MemoryProducer) -> None:
    async with started(producer) as intake:
        producer.there = False
        await until(lambda: intake.trouble == "Kafka does not answer")
        assert (await refusal(intake)).name == "log_away"
        assert not producer.sent
        producer.there = True
        await until(lambda: intake.trouble is None)
        await intake.submit([record()])


async def test_a_door_that_closes_takes_nothing_more() -> None:
    producer = MemoryProducer()
    async with started(producer) as intake:
        await intake.stop()
        assert (await refusal(intake)).detail.startswith("Nothing was taken: the door is closing")
    assert not producer.running


async def test_a_door_that_closes_does_not_wait_for_kafka_for_ever() -> None:
    producer = MemoryProducer()
    producer.lets_go.clear()
    async with started(producer, limits=IMPATIENT) as intake:
        await intake.stop()
    assert producer.running, "the producer ended by itself: this test shows nothing"


async def test_a_kafka_that_cannot_be_written_to_is_said_at_the_start() -> None:
    producer = MemoryProducer()
    producer.starts = False
    with pytest.raises(CannotStart, match="--kafka"):
        async with started(producer):
            pass
