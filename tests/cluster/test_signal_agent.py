"""SignalStage's place in the cluster: each partial once, in order, decisions only after their commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from streams.config.load import Loaded, load_text
from streams.effects import Entered, Partial
from streams.errors import CannotStart
from streams.runtime.cluster import signal_agent
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.redis_store import connect
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.signal_agent import SignalDesk, StageLost
from streams.runtime.cluster.topics import Names

pytestmark = pytest.mark.redis
FILE = """
version: 1
journeys:
  buy:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 10m}
"""


@pytest.fixture
async def redis(redis_db: str) -> AsyncIterator[Redis]:
    client = connect(redis_db)
    yield client
    await client.aclose()


@pytest.fixture
def loaded() -> Loaded:
    return load_text(FILE)


def desk_on(redis: Redis, loaded: Loaded) -> SignalDesk:
    connections = cast(Connections, SimpleNamespace(redis=redis, sender=None))
    return SignalDesk(connections, Rulebook(connections, loaded), Names("t"), 1)


@pytest.fixture
async def desk(redis: Redis, loaded: Loaded) -> AsyncIterator[SignalDesk]:
    desk = desk_on(redis, loaded)
    assert await desk.claim() == 0
    yield desk
    await desk.close()


def body(loaded: Loaded, sequence: int) -> bytes:
    """One customer entering the cart, in the tick of the same number."""
    entered: Any = (Entered("buy", "cart", (), 1, 0),)
    partial = Partial(0, sequence, sequence, sequence, loaded.hash, entered=entered, types={"cart.updated": 1})
    return msgspec.msgpack.encode(partial)


def entered(desk: SignalDesk) -> int:
    assert desk.stage is not None
    return desk.stage.totals().journeys["buy"]["cart"].entered


async def test_a_partial_that_comes_twice_counts_once(desk: SignalDesk, loaded: Loaded) -> None:
    for offset, sequence in enumerate((0, 1, 0, 1, 2)):
        await desk.take(offset, body(loaded, sequence))
    assert entered(desk) == 3
    assert desk.position == 5


async def test_a_partial_before_its_turn_waits_for_the_one_sent_again(desk: SignalDesk, loaded: Loaded) -> None:
    for offset, sequence in enumerate((0, 2, 1, 2)):
        await desk.take(offset, body(loaded, sequence))
    assert entered(desk) == 3


async def test_a_number_that_stays_missing_stops_the_worker(
    desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_agent, "_GAP_LIMIT_S", -1.0)
    await desk.take(0, body(loaded, 0))
    await desk.take(1, body(loaded, 2))
    await desk.take(2, body(loaded, 3))
    with pytest.raises(CannotStart, match="number 1 of partition 0 is missing, 2 is at offset 1"):
        await desk.tick()
    assert desk.position == 1


async def test_a_position_never_passes_a_partial_that_waits_for_another(
    redis: Redis, desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_agent, "_COMMIT_S", 0.0)
    await desk.take(0, body(loaded, 0))
    await desk.take(1, body(loaded, 2))
    await desk.tick()
    heir = desk_on(redis, loaded)
    assert await heir.claim() == 1
    for offset, sequence in enumerate((2, 1, 2), 1):
        await heir.take(offset, body(loaded, sequence))
    assert entered(heir) == 3
    assert heir.position == 4
    await heir.close()
    desk.fail("test")


async def test_what_faust_fetched_before_a_seek_does_not_move_the_position(
    desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take(0, body(loaded, 0))
    await desk.take(5, body(loaded, 1))
    assert (desk.position, entered(desk)) == (1, 1)
    await desk.take(1, body(loaded, 1))
    assert (desk.position, entered(desk)) == (2, 2)
    await desk.tick()
    assert desk.trouble is None
    await desk.take(7, body(loaded, 2))
    monkeypatch.setattr(signal_agent, "_JUMP_LIMIT_S", -1.0)
    await desk.tick()
    assert desk.trouble == "records between were not delivered"


async def test_what_was_not_committed_is_read_again(redis: Redis, desk: SignalDesk, loaded: Loaded) -> None:
    await desk.take(0, body(loaded, 0))
    await desk.tick()
    await desk.take(1, body(loaded, 1))
    heir = desk_on(redis, loaded)
    assert await heir.claim() == 1
    assert entered(heir) == 1
    await heir.take(1, body(loaded, 1))
    assert entered(heir) == 2
    await heir.close()
    desk.fail("test")


async def test_who_lost_the_stage_commits_nothing(
    redis: Redis, desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    heir = desk_on(redis, loaded)
    await heir.claim()
    await desk.take(0, body(loaded, 0))
    monkeypatch.setattr(signal_agent, "_COMMIT_S", 0.0)
    with pytest.raises(StageLost):
        await desk.tick()
    desk.fail("another owner")
    assert desk.position is None
    again = desk_on(redis, loaded)
    assert await again.claim() == 0
    await again.close()
    await heir.close()
