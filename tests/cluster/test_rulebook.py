"""Files in the order in which they came into use: a newer one holds until nobody runs it any more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from redis.asyncio import Redis

from streams.config.load import Loaded, load_text
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.heard import STALE_SECONDS, WORKERS
from streams.runtime.cluster.rulebook import UNUSED_SECONDS, Rulebook
from tests.build import START
from tests.cluster.test_signal_agent import FILE

pytestmark = pytest.mark.redis
OLD, NEW = load_text(FILE), load_text(FILE.replace("10m", "5m"))
SECOND = 1_000_000


class Cluster:
    """Workers that say which file they run, and a time that passes when told."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self.seconds = redis, 0.0

    async def book(self, loaded: Loaded) -> Rulebook:
        """Of a worker that starts with a file."""
        connections = cast(Connections, SimpleNamespace(redis=self._redis))
        made = Rulebook(connections, loaded, monotonic=lambda: self.seconds)
        await made.refresh()
        return made

    async def says(self, worker: str, loaded: Loaded) -> None:
        told = msgspec.json.encode({"worker": worker, "time": self.now, "config": loaded.hash, "more": [1]})
        await self._redis.hset(WORKERS, worker, told)

    @property
    def now(self) -> int:
        return START + round(self.seconds * SECOND)


async def test_an_older_file_gives_way_at_once_and_a_newer_one_while_somebody_runs_it_never(redis: Redis) -> None:
    place = Cluster(redis)
    old, new = await place.book(OLD), await place.book(NEW)
    await place.says("a", OLD)
    await place.says("b", NEW)
    assert await new.gives_way(OLD.hash, place.now)
    for _ in range(20):
        assert not await old.gives_way(NEW.hash, place.now)
        place.seconds += UNUSED_SECONDS / 2
        await place.says("b", NEW)
    again = await place.book(OLD)
    assert not await again.gives_way(NEW.hash, place.now), "a worker that starts with the old file brings it back"


async def test_a_newer_file_that_nobody_has_run_for_a_while_gives_way(redis: Redis) -> None:
    place = Cluster(redis)
    old, new = await place.book(OLD), await place.book(NEW)
    await place.says("b", NEW)
    assert not await old.gives_way(NEW.hash, place.now)
    place.seconds += STALE_SECONDS
    assert not await old.gives_way(NEW.hash, place.now)
    place.seconds += UNUSED_SECONDS - 1
    await place.says("b", NEW)
    assert not await old.gives_way(NEW.hash, place.now), "it was only restarted"
    place.seconds += STALE_SECONDS
    assert not await old.gives_way(NEW.hash, place.now)
    place.seconds += UNUSED_SECONDS
    assert await old.gives_way(NEW.hash, place.now)
    await place.says("a", OLD)
    assert not await new.gives_way(OLD.hash, place.now), "the file that was taken back is the older one now"


async def test_who_has_not_looked_for_long_does_not_know_that_a_file_was_unused_all_the_time(redis: Redis) -> None:
    place = Cluster(redis)
    old, _ = await place.book(OLD), await place.book(NEW)
    assert not await old.gives_way(NEW.hash, place.now)
    place.seconds += 10 * UNUSED_SECONDS
    assert not await old.gives_way(NEW.hash, place.now)
    place.seconds += UNUSED_SECONDS
    assert await old.gives_way(NEW.hash, place.now)


async def test_a_file_of_a_release_that_kept_no_order_is_the_oldest(redis: Redis) -> None:
    place = Cluster(redis)
    await redis.hset("touchline:files", OLD.hash, OLD.text)
    new = await place.book(NEW)
    await place.says("a", OLD)
    assert await new.gives_way(OLD.hash, place.now)
    assert new.rules(OLD.hash).hash == OLD.hash


async def test_what_another_release_says_of_itself_is_passed_over(redis: Redis) -> None:
    place = Cluster(redis)
    old, _ = await place.book(OLD), await place.book(NEW)
    await redis.hset(WORKERS, "z", b"{not json")
    assert not await old.gives_way(NEW.hash, place.now)
    place.seconds += UNUSED_SECONDS
    assert await old.gives_way(NEW.hash, place.now)
