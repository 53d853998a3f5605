"""Fixtures of the cluster tests: a real Kafka, an installation with topics of its own, an hour of the demo's shop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from connectors.synthetic.incidents import MINUTE, Schedule
from connectors.synthetic.traffic import Traffic
from streams.model import Event
from streams.runtime.cluster.redis_store import connect
from tests.cluster.installation import Installation
from tests.cluster.parity import OPENS, SECOND
from tests.servers.base import ServerMissing, skip_or_fail
from tests.servers.kafka import KafkaServer, running_kafka
from tests.servers.redis import RedisCluster

Install = Callable[[str, int], AbstractAsyncContextManager[Installation]]


@pytest.fixture(scope="session")
def _kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, KafkaServer | None]]:
    try:
        with running_kafka(tmp_path_factory.mktemp("kafka")) as running:
            yield running
    except ServerMissing as missing:
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def kafka_bootstrap(_kafka: tuple[str, KafkaServer | None]) -> str:
    """Address of a real Kafka."""
    return _kafka[0]


@pytest.fixture
def kafka_server(_kafka: tuple[str, KafkaServer | None]) -> KafkaServer:
    """The broker behind `kafka_bootstrap`, to be killed and started again."""
    if _kafka[1] is None:
        pytest.skip("KAFKA_BOOTSTRAP names a broker that is not ours to kill")
    return _kafka[1]


@pytest.fixture
async def redis(redis_db: str) -> AsyncIterator[Redis]:
    """A client of a database that is this test's own and empty."""
    client = connect(redis_db)
    assert isinstance(client, Redis)
    yield client
    await client.aclose()


@pytest.fixture
def redis_cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """Three masters of a Redis Cluster that is this test's own."""
    try:
        servers = RedisCluster(tmp_path / "redis-cluster")
        servers.start()
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture
def install(kafka_bootstrap: str, redis_db: str, tmp_path: Path) -> Install:
    """Makes an installation with its topics, and takes them away again."""
    return _installing(kafka_bootstrap, redis_db, tmp_path)


@pytest.fixture
def install_on_redis_cluster(kafka_bootstrap: str, redis_cluster: RedisCluster, tmp_path: Path) -> Install:
    """The same, its store being a Redis Cluster."""
    return _installing(kafka_bootstrap, redis_cluster.url, tmp_path)


def _installing(kafka: str, redis: str, folder: Path) -> Install:
    @contextlib.asynccontextmanager
    async def make(config: str, partitions: int) -> AsyncIterator[Installation]:
        made = Installation(kafka, redis, folder, config, partitions)
        created = made.create_topics()
        assert created.returncode == 0, created.stderr
        await made.wait_for_topics()
        try:
            yield made
        finally:
            made.stop()
            await made.drop_topics()

    return make


@pytest.fixture(scope="session")
def shop() -> list[Event]:
    """An hour of the demo's shop, arriving in disorder, some twice and some too late, with an incident."""
    schedule = Schedule(OPENS + 20 * MINUTE)
    traffic = Traffic(11, rate=6.0, customers=2_000, opens=OPENS, schedule=schedule, disorder=True)
    return list(traffic.events(OPENS, OPENS + 3600 * SECOND))
