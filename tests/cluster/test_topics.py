"""Creating the topics, and finding every fault of those that exist."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]

from streams.runtime.cluster import topics
from streams.runtime.cluster.topics import Names, faults, settings, wanted
from tests.cluster.conftest import Install
from tests.cluster.installation import ROOT
from tests.cluster.parity import DEMO

NAMES = Names("t")
EVENTS, PARTIALS, DECISIONS, _ = wanted(NAMES, 32)
PATIENCE_S = 240


def test_a_topic_as_we_create_it_has_no_faults() -> None:
    for topic in wanted(NAMES, 32):
        assert faults(topic, topic.partitions, 3, settings(topic, 3), expected_replication=3) == []


def test_longer_retention_more_replicas_and_more_delivery_partitions_are_no_faults() -> None:
    found = settings(DECISIONS, 3) | {"retention.ms": "-1", "min.insync.replicas": "3"}
    assert faults(DECISIONS, 16, 5, found, expected_replication=3) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "3600000"),
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "true"),
        ("cleanup.policy", "compact"),
    ],
)
def test_each_wrong_setting_is_named(key: str, value: str) -> None:
    (fault,) = faults(EVENTS, 32, 3, settings(EVENTS, 3) | {key: value}, expected_replication=3)
    assert fault.startswith(f"t.events: {key} is {value}, expected ")


def test_all_faults_are_named_at_once() -> None:
    found = faults(PARTIALS, 2, 1, settings(PARTIALS, 1), expected_replication=3)
    assert len(found) == 3
    assert "has 2 partitions, expected 1" in found[0]
    assert "replication factor 1, expected 3" in found[1]
    assert "min.insync.replicas is 1, expected at least 2" in found[2]


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
async def test_topics_are_created_once_and_checked_afterwards(install: Install) -> None:
    async with install(DEMO, 3) as made:
        again = made.create_topics()
        assert (again.returncode, again.stdout) == (0, "all topics are as they should be\n")
        made.partitions = 4
        other = made.create_topics()
        assert other.returncode == 1
        assert f"{made.names.events}: has 3 partitions, expected 4" in other.stderr


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_worker_refuses_a_log_whose_times_are_the_producers(install: Install) -> None:
    async with install(DEMO, 1) as made:
        admin = AIOKafkaAdminClient(bootstrap_servers=made.kafka)
        await admin.start()
        await admin.delete_topics([made.names.events])
        while await topics.partition_count(admin, made.names.events) is not None:
            await asyncio.sleep(0.05)
        gone = made.worker()
        assert gone.process.wait(PATIENCE_S) == 3
        assert f"Kafka has no topic {made.names.events}" in gone.log
        await admin.create_topics([NewTopic(made.names.events, 1, 1)])
        await admin.close()
        await made.wait_for_topics()
        worker = made.worker()
        assert worker.process.wait(PATIENCE_S) == 3
        assert "message.timestamp.type is CreateTime, expected LogAppendTime" in worker.log


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
async def test_a_log_that_forgets_too_early_is_warned_of(install: Install) -> None:
    async with install(DEMO, 1) as made:
        async with topics.admin(made.kafka) as admin:
            assert await topics.shortcomings(admin, made.names) == []
            resource = ConfigResource(ConfigResourceType.TOPIC, made.names.events)
            resource.configs = {"retention.ms": "3600000", "message.timestamp.type": "LogAppendTime"}
            await admin.alter_configs([resource])

            async def warned() -> list[str]:
                return await topics.shortcomings(admin, made.names)

            while not (found := await warned()):
                await asyncio.sleep(0.05)
        assert found == [f"{made.names.events}: retention.ms is 3600000, expected at least 604800000 or -1"]


@pytest.mark.kafka
async def test_too_few_brokers_are_said_with_the_way_out(kafka_bootstrap: str) -> None:
    command = [sys.executable, "-m", "streams", "topics", "-c", "examples/demo.yml", "--kafka", kafka_bootstrap]
    done = subprocess.run([*command, "--replication", "9"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 3
    assert "fewer than replication 9" in done.stderr
    assert "--replication 1" in done.stderr


async def test_a_kafka_that_does_not_answer_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "streams", "topics", "-c", "examples/demo.yml", "--kafka", "127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 3
    assert "Kafka at 127.0.0.1:9 does not answer" in done.stderr
