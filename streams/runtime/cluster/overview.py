"""The whole cluster at a glance: what its workers last told, and what Redis holds of partitions that nobody has."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import msgspec

from streams.errors import CannotStart
from streams.runtime.cluster.bulletin import told
from streams.runtime.cluster.heard import STALE_SECONDS
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import DOWN, PartitionStore, connect
from streams.runtime.cluster.status import DecisionsStatus, PartitionStatus, WorkerStatus
from streams.runtime.service import ReceiverHealth


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
    config: str = ""
    """Hash of the file it follows; empty where nobody says."""
    events_per_second: float = 0.0
    cpu_share: float = 0.0
    """Part of one core that its events took lately."""


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


class DecisionsRow(msgspec.Struct, frozen=True):
    """One partition of the decisions, which are delivered from there."""

    partition: int
    worker: str | None
    """None: nobody has it."""
    running: bool
    trouble: str | None
    lag_records: int | None = None
    lag_seconds: float | None = None
    pending: int = 0
    """Deliveries that wait."""


class Overview(msgspec.Struct, frozen=True):
    """What `touchline status` shows."""

    well: bool
    """Every partition, the signals and the decisions have a worker that takes their records."""
    partitions: list[Row]
    signals: SignalsRow
    workers: list[WorkerRow]
    decisions: list[DecisionsRow] = []
    receivers: list[ReceiverHealth] = []
    """Of all workers together; counts are since each of them started."""


_BEHIND_SECONDS = 1.0


def slowest(rows: Sequence[Row]) -> Row | None:
    """The partition that is most behind; None where none is by a second or more."""
    behind = [row for row in rows if row.lag_seconds is not None and row.lag_seconds >= _BEHIND_SECONDS]
    return max(behind, key=lambda row: row.lag_seconds or 0.0, default=None)


def shares(row: Row, rows: Sequence[Row]) -> tuple[float, float]:
    """Its parts, 0 to 1, of all records and of all processor time that partitions took lately."""
    records = sum(one.events_per_second for one in rows)
    cpu = sum(one.cpu_share for one in rows)
    return row.events_per_second / records if records else 0.0, row.cpu_share / cpu if cpu else 0.0


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
    decisions = await _decisions(redis, workers)
    taken = all(row.running for row in rows) and all(row.running for row in decisions)
    return Overview(
        well=taken and signals.worker is not None and signals.trouble is None,
        partitions=rows,
        signals=signals,
        workers=[
            WorkerRow(one.worker, len(one.partitions), one.config, one.not_ready, one.events_per_second)
            for one in workers
        ],
        decisions=decisions,
        receivers=together([one for worker in workers for one in worker.receivers]),
    )


_WORST = ("unknown", "ok", "failing", "disabled", "unusable")


def together(receivers: Iterable[ReceiverHealth]) -> list[ReceiverHealth]:
    """What several workers know of each receiver as one: the worst state, the oldest delivery, sums of the rest."""
    found: dict[str, ReceiverHealth] = {}
    for one in receivers:
        other = found.get(one.name)
        if other is None:
            found[one.name] = one
            continue
        worse = max(other, one, key=lambda health: _WORST.index(health.state))
        found[one.name] = ReceiverHealth(
            name=one.name,
            kind=one.kind or other.kind,
            state=worse.state,
            pending=one.pending + other.pending,
            oldest_seconds=max(filter(None, (one.oldest_seconds, other.oldest_seconds)), default=None),
            last_error=worse.last_error,
            delivered=one.delivered + other.delivered,
            retried=one.retried + other.retried,
            failed=one.failed + other.failed,
        )
    return list(found.values())


async def _decisions(redis: Client, workers: Sequence[WorkerStatus]) -> list[DecisionsRow]:
    head = await PartitionStore(redis, "decisions:0").peek()
    rows = []
    for number in range(0 if head is None else head.partitions):
        owners: list[tuple[WorkerStatus, DecisionsStatus]] = [
            (worker, found) for worker in workers if (found := worker.decisions.get(str(number))) is not None
        ]
        if not owners:
            rows.append(DecisionsRow(number, None, False, "nobody has it"))
            continue
        worker, found = max(owners, key=lambda owner: (owner[1].running, owner[0].time))
        rows.append(
            DecisionsRow(
                number,
                worker.worker,
                found.running,
                found.trouble,
                found.lag_records,
                found.lag_seconds,
                found.pending,
            )
        )
    return rows


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
            found.config,
            found.events_per_second,
            found.cpu_share,
        )
    name = f"events:{number}"
    head = await PartitionStore(redis, name).peek()
    timers = int(await redis.zcard(f"{{{name}}}:timers"))
    outbox = int(await redis.xlen(f"{{{name}}}:out"))
    read, watermark = (0, None) if head is None else (head.read, head.watermark)
    return Row(number, None, False, "nobody has it", None, None, timers, outbox, read, watermark)
