"""The contract with the installed Faust that exactness rule 10 stands on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from faust.transport.drivers import aiokafka as driver

from streams.runtime.cluster import positions
from streams.runtime.cluster.topics import partition_count
from tests.servers.base import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
RECORDS = 20
PATIENCE_S = 180


async def fill(bootstrap: str, topic: str, partitions: int) -> None:
    """A topic with RECORDS records in each partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    while await partition_count(admin, topic) is None:
        await asyncio.sleep(0.05)
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for partition in range(partitions):
        for number in range(RECORDS):
            await producer.send_and_wait(topic, b"%d" % number, partition=partition)
    await producer.stop()


class Follower:
    """One worker and what it said."""

    def __init__(self, folder: Path, name: str, bootstrap: str, topic: str, stored: Path) -> None:
        self._output = folder / f"{name}.out"
        self.errors = folder / f"{name}.err"
        command = [sys.executable, "-m", "tests.cluster.positions_app", bootstrap, topic, str(stored)]
        with self._output.open("wb") as out, self.errors.open("wb") as err:
            self.process = subprocess.Popen([*command, str(folder / name)], stdout=out, stderr=err, cwd=ROOT)

    def said(self) -> list[dict[str, Any]]:
        lines = self._output.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def offsets(self, partition: int, since: int = 0) -> list[int]:
        return [line["offset"] for line in self.said()[since:] if line.get("partition") == partition]


@contextlib.contextmanager
def follower(folder: Path, name: str, bootstrap: str, topic: str, stored: Path) -> Iterator[Follower]:
    worker = Follower(folder, name, bootstrap, topic, stored)
    try:
        yield worker
    finally:
        worker.process.send_signal(signal.SIGTERM)
        try:
            worker.process.wait(20)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


async def test_a_worker_begins_at_the_stored_position_whatever_the_group_committed(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    topic = f"positions-{tmp_path.name}"
    await fill(kafka_bootstrap, topic, 1)
    stored = tmp_path / "stored.json"
    stored.write_text("{}")
    with follower(tmp_path, "first", kafka_bootstrap, topic, stored) as first:
        wait_until(lambda: len(first.offsets(0)) == RECORDS, "the first worker to read all", PATIENCE_S)
    stored.write_text('{"0": 7}')
    with follower(tmp_path, "second", kafka_bootstrap, topic, stored) as second:
        wait_until(lambda: RECORDS - 1 in second.offsets(0), "the second worker to read the rest", PATIENCE_S)
        assert second.offsets(0) == list(range(7, RECORDS))
    stored.write_text('{"0": 0}')
    with follower(tmp_path, "third", kafka_bootstrap, topic, stored) as third:
        wait_until(lambda: RECORDS - 1 in third.offsets(0), "the third worker to read all again", PATIENCE_S)
        assert third.offsets(0) == list(range(RECORDS))
    # Only the thread that fetches may seek: from elsewhere it takes records away under a running fetch.
    seeks = [line for line in second.said() if "seek" in line]
    assert 7 in [line["seek"] for line in seeks]
    assert all(line["at_home"] for line in seeks), seeks


async def test_after_a_rebalance_each_worker_begins_at_the_stored_positions(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    topic = f"rebalance-{tmp_path.name}"
    await fill(kafka_bootstrap, topic, 2)
    stored = tmp_path / "stored.json"
    stored.write_text('{"0": 12, "1": 3}')
    first_of = {0: 12, 1: 3}

    def begun(worker: Follower, since: int, partition: int) -> bool:
        return RECORDS - 1 in worker.offsets(partition, since)

    with follower(tmp_path, "first", kafka_bootstrap, topic, stored) as first:
        wait_until(lambda: begun(first, 0, 0) and begun(first, 0, 1), "the first worker to read both", PATIENCE_S)
        assert first.offsets(0) == list(range(12, RECORDS))
        assert first.offsets(1) == list(range(3, RECORDS))
        before = len(first.said())
        with follower(tmp_path, "second", kafka_bootstrap, topic, stored) as second:
            wait_until(
                lambda: (
                    any(begun(second, 0, partition) for partition in (0, 1))
                    and any(begun(first, before, partition) for partition in (0, 1))
                ),
                "both workers to read their partition after the rebalance",
                PATIENCE_S,
            )
            for worker, since in ((first, before), (second, 0)):
                for partition in (0, 1):
                    offsets = worker.offsets(partition, since)
                    assert not offsets or offsets[0] == first_of[partition]


async def test_a_group_that_cannot_be_left_does_not_hold_the_worker_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_self: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_thread_stop", hang)
    monkeypatch.setattr(positions, "_STOP_LIMIT_S", 0.01)
    await asyncio.wait_for(positions.ConsumerThread.on_thread_stop(object.__new__(positions.ConsumerThread)), 10)
