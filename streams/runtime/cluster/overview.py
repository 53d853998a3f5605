"""The whole cluster at a glance: what its workers last told, and what Redis holds of partitions that nobody has."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from streams.errors import CannotStart
from streams.runtime.cluster.bulletin import STALE_SECONDS, told
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import DOWN, PartitionStore, connect
from streams.runtime.cluster.status import PartitionStatus, WorkerStatus


class Row(msgspec.Struct, frozen=True):
    """One partition of the events."""

    partition: int
    worker: str | None
    """None: nobody has it."""
    running: bool
    trouble: str | None
    lag_records: int | None
    lag_seconds: float | None
    timers: int
    outbox: int
    read: int
    watermark: int | None
    """UTC epoch microseconds."""
    low: int = 0
    """Where recovery would begin."""


class WorkerRow(msgspec.Struct, frozen=True):
    """One worker that was heard of lately."""

    name: str
    partitions: int
    config: str
    not_ready: str | None
    events_per_second: float = 0.0


class SignalsRow(msgspec.Struct, frozen=True):
    """The signals."""

    worker: str | None
    trouble: str | None = None
    lag_records: int | None = None
    held_back_by: list[int] = []
    outbox: int = 0


class Overview(msgspec.Struct, frozen=True):
    """What `touchline status` shows."""

    well: bool
    """Every partition and the signals have a worker that takes their records."""
    partitions: list[Row]
    signals: SignalsRow
    workers: list[WorkerRow]


async def look(url: str) -> Overview:
    """Ask Redis. Raises CannotStart where it does not answer or holds no cluster's state."""
    redis = connect(url)
    try:
        return await overview(redis, time.time_ns() // 1000)
    except DOWN as error:
        raise CannotStart(f"Redis does not answer: {error}; check --redis") from None
    finally:
        await redis.aclose()


async def overview(redis: Client, now: int) -> Overview:
    """As of `now`, UTC epoch microseconds. Raises CannotStart where Redis holds no cluster's state."""
    workers = [one for one in await told(redis) if now - one.time < STALE_SECONDS * 1_000_000]
    rows = [await _row(redis, number, workers) for number in range(await partitions_of(redis))]
    signals = SignalsRow(None)
    for worker in workers:
        found = worker.signals
        if found.owner:
            signals = SignalsRow(worker.worker, found.trouble, found.lag_records, found.held_back_by, found.outbox)
    return Overview(
        well=all(row.running for row in rows) and signals.worker is not None and signals.trouble is None,
        partitions=rows,
        signals=signals,
        workers=[
            WorkerRow(one.worker, len(one.partitions), one.config, one.not_ready, one.events_per_second)
            for one in workers
        ],
    )


async def partitions_of(redis: Client) -> int:
    """How many partitions the events have, by the heads. Raises CannotStart where there is none."""
    for name in ("events:0", "partials:0"):
        head = await PartitionStore(redis, name).peek()
        if head is not None:
            return head.partitions
    raise CannotStart("this Redis database holds no cluster's state: check --redis, or start a worker first")


async def _row(redis: Client, number: int, workers: Sequence[WorkerStatus]) -> Row:
    owners: list[tuple[int, WorkerStatus, PartitionStatus]] = [
        (found.epoch or 0, worker, found)
        for worker in workers
        if (found := worker.partitions.get(str(number))) is not None
    ]
    if owners:
        # During a rebalance two may name it: the later owner has the higher epoch.
        _, worker, found = max(owners, key=lambda owner: (owner[0], owner[1].time))
        return Row(
            number,
            worker.worker,
            found.running,
            found.trouble,
            found.lag_records,
            found.lag_seconds,
            found.pending_timers,
            found.outbox,
            found.read,
            found.watermark,
            found.low,
        )
    name = f"events:{number}"
    head = await PartitionStore(redis, name).peek()
    timers = int(await redis.zcard(f"{{{name}}}:timers"))
    outbox = int(await redis.xlen(f"{{{name}}}:out"))
    read, watermark = (0, None) if head is None else (head.read, head.watermark)
    return Row(number, None, False, "nobody has it", None, None, timers, outbox, read, watermark)
