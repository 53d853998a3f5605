"""The consumer of the log: its records come as the stage takes them, without a detour.

aiokafka makes an object of eleven fields of each record, of which we need four; on a worker that is busy that costs as
much as decoding the event. Records fetched already are therefore made ours the moment they are unpacked. What arrives
while we wait comes as aiokafka makes it, and is converted: so would everything be under a release that keeps what it
has fetched in another place.
"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]

from connectors.cloudevents import from_kafka
from streams.model import Record
from streams.runtime.cluster.addresses import INTERNAL


def record_of(entry: Any) -> Record:
    """A Kafka record, at whatever stage of unpacking, as the stage takes it; its time is the broker's."""
    headers = entry.headers
    return Record(
        entry.offset,
        entry.timestamp * 1000,
        from_kafka(headers, entry.value),
        bool(headers) and INTERNAL in headers,
    )


class LogConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka ships no types
    """aiokafka's, with one more way to take records."""

    async def take(self, *, timeout_ms: int, most: int) -> dict[TopicPartition, list[Record]]:
        """`getmany`, at most `most` records in all, as the stage takes them. Raises what `getmany` raises."""
        for fetched in getattr(self._fetcher, "_records", {}).values():
            records = getattr(fetched, "_partition_records", None)
            if records is not None:
                records._consumer_record = _unpacked
        batches = await self.getmany(max_records=most)
        if not batches:
            batches = await self.getmany(timeout_ms=timeout_ms, max_records=most)
        return {
            tp: entries if type(entries[0]) is Record else [record_of(entry) for entry in entries]
            for tp, entries in batches.items()
        }


def _unpacked(_: TopicPartition, entry: Any) -> Record:
    """In place of `PartitionRecords._consumer_record`."""
    return record_of(entry)
