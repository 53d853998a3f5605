"""What `touchline why`, `export` and `erase` do in a cluster, each over connections of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from streams.config.structs import Config
from streams.errors import CannotStart
from streams.runtime.case_reader import CaseQuery
from streams.runtime.cluster import erasing, of_customer
from streams.runtime.cluster.archive import Archive, opened
from streams.runtime.cluster.delivery_erasing import erase_records
from streams.runtime.cluster.door_index import DoorIndex, list_cases
from streams.runtime.cluster.erasing import Written
from streams.runtime.cluster.of_customer import Kept
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import DOWN, connect
from streams.runtime.cluster.topics import Names
from streams.runtime.clusters import Where
from streams.runtime.customer import CustomerView
from streams.runtime.service import Page


@contextlib.asynccontextmanager
async def _store(where: Where) -> AsyncIterator[Client]:
    redis = connect(where.redis)
    try:
        yield redis
    except DOWN as error:
        raise CannotStart(f"Redis does not answer: {error}; check --redis") from None
    finally:
        await redis.aclose()


@contextlib.asynccontextmanager
async def _both(where: Where) -> AsyncIterator[tuple[Client, Archive]]:
    async with _store(where) as redis, opened(where.kafka) as archive:
        yield redis, archive


async def why(where: Where, customer: str, limit: int, look_back: int) -> tuple[CustomerView | None, Config | None]:
    """The customer's story; events of the last `look_back` microseconds. Raises CannotStart."""
    since = time.time_ns() // 1000 - look_back
    async with _both(where) as (redis, archive):
        return await of_customer.gather(redis, archive, Names(where.name), customer, limit=limit, since=since)


async def export(where: Where, customer: str) -> dict[str, Any] | None:
    """Everything of the customer. Raises CannotStart."""
    async with _both(where) as (redis, archive):
        return await of_customer.export(redis, archive, Names(where.name), customer)


async def cases(redis: str) -> Callable[[CaseQuery, int, str | None], Page]:
    """Pages of cases as Redis lists them now. Raises CannotStart."""
    client = connect(redis)
    try:
        index = DoorIndex()
        await list_cases(client, index, None)
        return index.cases
    except DOWN as error:
        raise CannotStart(f"Redis does not answer: {error}; check --redis") from None
    finally:
        await client.aclose()


async def find(where: Where, customer: str) -> Kept:
    """Where the store has something of the customer and of ids that ended in it. Raises CannotStart."""
    async with _store(where) as redis:
        return await of_customer.kept(redis, customer, thorough=True)


async def erase(where: Where, found: Kept, limit_s: float) -> tuple[list[Written], list[Written]]:
    """Write what erases, and wait: (all records, those nobody has obeyed yet). Raises CannotStart."""
    written = await erasing.ask(where.kafka, Names(where.name), found)
    async with _store(where) as redis:
        left = await erasing.done(redis, written, limit_s)
        await erasing.tell_doors(redis, found.all)
        return written, left


async def erase_deliveries(where: Where, found: Kept) -> int:
    """Take away the records of deliveries about the customer; how many there were. Raises CannotStart."""
    async with _store(where) as redis:
        return await erase_records(redis, found.all)


async def retentions(where: Where) -> dict[str, int]:
    """Topic -> milliseconds Kafka keeps its records, -1 for good. Raises CannotStart."""
    return await erasing.retentions(where.kafka, Names(where.name))
