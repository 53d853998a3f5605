"""What a door makes of what workers tell Redis: the latest owner's view, and why the cluster is not well."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from streams.codec import encode
from streams.config.load import load_text
from streams.decisions import encode as encode_decision
from streams.runtime.clock import SystemClock
from streams.runtime.cluster.addresses import case_told
from streams.runtime.cluster.cluster_service import REDRIVEN, ClusterService
from streams.runtime.cluster.erasing import GONE, tell_doors
from streams.runtime.cluster.heard import STALE_SECONDS, WORKERS
from streams.runtime.cluster.intake import Intake
from streams.runtime.cluster.redis_store import Commit, Outcome, PartitionStore
from streams.runtime.cluster.shown_view import VIEW, VIEWERS, decode_view, encode_view, shown
from streams.runtime.cluster.status import PartitionStatus, SignalsStatus, WorkerStatus
from streams.runtime.cluster.topics import Names
from streams.runtime.problems import Problem
from streams.runtime.service import Internals
from streams.stages.signal import SignalStage
from tests.build import SHOP, event, run
from tests.cluster.memory_producer import MemoryProducer
from tests.cluster.test_door_index import STORY

pytestmark = pytest.mark.redis
LOADED = load_text(SHOP, "shop.yml")


@pytest.fixture
async def service(redis_db: str) -> AsyncIterator[ClusterService]:
    intake = Intake(MemoryProducer, "touchline.events", SystemClock())
    await intake.start()
    made = ClusterService(intake, LOADED, Names(), kafka="nowhere:9", redis=redis_db, file="shop.yml")
    yield made
    await made.stop()
    await intake.stop()


def signals(carts: int) -> SignalStage:
    """The signals after so many carts."""
    stage = SignalStage(LOADED.config, LOADED.hash)
    for partial in run([event(n, "cart.updated", f"c-{n}") for n in range(carts)], until=carts + 60.0):
        stage.process(partial)
    return stage


def entered(service: ClusterService) -> int:
    return service.journeys()[0].steps[0].totals.entered


def worker(now: int, *, running: bool = True, owner: bool = True) -> WorkerStatus:
    part = PartitionStatus(
        running=running, trouble=None if running else "store: TimeoutError", epoch=1, read=10, low=8, end=12,
        lag_records=2, lag_seconds=1.5, watermark=now - 3_000_000, pending_timers=4, outbox=0,
    )  # fmt: skip
    return WorkerStatus("w-1", now, 5.0, LOADED.hash, None, {"0": part}, SignalsStatus(owner, 7, None), 1, 0, 2.5)


async def tell(redis: Redis, status: WorkerStatus) -> None:
    await redis.hset(WORKERS, status.worker, msgspec.json.encode(status))


async def claimed(redis: Redis) -> None:
    """A worker has been here."""
    store = PartitionStore(redis, "events:0")
    await store.claim(partitions=1, start=0, config=LOADED.hash)
    await store.close()


async def test_the_view_of_an_owner_that_lost_the_signals_is_not_shown(service: ClusterService, redis: Redis) -> None:
    await redis.set(VIEW, encode_view(shown(signals(5), 2, 100)))
    await service.look()
    assert entered(service) == 5
    await redis.set(VIEW, encode_view(shown(signals(3), 1, 200)))
    await service.look()
    assert entered(service) == 5
    await redis.set(VIEW, encode_view(shown(signals(6), 3, 300)))
    await service.look()
    assert entered(service) == 6
    assert await redis.exists(VIEWERS)


async def test_of_asking_a_door_shows_what_the_owner_of_the_signals_has_counted(
    service: ClusterService, redis: Redis
) -> None:
    assert service.internals() == Internals()
    counted = {"answered\0nps\0promoter": [3, 0]}
    told = msgspec.structs.replace(shown(signals(5), 2, 100), care=counted)
    await redis.set(VIEW, encode_view(told))
    await service.look()
    assert service.internals().care == counted


async def test_what_another_release_wrote_differently_is_left_alone(service: ClusterService, redis: Redis) -> None:
    assert decode_view(b"?") is None
    await redis.set(VIEW, b"?")
    await service.look()
    assert service.journeys() == ()


async def test_health_is_the_sum_of_what_the_workers_say(service: ClusterService, redis: Redis) -> None:
    await claimed(redis)
    now = service.now()
    await tell(redis, worker(now))
    await service.look()
    health = service.health()
    assert (health.status, health.reason) == ("ok", None)
    assert (health.pending_timers, health.events_per_second, health.log.next_offset, health.log.low) == (4, 2.5, 12, 8)
    assert health.lag_seconds is not None
    assert health.lag_seconds >= 3.0


async def test_health_says_which_partition_nobody_works_on(service: ClusterService, redis: Redis) -> None:
    await service.look()
    assert service.health().status == "starting"
    assert "holds no cluster's state" in (service.health().reason or "")
    await claimed(redis)
    await service.look()
    assert service.health().reason == "partition 0: nobody has it"
    await tell(redis, worker(service.now(), running=False))
    await service.look()
    assert service.health().reason == "partition 0: store: TimeoutError"
    await tell(redis, worker(service.now(), owner=False))
    await service.look()
    assert service.health().reason == "nobody has the signals"


async def test_a_worker_nobody_has_heard_of_lately_is_not_there(service: ClusterService, redis: Redis) -> None:
    await claimed(redis)
    await tell(redis, worker(service.now() - (STALE_SECONDS + 1) * 1_000_000))
    await service.look()
    assert service.health().reason == "partition 0: nobody has it"


async def test_a_dead_letter_another_door_has_sent_again_counts_no_more(service: ClusterService, redis: Redis) -> None:
    service._index.hold(3, 9, 0, "no_id", "id: it is missing", b"{}")
    assert service.health().dead_letters == 1
    await redis.sadd(REDRIVEN, 3)
    await service.look()
    assert service.health().dead_letters == 0


async def test_a_door_whose_store_does_not_answer_takes_events_and_says_so() -> None:
    intake = Intake(MemoryProducer, "touchline.events", SystemClock())
    await intake.start()
    service = ClusterService(intake, LOADED, Names(), kafka="127.0.0.1:1", redis="redis://127.0.0.1:1/0", file="f")
    await service._try_to_look()
    assert service.health().reason == "Redis does not answer: what is shown grows old"
    assert await service.submit([encode(event(1, "cart.updated"))]) == [-1]
    with pytest.raises(Problem, match="cannot be looked up now"):
        await service.customer("c-1")
    await service.stop()
    await intake.stop()


async def test_a_door_forgets_whom_the_cluster_has_erased(service: ClusterService, redis: Redis) -> None:
    for number, one in enumerate(STORY):
        service._index.take("events:0", 0, number, encode_decision(one))
    await tell_doors(redis, ["ben", "anna"])
    await service.look()
    assert await service.case("k-1") is None
    assert not (await service.decisions(None, 10, None)).items
    assert await redis.ttl(GONE) > 0


async def test_cases_are_listed_once_the_store_answers(service: ClusterService, redis: Redis) -> None:
    store = PartitionStore(redis, "events:0")
    await store.claim(partitions=1, start=0, config=LOADED.hash)
    kept = dict(case_told(one, number) for number, one in enumerate(STORY))
    commit = Commit(
        stage=b"", read=0, low=0, watermark=None, config=LOADED.hash, states={}, timers={}, effects=(),
        cases={"anna": kept},
    )  # fmt: skip
    assert await store.commit(commit) is Outcome.DONE
    await store.close()
    await service.look()
    found = await service.case("k-1")
    assert found is not None
    assert found.state == "contacted"
