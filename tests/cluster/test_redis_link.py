"""The store in a Redis Cluster of three masters: a commit is whole wherever its slot is, and while it is moved."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.cluster import RedisCluster as Cluster
from redis.asyncio.connection import Connection

from streams.errors import CannotStart
from streams.runtime.cluster.delivery_erasing import erase_records
from streams.runtime.cluster.redis_inspection import inspect
from streams.runtime.cluster.redis_link import Client, SlotMoving, executed, packed, scan, values
from streams.runtime.cluster.redis_store import DOWN, Commit, Outcome, Outgoing, PartitionStore, connect
from tests.servers.base import wait_until
from tests.servers.redis import RedisCluster

pytestmark = [pytest.mark.redis, pytest.mark.timeout(120)]
NAME = "events:3"


@pytest.fixture
async def client(redis_cluster: RedisCluster) -> AsyncIterator[Client]:
    client = connect(redis_cluster.url)
    yield client
    await client.aclose()


def commit(number: int) -> Commit:
    """The n-th, of a customer of its own."""
    return Commit(
        stage=b"stage",
        read=number,
        low=number,
        watermark=None,
        config="f00d",
        states={f"c-{number}": b"state"},
        timers={f"c-{number}": number},
        effects=[Outgoing("touchline.partials", b"key", b"body", number)],
        cases={f"c-{number}": {"case-1/opened": b"told"}},
    )


async def owned(client: Client, name: str = NAME) -> PartitionStore:
    store = PartitionStore(client, name)
    await store.claim(partitions=8, start=0, config="f00d")
    return store


async def committed(store: PartitionStore, numbers: Sequence[int]) -> None:
    for number in numbers:
        assert await store.commit(commit(number)) is Outcome.DONE


def slot_of(client: Client, name: str = NAME) -> int:
    assert isinstance(client, Cluster)
    return client.keyslot(name)


async def keys(client: Client, match: bytes) -> set[bytes]:
    return {key async for portion in scan(client, match, 100) for key in portion}


async def test_partitions_are_spread_over_the_masters_and_each_commits_in_one(
    redis_cluster: RedisCluster, client: Client
) -> None:
    homes = set()
    for number in range(8):
        store = await owned(client, f"events:{number}")
        await committed(store, range(3))
        await store.trim(2)
        assert [entry for entry, _ in await store.outbox()] == [3]
        assert await store.cases() == [b"told"] * 3
        assert await store.states(["c-1", "nobody"]) == {"c-1": b"state", "nobody": None}
        homes.add(redis_cluster.owner(slot_of(client, store.name)))
        await store.close()
    assert homes == {0, 1, 2}
    assert len(await keys(client, b"*:c:*")) == 24


async def test_a_slot_that_is_moved_stops_its_partition_until_it_is_there(
    redis_cluster: RedisCluster, client: Client
) -> None:
    store = await owned(client)
    await committed(store, range(20))
    slot = slot_of(client)
    source = redis_cluster.owner(slot)
    target = (source + 1) % 3
    redis_cluster.begin_move(slot, source, target)
    while True:
        with contextlib.suppress(SlotMoving):
            assert await store.commit(commit(20)) is Outcome.RELOAD  # the head is here, but not done
        with pytest.raises(SlotMoving):
            await store.states(["nobody", "c-1"])
        with pytest.raises(CannotStart, match="are being moved"):
            await keys(client, b"*")
        if not redis_cluster.move_keys(slot, source, target, 8):
            break
    redis_cluster.end_move(slot, target)
    assert redis_cluster.owner(slot) == target
    assert await store.reload() is Outcome.RELOAD
    assert store.head.read == 19
    await committed(store, [20, 21])
    assert [entry for entry, _ in await store.outbox()] == list(range(1, 23))
    assert len(await store.timers()) == 22
    await store.close()


async def test_a_commit_under_way_when_its_slot_left_is_not_done_in_part(
    redis_cluster: RedisCluster, client: Client
) -> None:
    store = await owned(client)
    await committed(store, range(5))
    slot = slot_of(client)
    source = redis_cluster.owner(slot)
    target = (source + 1) % 3
    redis_cluster.begin_move(slot, source, target)
    while redis_cluster.move_keys(slot, source, target, 100):
        pass
    redis_cluster.end_move(slot, target)
    assert await store.commit(commit(5)) is Outcome.RELOAD
    assert await store.states(["c-5"]) == {"c-5": None}
    assert (await store.commit(commit(5)), store.head.read) == (Outcome.DONE, 5)
    await store.close()


async def test_an_owner_elsewhere_is_noticed_through_another_node(client: Client) -> None:
    old = await owned(client)
    await committed(old, range(2))
    heir = await owned(client)
    assert await old.commit(commit(2)) is Outcome.LOST
    await committed(heir, [2])
    await old.close()
    await heir.close()


async def test_a_transaction_goes_only_over_the_connection_that_watched(client: Client) -> None:
    store = await owned(client)
    await store._link.close()
    assert await store.states(["c-0"]) == {"c-0": None}
    assert await store.commit(commit(0)) is Outcome.RELOAD
    await committed(store, [0])
    await store.close()


async def test_a_master_that_was_away_goes_on_with_what_it_had(redis_cluster: RedisCluster, client: Client) -> None:
    store = await owned(client)
    await committed(store, range(3))
    node = redis_cluster.nodes[redis_cluster.owner(slot_of(client))]
    redis_cluster.tell(node, "CONFIG", "SET", "appendfsync", "always")
    await committed(store, [3])
    node.kill()
    with pytest.raises(DOWN):
        await store.commit(commit(4))
    node.start()
    wait_until(redis_cluster.well, "the Redis Cluster to be well again")
    assert await store.reload() is Outcome.RELOAD
    await committed(store, [4])
    await store.close()


async def test_records_of_deliveries_are_erased_on_every_master(client: Client) -> None:
    for number in range(6):
        for name in ("anna", "ben"):
            record: dict[str, object] = {
                "id": "1",
                "type": "t",
                "time": "2026-03-05T09:00:00Z",
                "subject": name,
                "data": {},
            }
            await client.set(f"{{decisions:{number}}}:d:m:{name}", msgspec.json.encode(record))
    assert await erase_records(client, {"anna"}) == 6
    assert {key.rpartition(b":")[2] for key in await keys(client, b"*")} == {b"ben"}


async def test_every_master_must_keep_what_it_is_given(redis_cluster: RedisCluster, client: Client) -> None:
    assert await inspect(client) == []
    redis_cluster.tell(redis_cluster.nodes[1], "CONFIG", "SET", "appendonly", "no")
    (warning,) = await inspect(client)
    assert f":{redis_cluster.nodes[1].port} writes no append-only file" in warning
    redis_cluster.tell(redis_cluster.nodes[2], "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(CannotStart, match=f":{redis_cluster.nodes[2].port}: maxmemory-policy is allkeys-lru"):
        await inspect(client)


async def test_a_cluster_that_is_not_whole_is_refused(redis_cluster: RedisCluster, client: Client) -> None:
    redis_cluster.tell(redis_cluster.nodes[0], "CLUSTER", "DELSLOTS", 1)
    wait_until(lambda: not redis_cluster.well(), "the gap to be noticed")
    with pytest.raises(CannotStart, match="expected ok with all of them"):
        await inspect(client)


async def test_a_cluster_and_a_single_server_are_not_taken_for_each_other(
    redis_cluster: RedisCluster, redis_url: str
) -> None:
    node = connect(redis_cluster.nodes[0].url)
    with pytest.raises(CannotStart, match=r"expected --redis redis\+cluster://"):
        await inspect(node)
    await node.aclose()
    single = connect(redis_url.rpartition("/")[0].replace("redis:", "redis+cluster:"))
    with pytest.raises(CannotStart, match="Cluster mode is not enabled"):
        await inspect(single)
    await single.aclose()


@pytest.mark.parametrize("address", ["redis+cluster://h:1/3", "redis+cluster://", "redis+clusters://h:1", "h:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(CannotStart, match=r"redis\+cluster://HOST:PORT"):
        connect(address)


@given(st.lists(st.lists(st.text() | st.binary() | st.integers(), min_size=1, max_size=9), max_size=5))
def test_commands_are_written_as_redis_itself_has_them(commands: list[list[str | bytes | int]]) -> None:
    expected = Connection(protocol=2).pack_commands([["PING", *command] for command in commands])
    assert b"".join(packed([["PING", *command] for command in commands])) == b"".join(expected)


async def test_a_connection_that_another_task_closes_is_down_and_no_fault_of_the_program(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.set("{a}:1", b"1")

    async def closed_meanwhile(connection: Connection, command: object) -> None:
        await connection.disconnect(nowait=True)
        connection._writer.writelines(command)  # type: ignore[union-attr, arg-type]  # None by now, as in redis-py

    pipeline = client.pipeline(transaction=False)
    pipeline.get("{a}:1")
    monkeypatch.setattr(Connection, "_send_packed_command", closed_meanwhile)
    for asked in (client.get("{a}:1"), values(client, [b"{a}:1"]), executed(pipeline)):
        with pytest.raises(DOWN):
            await asked
    monkeypatch.undo()
    assert await client.get("{a}:1") == b"1"
