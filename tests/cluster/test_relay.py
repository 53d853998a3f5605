"""The way out: in order, again after any doubt, trimmed only after the acknowledgement."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError  # type: ignore[import-untyped]

from streams.runtime.cluster import relay as relays
from streams.runtime.cluster.redis_store import Commit, Outgoing, PartitionStore, connect
from streams.runtime.cluster.relay import Relay

pytestmark = pytest.mark.redis
PATIENCE_S = 60


class Sender:
    """A producer whose acknowledgements the test decides."""

    def __init__(self, failing: set[int]) -> None:
        self.sent: list[int] = []
        self._failing = failing

    async def send(self, topic: str, body: bytes, **_: Any) -> asyncio.Future[None]:
        """Acknowledge, or fail where the test said so, each time for the first time only."""
        number = int(body)
        self.sent.append(number)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if number in self._failing:
            self._failing.discard(number)
            future.set_exception(KafkaTimeoutError())
        else:
            future.set_result(None)
        return future


def effects(count: int, first: int = 0) -> list[Outgoing]:
    return [Outgoing("t", None, b"%d" % number, number) for number in range(first, first + count)]


def commit(outgoing: list[Outgoing]) -> Commit:
    return Commit(stage=b"", read=1, low=1, watermark=1, config="f", states={}, timers={}, effects=outgoing)


@pytest.fixture
async def store(redis_db: str) -> AsyncIterator[PartitionStore]:
    client = connect(redis_db)
    store = PartitionStore(client, "events:0")
    await store.claim(partitions=1, start=0, config="f")
    yield store
    await store.close()
    await client.aclose()


async def test_what_left_is_trimmed(store: PartitionStore) -> None:
    await store.commit(commit(effects(3)))
    sender = Sender(set())
    relay = Relay(sender, store)
    relay.put(await store.outbox())
    assert await relay.drained(PATIENCE_S)
    assert sender.sent == [0, 1, 2]
    assert await store.outbox() == []
    await relay.stop()


async def test_a_failure_in_the_middle_is_sent_again_from_the_chunks_beginning(
    store: PartitionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "_PAUSE_S", 0.0)
    await store.commit(commit(effects(4)))
    sender = Sender({1})
    relay = Relay(sender, store)
    relay.put(await store.outbox())
    assert await relay.drained(PATIENCE_S)
    assert sender.sent == [0, 1, 2, 3, 0, 1, 2, 3]
    assert await store.outbox() == []
    await relay.stop()


async def test_what_did_not_leave_stays_for_the_next_owner(
    store: PartitionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "_PAUSE_S", 3600.0)
    await store.commit(commit(effects(2)))
    sender = Sender({0})
    relay = Relay(sender, store)
    relay.put(await store.outbox())
    assert not await relay.drained(0.05)
    await relay.stop()
    assert [effect.sequence for _, effect in await store.outbox()] == [0, 1]


async def test_a_full_way_out_holds_the_partition_back(store: PartitionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "FULL", 3)
    await store.commit(commit(effects(3)))
    relay = Relay(Sender(set()), store)
    relay.put(await store.outbox())
    waiting = asyncio.ensure_future(relay.room())
    assert not waiting.done()
    assert await relay.drained(PATIENCE_S)
    await asyncio.wait_for(waiting, PATIENCE_S)
    await relay.stop()


async def test_a_client_that_swallows_the_cancellation_does_not_hold_the_relay(store: PartitionStore) -> None:
    await store.commit(commit(effects(1)))
    begun = asyncio.Event()

    class Deaf(Sender):
        async def send(self, topic: str, body: bytes, **options: Any) -> asyncio.Future[None]:
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return await super().send(topic, body, **options)

    relay = Relay(Deaf({0}), store)
    relay.put(await store.outbox())
    await begun.wait()
    await asyncio.wait_for(relay.stop(), PATIENCE_S)
    assert [effect.sequence for _, effect in await store.outbox()] == [0]
