"""Erasing one customer from a running cluster: by a record in the log, which the owner of the partition obeys.

The owner holds states in memory, so nobody else may take them out of Redis. A record also holds after a failover to an
older Redis: the log is read again, and the customer goes again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import msgspec
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.codec import encode
from streams.errors import CannotStart
from streams.model import Event
from streams.notices import ERASED
from streams.runtime.cluster import topics as topic_rules
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.of_customer import Kept
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import PartitionStore
from streams.runtime.cluster.relay import producer
from streams.runtime.cluster.topics import Names
from streams.units import format_time

_POLL_S = 0.2
GONE = "touchline:gone"
"""List of ids erased within the last minute; it goes by itself."""
_GONE_SECONDS = 60


class Written(msgspec.Struct, frozen=True):
    """Where a record to forget an id stands."""

    id: str
    partition: int
    offset: int


async def ask(kafka: str, names: Names, found: Kept) -> list[Written]:
    """Write the records: for each id into its own partition, and wherever else there is a state. Raises CannotStart."""
    sender = producer(kafka)
    try:
        await sender.start()
        now = time.time_ns() // 1000
        written = []
        for name in found.all:
            for partition in sorted({found.home(name)} | {number for one, number in found.states if one == name}):
                event = Event(
                    id=f"erase-{partition}-{now}", source="touchline", type=ERASED, subject=name, time=format_time(now)
                )
                sent = await sender.send_and_wait(
                    names.events, encode(event), key=name.encode(), partition=partition, headers=[INTERNAL]
                )
                written.append(Written(name, partition, sent.offset))
        return written
    except (KafkaError, OSError) as error:
        raise CannotStart(f"Kafka did not take the record that erases: {type(error).__name__}; try again") from None
    finally:
        await sender.stop()


async def done(redis: Client, written: Iterable[Written], limit_s: float) -> list[Written]:
    """Wait, at most so long, until the workers have obeyed; the records they have not come to."""
    left = list(written)
    limit = time.monotonic() + limit_s
    while True:
        left = [one for one in left if not await _obeyed(redis, one)]
        if not left or time.monotonic() > limit:
            return left
        await asyncio.sleep(_POLL_S)


async def _obeyed(redis: Client, one: Written) -> bool:
    """Read, nothing at or before it waits any more, and nothing is stored under the id."""
    head = await PartitionStore(redis, f"events:{one.partition}").peek()
    if head is None or head.low <= one.offset:
        return False
    return not await redis.exists(f"{{events:{one.partition}}}:c:{one.id}")


async def tell_doors(redis: Client, ids: Iterable[str]) -> None:
    """Doors hold decisions and cases in memory: they look for a minute who is to be forgotten there."""
    await redis.rpush(GONE, *ids)
    await redis.expire(GONE, _GONE_SECONDS)


async def retentions(kafka: str, names: Names) -> dict[str, int]:
    """Topic -> milliseconds Kafka keeps its records, -1 for good. Raises CannotStart."""
    async with topic_rules.admin(kafka) as client:
        return {
            name: int((await topic_rules.configuration(client, name)).get("retention.ms", -1)) for name in names.all
        }
