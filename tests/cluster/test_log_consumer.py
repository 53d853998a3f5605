"""Records of the log come to the stage as it takes them, by whichever way aiokafka hands them over."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition  # type: ignore[import-untyped]
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords  # type: ignore[import-untyped]
from aiokafka.record.default_records import DefaultRecordBatchBuilder  # type: ignore[import-untyped]
from aiokafka.record.memory_records import MemoryRecords  # type: ignore[import-untyped]
from aiokafka.structs import ConsumerRecord  # type: ignore[import-untyped]

from streams import codec
from streams.model import Record
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.log_consumer import LogConsumer

TP = TopicPartition("events", 3)
PLAIN: list[tuple[str, bytes]] = []
SENT = [
    (b'{"specversion":"1.0"}', PLAIN),
    (b'{"specversion":\n"1.0"}', [("content-type", b"application/cloudevents+json")]),
    (b'{"type":"touchline.time.advanced"}', [INTERNAL]),
    (b'{"amount":1}', [("ce_id", b"e-1"), ("ce_type", b"order.completed"), ("content-type", b"application/json")]),
    (None, PLAIN),
]
FIRST_OFFSET = 40
LOG_TIME_MS = 1_767_225_600_123


def fetched(sent: Sequence[tuple[bytes | None, list[tuple[str, bytes]]]]) -> FetchResult:
    """A fetch of the installed aiokafka, from the bytes of a log."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for number, (value, headers) in enumerate(sent):
        builder.append(FIRST_OFFSET + number, LOG_TIME_MS, b"c-1", value, headers)
    records = PartitionRecords(TP, MemoryRecords(bytes(builder.build())), [], FIRST_OFFSET, None, None, True, 0)
    state = SimpleNamespace(paused=False, position=FIRST_OFFSET, consumed_to=lambda _: None)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    return FetchResult(TP, assignment=assignment, partition_records=records, backoff=0.0)


class Consumer(LogConsumer):
    """One whose fetches are made here; nothing is connected."""

    def __init__(self, at_once: list[Any], later: dict[TopicPartition, list[Any]] | None = None) -> None:
        self._fetcher = SimpleNamespace(_records=dict(zip([TP], at_once, strict=False)))
        self.later = later or {}
        self._closed = True

    async def getmany(
        self, *_: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        """What was fetched; after a wait, what came then."""
        found = {tp: result.getall(max_records) for tp, result in getattr(self._fetcher, "_records", {}).items()}
        return found or (self.later if timeout_ms else {})

    def __del__(self) -> None:
        """There is nothing to close."""


def as_consumer_records() -> list[ConsumerRecord]:
    """The same as aiokafka makes them by itself."""
    return list(fetched(SENT).getall())


async def test_what_was_fetched_is_unpacked_straight_into_records_of_the_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def detour(*_: object) -> None:
        raise AssertionError("aiokafka made its own object of a record")

    monkeypatch.setattr(PartitionRecords, "_consumer_record", detour)
    taken = (await Consumer([fetched(SENT)]).take(timeout_ms=200, most=100))[TP]
    assert [record.offset for record in taken] == [40, 41, 42, 43, 44]
    assert {record.log_time for record in taken} == {LOG_TIME_MS * 1000}
    assert [record.internal for record in taken] == [False, False, True, False, False]
    assert taken[0].body == SENT[0][0]
    assert taken[1].body == b'{"specversion":"1.0"}'
    assert isinstance(taken[3].body, bytes)
    assert b'"data":{"amount":1}' in taken[3].body
    assert isinstance(taken[4].body, bytes)
    assert isinstance(codec.decode(taken[4].body), codec.Rejection)


async def test_what_comes_during_the_wait_is_the_same() -> None:
    at_once = await Consumer([fetched(SENT)]).take(timeout_ms=200, most=100)
    waited = await Consumer([], {TP: as_consumer_records()}).take(timeout_ms=200, most=100)
    assert waited == at_once
    assert all(type(record) is Record for record in waited[TP])


async def test_a_fetch_taken_in_two_goes_loses_nothing() -> None:
    consumer = Consumer([fetched(SENT)])
    first = await consumer.take(timeout_ms=200, most=2)
    assert [record.offset for record in first[TP]] == [40, 41]
    state = consumer._fetcher._records[TP]._assignment.state_value(TP)
    state.position = 42
    rest = await consumer.take(timeout_ms=200, most=100)
    assert [record.offset for record in rest[TP]] == [42, 43, 44]


async def test_nothing_is_an_answer_too() -> None:
    assert await Consumer([]).take(timeout_ms=200, most=100) == {}


async def test_an_aiokafka_that_keeps_its_fetches_elsewhere_is_read_all_the_same() -> None:
    consumer = Consumer([], {TP: as_consumer_records()})
    consumer._fetcher = SimpleNamespace()
    taken = await consumer.take(timeout_ms=200, most=100)
    assert [record.offset for record in taken[TP]] == [40, 41, 42, 43, 44]
