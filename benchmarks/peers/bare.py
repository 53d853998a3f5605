"""The bare loop: aiokafka's `getmany`, msgspec, a dict. Nothing survives a crash."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.peers.job import STEPS, Place, Progress, advance


class Touch(msgspec.Struct):
    """The fields the job needs."""

    type: str
    time: datetime
    subject: str


async def main(bootstrap: str, topic: str, out: str, count: int) -> None:
    """Read `count` events."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=f"{out}-bare", auto_offset_reset="earliest",
        enable_auto_commit=False, fetch_max_bytes=8_000_000, max_partition_fetch_bytes=2_000_000,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    await producer.start()
    await consumer.start()
    decode = msgspec.json.Decoder(Touch).decode
    places: dict[str, Place | None] = {}
    progress = Progress(count)
    last = False
    while not last:
        for records in (await consumer.getmany(timeout_ms=500, max_records=4000)).values():
            for record in records:
                event = decode(record.value)
                step = STEPS.get(event.type)
                place, complete = advance(places.get(event.subject), step, event.time.timestamp())
                places[event.subject] = place
                if complete:
                    await producer.send(out, event.subject.encode())
                last = progress.took(step) or last
    await producer.flush()
    progress.done()
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
