"""The oldest open cases of a cluster, as its one worker with the signals shows them to Prometheus."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text
from redis.asyncio import Redis

from streams.config.load import load_text
from streams.effects import Decision
from streams.runtime.clock import SystemClock
from streams.runtime.cluster.addresses import case_told
from streams.runtime.cluster.case_ages import CaseAges
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.journey_service import Settings
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import Commit, Outcome, PartitionStore, connect
from streams.runtime.cluster.status import Reporter
from streams.runtime.cluster.worker_metrics import WorkerMetrics
from streams.units import format_time
from tests.build import MINUTE, START
from tests.cluster.test_door_index import about_case
from tests.cluster.test_signal_agent import FILE, desk_on
from tests.cluster.test_watcher import World
from tests.servers.redis import RedisCluster

pytestmark = pytest.mark.redis
SECOND = 1_000_000


def case(name: str, rule: str, opened: int, verb: str = "opened", state: str = "open") -> Decision:
    """A decision about a case that was opened that many minutes into the story."""
    made = about_case(verb, opened, state, name, f"customer of {name}")
    data = made.data | {"rule": rule, "opened_at": format_time(START + opened * MINUTE)}
    return msgspec.structs.replace(made, data=data)


async def keep(redis: Client, partition: int, *decisions: Decision, first: int = 0) -> None:
    """As the partition's owner commits them."""
    store = PartitionStore(redis, f"events:{partition}")
    await store.claim(partitions=2, start=0, config="h")
    cases: dict[str, dict[str, bytes]] = {}
    for number, decision in enumerate(decisions, first):
        field, told = case_told(decision, number)
        cases.setdefault(decision.subject, {})[field] = told
    states = dict.fromkeys(cases, b"state")
    done = await store.commit(Commit(b"", 0, 0, None, "h", states, {}, (), cases))
    assert done is Outcome.DONE
    await store.close()


async def test_the_worker_with_the_signals_shows_the_oldest_open_case_of_each_rule(redis: Redis) -> None:
    await show_the_oldest(redis)


async def test_partitions_of_a_redis_cluster_are_looked_at_wherever_they_are(redis_cluster: RedisCluster) -> None:
    client = connect(redis_cluster.url)
    await show_the_oldest(client)
    await client.aclose()


async def show_the_oldest(redis: Client) -> None:
    await keep(redis, 0, case("k-1", "complaint", 5), case("k-2", "complaint", 9), case("k-3", "detractor", 7))
    await keep(redis, 1, case("k-4", "complaint", 3), case("k-4", "complaint", 3, "closed", "closed"))
    loaded = load_text(FILE)
    desk = desk_on(redis, loaded)
    ages = CaseAges(desk, cast(Connections, SimpleNamespace(redis=redis)))
    await ages.look()
    assert ages.oldest == {}, "shown by a worker that does not have the signals"
    await desk.claim()
    await ages.look()
    assert ages.oldest == {"complaint": START + 5 * MINUTE, "detractor": START + 7 * MINUTE}
    world = World()
    settings = Settings(kafka="nowhere:9", redis="redis://nowhere")
    clock = SystemClock()
    reporter = Reporter(settings, "h", world.service, desk, world.watcher, clock, oldest_cases=lambda: ages.oldest)
    shown = {
        sample.labels["rule"]: sample.value
        for family in read_text(WorkerMetrics(reporter).expose("")[0].decode())
        for sample in family.samples
        if sample.name == "touchline_case_oldest_opened_timestamp_seconds"
    }
    assert shown == {"complaint": (START + 5 * MINUTE) / SECOND, "detractor": (START + 7 * MINUTE) / SECOND}

    await keep(redis, 0, case("k-1", "complaint", 5, "closed", "closed"), first=3)
    await ages.look()
    assert ages.oldest["complaint"] == START + 9 * MINUTE
    heir = desk_on(redis, loaded)
    await heir.claim()
    desk.fail("another owner")
    assert ages.oldest == {}, "shown although another worker has the signals"
    await desk.close()
    await heir.close()
