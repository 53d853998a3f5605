"""The cluster's topics: what they must be like, creating them, and finding every fault of those that exist."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, for_code  # type: ignore[import-untyped]

from streams.errors import CannotStart
from streams.runtime.cluster import security


class Names:
    """Topic names of one installation; several can share a Kafka, each with a name and a Redis database of its own."""

    def __init__(self, name: str = "touchline") -> None:
        self.name = name
        self.events = f"{name}.events"
        self.partials = f"{name}.partials"
        self.decisions = f"{name}.decisions"
        self.dead_letters = f"{name}.events.dlq"
        self.all = (self.events, self.partials, self.decisions, self.dead_letters)


DEFAULT_PARTITIONS = 32
_DAY_MS = 24 * 3600 * 1000
REPLICATION = 3
_MIN_INSYNC = 2


class Topic(msgspec.Struct, frozen=True):
    """What one topic must be like."""

    name: str
    partitions: int
    retention_ms: int
    """Shortest time Kafka may keep records."""
    fixed: bool = False
    """Another number of partitions would be wrong, not only slower."""
    log_append_time: bool = False
    """Times are the broker's: they are the log time of exactness rule 3."""


def wanted(names: Names, partitions: int) -> tuple[Topic, ...]:
    """All topics, with `partitions` of them for the events."""
    return (
        Topic(names.events, partitions, 7 * _DAY_MS, fixed=True, log_append_time=True),
        Topic(names.partials, 1, _DAY_MS, fixed=True),
        Topic(names.decisions, 8, 7 * _DAY_MS),
        Topic(names.dead_letters, 1, 7 * _DAY_MS),
    )


def settings(topic: Topic, replication: int) -> dict[str, str]:
    """Kafka's configuration of a topic as we create it."""
    result = {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "min.insync.replicas": str(min(_MIN_INSYNC, replication)),
        "unclean.leader.election.enable": "false",
    }
    if topic.log_append_time:
        result["message.timestamp.type"] = "LogAppendTime"
    return result


def faults(
    topic: Topic, partitions: int, replication: int, found: Mapping[str, str], *, expected_replication: int
) -> list[str]:
    """What is wrong with an existing topic; one sentence each, with what to do."""
    name = topic.name
    result = []
    if topic.fixed and partitions != topic.partitions:
        result.append(
            f"{name}: has {partitions} partitions, expected {topic.partitions}; the count is fixed at creation: "
            "pass --partitions with it, or see docs/how-to/upgrade.md"
        )
    if replication < expected_replication:
        result.append(
            f"{name}: replication factor {replication}, expected {expected_replication}; reassign its replicas, "
            f"or pass --replication {replication} where losing a broker may lose data"
        )
    for key, value in settings(topic, expected_replication).items():
        actual = found.get(key, "")
        if key == "retention.ms":
            if actual != "-1" and int(actual or 0) < topic.retention_ms:
                result.append(f"{name}: retention.ms is {actual or 'unknown'}, expected at least {value} or -1")
        elif key == "min.insync.replicas":
            if int(actual or 0) < int(value):
                result.append(f"{name}: min.insync.replicas is {actual or 'unknown'}, expected at least {value}")
        elif actual != value:
            result.append(f"{name}: {key} is {actual or 'unknown'}, expected {value}")
    return result


@contextlib.asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client of a cluster that answers. Raises CannotStart."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=15_000, **security.kafka().options())
    try:
        try:
            await client.start()
        except (KafkaError, OSError, ValueError) as error:
            raise CannotStart(
                f"Kafka at {bootstrap} does not answer: {error}; check --kafka HOST:PORT and TOUCHLINE_KAFKA_…"
            ) from None
        yield client
    finally:
        await client.close()


async def partition_count(client: AIOKafkaAdminClient, topic: str) -> int | None:
    """Partitions of a topic, None when there is none of that name."""
    for described in await client.describe_topics([topic]):
        if described["error_code"] == 0:
            return len(described["partitions"])
    return None


async def configuration(client: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    """A topic's effective configuration."""
    found: dict[str, str] = {}
    for response in await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]):
        for resource in response.resources:
            for entry in resource[4]:
                found[entry[0]] = entry[1] if entry[1] is not None else ""
    return found


async def ensure(
    bootstrap: str, names: Names, *, partitions: int, replication: int = REPLICATION
) -> tuple[list[str], list[str]]:
    """Create the topics that are missing, check the others: names created, faults found. Raises CannotStart."""
    async with admin(bootstrap) as client:
        cluster = await client.describe_cluster()
        if len(cluster["brokers"]) < replication:
            raise CannotStart(
                f"Kafka at {bootstrap} has {len(cluster['brokers'])} brokers, fewer than replication {replication}; "
                "add brokers, or pass --replication 1 for a machine on which losing data is acceptable"
            )
        created: list[str] = []
        found: list[str] = []
        for topic in wanted(names, partitions):
            existing = await _describe(client, topic.name)
            if existing is None:
                await _create(client, topic, replication)
                created.append(topic.name)
                continue
            count, factor = existing
            found += faults(
                topic, count, factor, await configuration(client, topic.name), expected_replication=replication
            )
        return created, found


async def check_log(client: AIOKafkaAdminClient, names: Names) -> int:
    """What a worker needs of the topics; returns the partitions of the events. Raises CannotStart."""
    missing = [name for name in names.all if await partition_count(client, name) is None]
    if missing:
        raise CannotStart(f"Kafka has no topic {', '.join(missing)}; create them: touchline topics -c FILE --kafka …")
    count = await partition_count(client, names.events)
    partials = await partition_count(client, names.partials)
    if partials != 1:
        raise CannotStart(
            f"{names.partials} has {partials} partitions, expected 1: one stage looks across all journeys"
        )
    stamp = (await configuration(client, names.events)).get("message.timestamp.type")
    if stamp != "LogAppendTime":
        raise CannotStart(
            f"{names.events}: message.timestamp.type is {stamp}, expected LogAppendTime: "
            "one producer with a wrong clock would make everybody late"
        )
    assert count is not None
    return count


async def shortcomings(client: AIOKafkaAdminClient, names: Names) -> list[str]:
    """What a worker can start with, but should be mended: a log that may lose or forget too early."""
    found = await _describe(client, names.events)
    if found is None:
        return []
    count, factor = found
    events = wanted(names, count)[0]
    return faults(
        events, count, factor, await configuration(client, names.events), expected_replication=min(factor, REPLICATION)
    )


async def _describe(client: AIOKafkaAdminClient, name: str) -> tuple[int, int] | None:
    described: Sequence[Mapping[str, Any]] = await client.describe_topics([name])
    for topic in described:
        if topic["error_code"] == 0:
            parts = topic["partitions"]
            return len(parts), min((len(part["replicas"]) for part in parts), default=0)
    return None


async def _create(client: AIOKafkaAdminClient, topic: Topic, replication: int) -> None:
    response = await client.create_topics(
        [NewTopic(topic.name, topic.partitions, replication, topic_configs=settings(topic, replication))]
    )
    for entry in response.topic_errors:
        if entry[1] != 0:
            raise CannotStart(f"Kafka did not create {topic.name}: {for_code(entry[1]).__name__}: {entry[2]}")
