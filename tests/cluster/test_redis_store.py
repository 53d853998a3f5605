"""The commit of exactness rule 6 on a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
import pytest
from redis.asyncio import Redis

from streams.errors import CannotStart
from streams.runtime.cluster.redis_inspection import inspect
from streams.runtime.cluster.redis_link import Command
from streams.runtime.cluster.redis_store import Commit, Outcome, Outgoing, PartitionStore

pytestmark = pytest.mark.redis


@pytest.fixture
async def store(redis: Redis) -> AsyncIterator[PartitionStore]:
    store = PartitionStore(redis, "events:7")
    await store.claim(partitions=8, start=0, config="f00d")
    yield store
    await store.close()


def commit(
    read: int,
    states: Mapping[str, bytes | None] | None = None,
    timers: Mapping[str, int | None] | None = None,
    effects: Sequence[Outgoing] = (),
) -> Commit:
    return Commit(
        stage=b"stage", read=read, low=read, watermark=read, config="f00d",
        states=states or {}, timers=timers or {}, effects=effects,
    )  # fmt: skip


def effect(sequence: int, topic: str = "touchline.partials") -> Outgoing:
    return Outgoing(topic, b"events:7", b"%d" % sequence, sequence)


async def test_everything_of_a_commit_is_found_by_the_next_owner(store: PartitionStore, redis: Redis) -> None:
    due = 1_772_874_000_000_001
    done = await store.commit(commit(5, {"anna": b"A", "b:{o}": b"B"}, {"anna": due}, [effect(0), effect(1)]))
    assert done is Outcome.DONE

    heir = PartitionStore(redis, "events:7")
    head = await heir.claim(partitions=8, start=0, config="f00d")
    assert (head.read, head.low, head.watermark, head.stage) == (5, 5, 5, b"stage")
    assert await heir.states(["anna", "b:{o}", "nobody"]) == {"anna": b"A", "b:{o}": b"B", "nobody": None}
    assert await heir.timers() == [("anna", due)]
    assert await heir.outbox() == [(1, effect(0)), (2, effect(1))]
    await heir.close()


async def test_a_forgotten_customer_leaves_neither_state_nor_timer(store: PartitionStore) -> None:
    await store.commit(commit(1, {"anna": b"A"}, {"anna": 9}))
    await store.commit(commit(2, {"anna": None}, {"anna": None}))
    assert await store.states(["anna"]) == {"anna": None}
    assert await store.timers() == []


async def test_what_is_told_of_cases_is_the_latest_of_each_kind_until_the_customer_is_forgotten(
    store: PartitionStore,
) -> None:
    first = msgspec.structs.replace(
        commit(1, {"anna": b"A"}), cases={"anna": {"k-1/opened": b"1", "k-1/contacted": b"2"}}
    )
    await store.commit(first)
    later = {"anna": {"k-1/contacted": b"5"}, "ben": {"k-2/opened": b"4"}}
    await store.commit(msgspec.structs.replace(commit(2), cases=later))
    assert sorted(await store.cases()) == [b"1", b"4", b"5"]
    await store.commit(commit(3, {"anna": None}))
    assert await store.cases() == [b"4"]


async def test_effects_are_numbered_by_the_partition_they_go_to(store: PartitionStore) -> None:
    told = [msgspec.structs.replace(effect(0, "touchline.events"), partition=number) for number in (0, 1)]
    assert await store.commit(commit(1, effects=told)) is Outcome.DONE
    assert store.head.sequences["touchline.events/1"] == 1
    with pytest.raises(RuntimeError, match="effect 0 towards touchline.events/1, expected 1"):
        await store.commit(commit(2, effects=[told[1]]))


async def test_who_lost_the_partition_writes_nothing(store: PartitionStore, redis: Redis) -> None:
    heir = PartitionStore(redis, "events:7")
    await heir.claim(partitions=8, start=0, config="f00d")
    assert await store.commit(commit(5, {"anna": b"zombie"}, {}, [effect(0)])) is Outcome.LOST
    assert await heir.states(["anna"]) == {"anna": None}
    assert await heir.outbox() == []
    assert await heir.commit(commit(5, {"anna": b"heir"})) is Outcome.DONE
    await heir.close()


async def test_two_owners_of_the_same_epoch_are_told_apart_when_the_store_came_back_older(
    store: PartitionStore, redis: Redis
) -> None:
    key = "{events:7}:head"
    before = await redis.get(key)
    assert isinstance(before, bytes)
    frozen = PartitionStore(redis, "events:7")
    await frozen.claim(partitions=8, start=0, config="f00d")
    await frozen.commit(commit(3, effects=[effect(0)]))
    await redis.set(key, before)
    await redis.delete("{events:7}:out")
    heir = PartitionStore(redis, "events:7")
    await heir.claim(partitions=8, start=0, config="f00d")
    assert heir.head.epoch == frozen.head.epoch
    assert await heir.commit(commit(2, effects=[effect(0)])) is Outcome.DONE
    await frozen.trim(1)
    assert await heir.outbox() == [(1, effect(0))]
    assert await frozen.commit(commit(4)) is Outcome.LOST
    await heir.trim(1)
    assert await heir.outbox() == []
    await frozen.close()
    await heir.close()


async def test_a_commit_whose_answer_got_lost_is_known_to_be_done(
    store: PartitionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = store._link.ask

    async def lose_the_answer(commands: Sequence[Command], *, watching: bool = False) -> list[object]:
        monkeypatch.setattr(store._link, "ask", ask)
        await ask(commands, watching=watching)
        raise ConnectionResetError

    monkeypatch.setattr(store._link, "ask", lose_the_answer)
    assert await store.commit(commit(5, {"anna": b"A"})) is Outcome.DONE
    assert store.head.read == 5
    assert await store.commit(commit(6, {"anna": b"B"})) is Outcome.DONE


async def test_a_commit_that_never_arrived_is_not_taken_for_done(
    store: PartitionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = store._link.ask

    async def break_first(commands: Sequence[Command], *, watching: bool = False) -> list[object]:
        monkeypatch.setattr(store._link, "ask", ask)
        raise ConnectionResetError

    monkeypatch.setattr(store._link, "ask", break_first)
    assert await store.commit(commit(5, {"anna": b"A"})) is Outcome.RELOAD
    assert store.head.read == 0
    assert await store.states(["anna"]) == {"anna": None}


async def test_the_outbox_goes_on_numbering_after_it_was_trimmed(store: PartitionStore) -> None:
    await store.commit(commit(1, effects=[effect(0), effect(1)]))
    await store.trim(1)
    await store.commit(commit(2, effects=[effect(2), effect(0, "touchline.decisions")]))
    assert await store.outbox() == [(2, effect(1)), (3, effect(2)), (4, effect(0, "touchline.decisions"))]
    await store.trim(4)
    await store.commit(commit(3, effects=[effect(3)]))
    assert await store.outbox() == [(5, effect(3))]


async def test_an_effect_that_skips_a_number_is_refused(store: PartitionStore) -> None:
    with pytest.raises(RuntimeError, match="expected 0"):
        await store.commit(commit(1, effects=[effect(1)]))


async def test_a_state_made_for_another_partition_count_is_refused(store: PartitionStore, redis: Redis) -> None:
    other = PartitionStore(redis, "events:7")
    with pytest.raises(CannotStart, match="made for 8 partitions, the topic has 16"):
        await other.claim(partitions=16, start=0, config="f00d")
    await other.close()


async def test_a_server_that_may_drop_state_is_refused(redis: Redis) -> None:
    assert await inspect(redis) == []
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(CannotStart, match="noeviction"):
            await inspect(redis)
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")


async def test_a_server_without_append_only_file_is_warned_of(redis: Redis) -> None:
    await redis.config_set("appendonly", "no")
    try:
        (warning,) = await inspect(redis)
    finally:
        await redis.config_set("appendonly", "yes")
    assert "append-only" in warning
