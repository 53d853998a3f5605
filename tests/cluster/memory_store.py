"""Partitions' stores in memory, with the compare-and-swap of the real one; they can be away, or lose an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError

from streams.errors import CannotStart
from streams.runtime.cluster.redis_store import Commit, Outcome
from streams.runtime.commit import FORMAT, Head

T = TypeVar("T")


class Memory:
    """What a Redis would hold, by partition."""

    def __init__(self) -> None:
        self.heads: dict[int, Head] = {}
        self.items: dict[int, dict[str, bytes]] = {}
        self.due: dict[int, dict[str, int]] = {}
        self.away = False
        """Nothing is answered."""
        self.commits = 0

    def store(self, number: int) -> MemoryStore:
        """A partition's store, for one owner."""
        return MemoryStore(self, number)


class MemoryStore:
    """One owner's view of a partition."""

    def __init__(self, memory: Memory, number: int) -> None:
        self._memory = memory
        self._number = number
        self._head: Head | None = None

    @property
    def head(self) -> Head:
        assert self._head is not None
        return self._head

    def _ask(self) -> None:
        if self._memory.away:
            raise RedisConnectionError("away")

    async def claim(self, *, partitions: int, start: int, config: str) -> Head:
        self._ask()
        known = self._memory.heads.get(self._number)
        if known is None:
            known = Head(FORMAT, 0, 0, b"", partitions, start, start, None, config)
        if known.partitions != partitions:
            raise CannotStart(f"decisions:{self._number}: made for {known.partitions} partitions")
        self._head = msgspec.structs.replace(known, epoch=known.epoch + 1)
        self._memory.heads[self._number] = self._head
        return self._head

    async def timers(self) -> list[tuple[str, int]]:
        self._ask()
        return sorted(self._memory.due.get(self._number, {}).items(), key=lambda entry: entry[1])

    async def states(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        self._ask()
        items = self._memory.items.get(self._number, {})
        return {key: items.get(key) for key in keys}

    async def glance(self, keys: Sequence[str]) -> list[bytes | None]:
        return list((await self.states(keys)).values())

    async def commit(self, commit: Commit) -> Outcome:
        self._ask()
        memory, number = self._memory, self._number
        if memory.heads[number].epoch != self.head.epoch:
            return Outcome.LOST
        _change(memory.items.setdefault(number, {}), commit.states)
        _change(memory.due.setdefault(number, {}), commit.timers)
        self._head = msgspec.structs.replace(
            self.head, commit=self.head.commit + 1, read=commit.read, low=commit.low, stage=commit.stage
        )
        memory.heads[number] = self._head
        memory.commits += 1
        return Outcome.DONE

    async def close(self) -> None:
        return


def _change(kept: dict[str, T], changes: Mapping[str, T | None]) -> None:
    for key, value in changes.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value
