"""Everything a cluster has of one customer: state in Redis, events, decisions and dead letters in Kafka's topics."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from streams.codec import Rejection, decode
from streams.config.load import load_text
from streams.config.structs import Config
from streams.customer import Customer
from streams.customer import decode as decode_customer
from streams.errors import ConfigError
from streams.partitioner import partition_of
from streams.runtime.cluster.addresses import INTERNAL, SEQUENCE, SOURCE
from streams.runtime.cluster.archive import Archive
from streams.runtime.cluster.overview import partitions_of
from streams.runtime.cluster.redis_link import Client, executed, scan
from streams.runtime.cluster.redis_store import PartitionStore
from streams.runtime.cluster.rulebook import FILES
from streams.runtime.cluster.topics import Names
from streams.runtime.customer import CustomerView, Touchpoint, customer_view
from streams.runtime.exporting import plain, shown
from streams.runtime.store.of_customer import concerns, names, touchpoint, written
from streams.units import format_time, parse_time

_SCAN = 1_000
_HOPS = 8


class Kept(msgspec.Struct, frozen=True):
    """Where the store has something of a customer."""

    id: str
    """The one that lives."""
    merged: tuple[str, ...]
    """Those that ended in it, in order; of a quick look only those that led there."""
    partitions: int
    """Of the events."""
    states: Mapping[tuple[str, int], Customer]
    """(id, partition) -> state."""

    @property
    def all(self) -> tuple[str, ...]:
        """All ids, the living one first."""
        return self.id, *self.merged

    @property
    def state(self) -> Customer | None:
        """Of the living id, where its own partition has it, else wherever it is."""
        home = self.home(self.id)
        found = [(number != home, number, state) for (name, number), state in self.states.items() if name == self.id]
        return min(found, key=lambda one: one[:2])[2] if found else None

    def home(self, name: str) -> int:
        """The partition of an id."""
        return partition_of(name.encode(), self.partitions)

    @property
    def homes(self) -> list[int]:
        """Partitions in which anything of the customer may be."""
        return sorted({self.home(name) for name in self.all} | {number for _, number in self.states})


async def kept(redis: Client, name: str, *, thorough: bool = False) -> Kept:
    """Follow an id to the one that lives; `thorough`: look through all customers for ids that ended in it.

    Raises CannotStart where Redis holds no cluster's state.
    """
    partitions = await partitions_of(redis)
    states: dict[tuple[str, int], Customer] = {}
    living, passed = name, [name]
    for _ in range(_HOPS):
        found = await _states(redis, living, partitions)
        states |= {(living, number): state for number, state in found.items()}
        into = next((state.into for _, state in sorted(found.items()) if state.into is not None), None)
        if into is None or into in passed:
            break
        living = into
        passed.append(into)
    known = set(passed)
    if thorough:
        waiting = list(known)
        while waiting:
            ended = waiting.pop()
            for other in await _ended_in(redis, ended, partitions):
                if other not in known:
                    known.add(other)
                    waiting.append(other)
                    found = await _states(redis, other, partitions)
                    states |= {(other, number): state for number, state in found.items()}
    return Kept(living, tuple(sorted(known - {living})), partitions, states)


async def _states(redis: Client, name: str, partitions: int) -> dict[int, Customer]:
    """States under an id, by partition: its own, and wherever a merge has left one."""
    pipeline = redis.pipeline(transaction=False)
    for number in range(partitions):
        pipeline.get(f"{{events:{number}}}:c:{name}")
    bodies = await executed(pipeline)
    return {number: decode_customer(body) for number, body in enumerate(bodies) if body is not None}


async def _ended_in(redis: Client, name: str, partitions: int) -> set[str]:
    """Ids whose state says that they live on as another."""
    found: set[str] = set()
    needle = name.encode()
    for number in range(partitions):
        prefix = f"{{events:{number}}}:c:".encode()
        async for keys in scan(redis, prefix + b"*", _SCAN, tagged=prefix.decode()):
            for key, body in zip(keys, await redis.mget(keys), strict=True):
                if isinstance(body, bytes) and needle in body and decode_customer(body).into == name:
                    found.add(key.removeprefix(prefix).decode())
    return found


async def config_of(redis: Client, partition: int) -> Config | None:
    """The file in force in a partition, its secrets unread; None where it cannot be read by this release."""
    head = await PartitionStore(redis, f"events:{partition}").peek()
    text = None if head is None else await redis.hget(FILES, head.config)
    try:
        return None if text is None else load_text(text.decode() if isinstance(text, bytes) else text).config
    except ConfigError:
        return None


async def gather(
    redis: Client, archive: Archive, topics: Names, name: str, *, limit: int, since: int | None, thorough: bool = False
) -> tuple[CustomerView | None, Config | None]:
    """What `touchline why` tells of a customer, and the file in force. `since`: events received then or later.

    Times in UTC epoch microseconds. None when nothing is known.
    """
    found = await kept(redis, name, thorough=thorough)
    config = await config_of(redis, found.home(found.id))
    touchpoints = await touchpoints_of(archive, topics, found, since)
    decided = await decisions_of(archive, topics, found.all)
    state = found.state
    if state is None and not touchpoints and not decided:
        return None, config
    known = state or unknown(touchpoints)
    view = customer_view(
        found.id,
        known,
        config,
        merged=found.merged,
        touchpoints=touchpoints[:limit],
        decisions=decided[:limit],
        log_since=await _log_since(archive, topics, found.home(found.id)) if since is None else None,
    )
    return view, config


def unknown(touchpoints: Sequence[Touchpoint]) -> Customer:
    """In place of the state of somebody of whom none is kept."""
    return Customer(touched=max((parse_time(one.time) for one in touchpoints), default=0))


async def touchpoints_of(
    archive: Archive, topics: Names, found: Kept, since: int | None, *, most: int | None = None
) -> list[Touchpoint]:
    """Events of the customer in the log, the last one received first; `most`: among the last so many records."""
    mine = [(at, touchpoint(event, at)) for at, _, event in await _events(archive, topics, found, since, most)]
    return [one for _, one in sorted(mine, key=lambda one: one[0], reverse=True)]


async def _events(
    archive: Archive, topics: Names, found: Kept, since: int | None, most: int | None = None
) -> list[tuple[int, tuple[int, int, bytes], Any]]:
    """(received, (partition, offset, body), event), as the log has them."""
    wanted = set(found.all)
    needles = [form for name in wanted for form in written(name)]
    result = []
    async for record in archive.read(topics.events, found.homes, since, most=most):
        if INTERNAL in record.headers or record.value is None or not any(one in record.value for one in needles):
            continue
        event = decode(record.value)
        if not isinstance(event, Rejection) and concerns(event, wanted):
            result.append((record.timestamp * 1000, (record.partition, record.offset, record.value), event))
    return result


async def decisions_of(archive: Archive, topics: Names, ids: Sequence[str]) -> list[bytes]:
    """Decisions about the customer, each once, the latest first."""
    count = await archive.partitions(topics.decisions)
    keys = {name.encode() for name in ids}
    found: dict[tuple[bytes, bytes], bytes] = {}
    async for record in archive.read(topics.decisions, sorted({partition_of(key, count) for key in keys})):
        if record.key in keys and record.value is not None:
            headers = dict(record.headers)
            found[headers.get(SOURCE, b""), headers.get(SEQUENCE, b"")] = record.value
    return sorted(found.values(), key=lambda body: msgspec.json.decode(body)["time"], reverse=True)


async def letters_of(archive: Archive, topics: Names, ids: Collection[str]) -> list[dict[str, Any]]:
    """Dead letters that name the customer."""
    result = []
    async for record in archive.read(topics.dead_letters, range(await archive.partitions(topics.dead_letters))):
        if record.value is not None and names(record.value, ids):
            headers = dict(record.headers)
            result.append(
                {
                    "id": f"{record.partition}-{record.offset}",
                    "time": format_time(record.timestamp * 1000),
                    "reason": headers.get("__connect.errors.exception.class.name", b"").decode(),
                    "message": headers.get("__connect.errors.exception.message", b"").decode(),
                    "body": record.value.decode("utf-8", "backslashreplace"),
                }
            )
    return result


async def export(redis: Client, archive: Archive, topics: Names, name: str) -> dict[str, Any] | None:
    """All of it, None when there is nothing; the same parts as of a data file, deliveries apart.

    Reads the topics from their beginning. Times are UTC; in `state` they are microseconds since 1970.
    """
    found = await kept(redis, name, thorough=True)
    config = await config_of(redis, found.home(found.id))
    events = await _events(archive, topics, found, None)
    decided = await decisions_of(archive, topics, found.all)
    letters = await letters_of(archive, topics, found.all)
    if not (found.states or events or decided or letters):
        return None
    known = found.state
    return {
        "customer": found.id,
        "merged": list(found.merged),
        "profile": None if known is None else customer_view(found.id, known, config, merged=found.merged),
        "state": {f"{name} in partition {number}": plain(state) for (name, number), state in found.states.items()},
        "log": [
            {"partition": partition, "offset": offset, "received": format_time(received), "record": shown(body)}
            for received, (partition, offset, body), _ in sorted(events, key=lambda one: one[:2])
        ],
        "decisions": [msgspec.Raw(body) for body in decided],
        "dead_letters": letters,
    }


async def _log_since(archive: Archive, topics: Names, partition: int) -> int | None:
    """When the oldest record still in a partition was received; None while it has all there ever were."""
    if not await archive.begins(topics.events, partition):
        return None
    async with contextlib.aclosing(archive.read(topics.events, [partition])) as records:
        async for record in records:
            return int(record.timestamp) * 1000
    return time.time_ns() // 1000
