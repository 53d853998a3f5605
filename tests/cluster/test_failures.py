"""Everything that can die does, repeatedly and under load: nothing is lost, nothing doubled, all ends like `replay`."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from streams.model import Event
from streams.runtime.cluster.signal_agent import SOURCE
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation, Worker
from tests.cluster.load import ROUNDS, Load
from tests.cluster.parity import DEMO, SECOND, UNTIL, assert_like_replay, assert_same_under_same_number, within_lateness
from tests.cluster.proxy import Proxy
from tests.servers.base import ServerMissing, skip_or_fail
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400 * ROUNDS)]
HOUR = 3600 * SECOND
FAST = ("--batch", "100", "--session", "4")
NOWHERE = ("127.0.0.1", 9)


def opened(worker: Worker) -> int:
    """How often it has opened a partition."""
    return worker.log.count("partition_opened")


async def until_opened(worker: Worker, before: int) -> None:
    """A worker has opened a partition since it had opened `before`."""

    async def done() -> bool:
        return opened(worker) > before

    await worker.until(done, "it to open a partition")


async def until_it_has(worker: Worker, partitions: int) -> None:
    """So many partitions are a worker's by the latest word of the group, and it has opened them."""

    async def done() -> bool:
        return len(worker.holds) == partitions

    await worker.until(done, f"it to have {partitions} partitions")


async def test_workers_that_are_killed_replaced_and_frozen_change_nothing(install: Install, shop: list[Event]) -> None:
    async with install(DEMO, 4) as made:
        events = list(within_lateness(shop, made.loaded.config.allowed_lateness))
        load = Load(made, events, 5 * ROUNDS + 1)
        pair = [made.worker(*FAST, "--instance", "a"), made.worker(*FAST, "--instance", "b")]
        all_workers = list(pair)

        def replace(place: int) -> None:
            pair[place] = made.worker(*FAST, "--instance", "ab"[place])
            all_workers.append(pair[place])

        for worker in pair:  # else the first one may do it all before the second is there to be killed
            await until_it_has(worker, 2)
        async with load.running():
            for _ in range(ROUNDS):
                # Killed, and the other takes over.
                await load.more(pair[1])
                pair[1].kill()
                await until_it_has(pair[0], 4)
                replace(1)
                # Killed in the middle of the rebalance that follows, with an heir of the same name at once.
                await load.more(pair[0])
                pair[0].kill()
                replace(0)
                await load.more(pair[1])
                await until_opened(pair[0], 0)
                # Told to go in the middle of batches, and replaced.
                await load.more(pair[0])
                assert pair[0].stop() == 0, pair[0].log
                replace(0)
                await until_opened(pair[0], 0)
                # Frozen in the middle of a batch until the other has everything, then awake again.
                await load.more(pair[0])
                for place in (0, 1):
                    await freeze_until_replaced(made, load, pair[place], pair[1 - place], None)
            await load.rest()
            await pair[0].until(lambda: all_read(made), "all events to be read")
            # A quiet partition: commits that only fire timers.
            steps = 2 * ROUNDS
            for step in range(steps):
                place = step % 2
                moment = UNTIL - (steps - step) * HOUR // ROUNDS
                await freeze_until_replaced(made, load, pair[place], pair[1 - place], moment)
            await load.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
            await pair[0].until(made.done, "all to be processed")
        await assert_like_replay(made, events)
        await assert_same_under_same_number(made)
        assert any("another owner" in worker.log for worker in all_workers), "no zombie tried to commit"


async def test_a_worker_that_is_back_within_its_session_moves_no_partition(install: Install, shop: list[Event]) -> None:
    async with install(DEMO, 2) as made:
        pair = [made.worker("--session", "120", "--instance", name) for name in "ab"]
        for worker in pair:  # the first one had both until the other came
            await until_it_has(worker, 1)
        noticed = pair[1].log.count("partitions_assigned")
        await made.send(shop[:2000])
        assert pair[0].stop() == 0, pair[0].log
        again = made.worker("--session", "120", "--instance", "a")
        await until_it_has(again, 1)
        await again.until(lambda: all_read(made), "all events to be read")
        assert pair[1].log.count("partitions_assigned") == noticed
        assert again.log.count("partitions_assigned") == 1


async def freeze_until_replaced(
    made: Installation, load: Load, victim: Worker, heir: Worker, advance_to: int | None
) -> None:
    """Stop a worker beyond its session; what was already on its way to it finds it awake when another owns it."""
    victim.freeze()
    if advance_to is not None:
        await load.advance(advance_to)
    await until_it_has(heir, made.partitions)
    back = opened(victim)
    victim.thaw()
    await until_opened(victim, back)


async def all_read(made: Installation) -> bool:
    """Whether every record of the events was committed."""
    heads = await made.heads()
    ends = {name: end for name, end in (await made.ends()).items() if name != SOURCE}
    return all((head := heads.get(name)) is not None and head.read >= end for name, end in ends.items())


# -- the servers -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts Redis servers of this test's own."""
    started: list[RedisServer] = []

    def start(*options: str) -> RedisServer:
        server = RedisServer(tmp_path / f"redis-{len(started)}", "--appendfsync", "everysec", *options)
        server.start()
        started.append(server)
        return server

    try:
        yield start
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    finally:
        for server in started:
            server.kill()


def truncate(server: RedisServer, dice: random.Random, *, inside_a_transaction: bool) -> None:
    """Cut the append-only file of a dead server, somewhere in its second half."""
    file = max(server.folder.glob("**/*.aof"), key=lambda path: path.stat().st_size)
    body = file.read_bytes()
    at = len(body) // 2 + dice.randrange(len(body) // 4)
    if inside_a_transaction:
        at = body.index(b"\r\nMULTI\r\n", at)
        at += (body.index(b"\r\nEXEC\r\n", at) - at) // 2
    file.write_bytes(body[:at])


def command(server: RedisServer, *words: str) -> Any:
    """Ask a server something."""
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        return client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py has no types for it


async def follows(replica: RedisServer, primary: RedisServer) -> bool:
    """Whether a replica has all its primary had a moment ago."""
    had = command(primary, "INFO", "replication")["master_repl_offset"]
    now = command(replica, "INFO", "replication")
    return bool(now["master_link_status"] == "up" and now["slave_repl_offset"] >= had)


async def has_cut(proxy: Proxy, wanted: int) -> bool:
    """Whether so many answers were lost."""
    return proxy.cuts >= wanted


async def misses_its_store(worker: Worker) -> bool:
    """Whether a worker has noticed that Redis is gone."""
    return "partition_paused" in worker.log


@pytest.mark.expects_errors  # the test's own clients say so when their broker is gone
async def test_servers_that_die_lose_answers_and_come_back_older_change_nothing(
    kafka_server: KafkaServer, stores: Callable[..., RedisServer], tmp_path: Path, shop: list[Event]
) -> None:
    store = stores()
    proxy = Proxy(("127.0.0.1", store.port))
    with proxy.running():
        made = Installation(kafka_server.bootstrap, proxy.url, tmp_path, DEMO, 2)
        assert made.create_topics().returncode == 0
        await made.wait_for_topics()
        events = list(within_lateness(shop, made.loaded.config.allowed_lateness))
        load = Load(made, events, 8 * ROUNDS + 1)
        pair = [made.worker(*FAST), made.worker(*FAST)]
        try:
            async with load.running():
                for _ in range(ROUNDS):
                    for deliver in (True, False):
                        before = proxy.cuts
                        proxy.cut(4, deliver=deliver)
                        await load.more(pair[0])
                        await pair[0].until(partial(has_cut, proxy, before + 4), "answers to be lost")
                    await load.more(pair[0])
                    kafka_server.kill()
                    await asyncio.to_thread(kafka_server.start, 90)
                    await load.more(pair[0])
                    store.kill()
                    await pair[0].until(partial(misses_its_store, pair[0]), "it to miss its store")
                    store.start()
                    for inside in (False, True):
                        await load.more(pair[1])
                        before = await load.read()
                        proxy.switch(NOWHERE)  # else the workers may have caught up before it is looked at
                        store.kill()
                        truncate(store, load.dice, inside_a_transaction=inside)
                        store.start()
                        assert await load.read(store.url) < before, "nothing was forgotten"
                        proxy.switch(("127.0.0.1", store.port))
                    heir = stores("--replicaof", "127.0.0.1", str(store.port))
                    await pair[0].until(partial(follows, heir, store), "the replica to follow")
                    await load.more(pair[0])
                    command(heir, "REPLICAOF", "NO", "ONE")  # what comes from here on does not reach it
                    await load.more(pair[1])
                    before = await load.read()
                    store.kill()
                    assert await load.read(heir.url) < before, "the replica was not behind"
                    proxy.switch(("127.0.0.1", heir.port))
                    store = heir
                await load.rest()
                await load.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
                await pair[0].until(made.done, "all to be processed")
            await assert_like_replay(made, events)
            assert await assert_same_under_same_number(made) > 100, "nothing had left before the store forgot it"
        finally:
            made.stop()
            await made.drop_topics()
