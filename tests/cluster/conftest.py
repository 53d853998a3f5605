"""Fixtures of the cluster tests: a real Kafka, an installation with topics of its own, an hour of the demo's shop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from connectors.synthetic.incidents import MINUTE, Schedule
from connectors.synthetic.traffic import Traffic
from streams.model import Event
from tests.cluster.installation import Installation
from tests.cluster.parity import OPENS, SECOND
from tests.servers.base import ServerMissing, skip_or_fail
from tests.servers.kafka import running_kafka

Install = Callable[[str, int], AbstractAsyncContextManager[Installation]]


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Kafka."""
    try:
        with running_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
            yield bootstrap
    except ServerMissing as missing:
        skip_or_fail(str(missing))


@pytest.fixture
def install(kafka_bootstrap: str, redis_db: str, tmp_path: Path) -> Install:
    """Makes an installation with its topics, and takes them away again."""

    @contextlib.asynccontextmanager
    async def make(config: str, partitions: int) -> AsyncIterator[Installation]:
        made = Installation(kafka_bootstrap, redis_db, tmp_path, config, partitions)
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
