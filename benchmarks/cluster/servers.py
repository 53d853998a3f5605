"""A Kafka and a Redis of our own, kept to the first core; what is measured runs on the last."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Servers(msgspec.Struct, frozen=True):
    """Where they answer."""

    kafka: str
    redis: str
    folder: Path
    """For what the run writes; it goes with the servers."""


def cores() -> tuple[set[int], set[int]]:
    """The core of servers and sender, the core of what is measured; the same one where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, {allowed[-1]}


@contextlib.contextmanager
def running() -> Iterator[Servers]:
    """Both servers, and this process beside them. Raises ServerMissing."""
    with tempfile.TemporaryDirectory(prefix="touchline-throughput-") as name:
        folder = Path(name)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores()[0])
        kafka = KafkaServer(folder / "kafka", heap_mb=1024)
        redis = RedisServer(folder / "redis", "--appendfsync", "everysec")
        try:
            kafka.start(120.0)
            redis.start()
            yield Servers(kafka.bootstrap, redis.url, folder)
        finally:
            redis.stop()
            kafka.stop()
            os.sched_setaffinity(0, before)


def cpu_seconds(process: int) -> float:
    """CPU time of a process so far, its threads included."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
