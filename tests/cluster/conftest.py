"""Fixtures of the cluster tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.base import ServerMissing, skip_or_fail
from tests.servers.kafka import running_kafka


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Kafka."""
    try:
        with running_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
            yield bootstrap
    except ServerMissing as missing:
        skip_or_fail(str(missing))
