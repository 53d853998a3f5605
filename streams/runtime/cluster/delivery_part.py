"""One partition of the decisions that this worker has: its deliveries, its store, one commit after another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from streams.delivery.attempts import Attempted
from streams.delivery.waiting import Delivery
from streams.errors import CannotStart
from streams.runtime.cluster.delivery_state import DeliveryState, keys_of
from streams.runtime.cluster.progress import Progress
from streams.runtime.cluster.redis_store import DOWN, Commit, Outcome
from streams.runtime.commit import Head

_PIECE = 10_000


class Store(Protocol):
    """What is asked of a partition's store; `PartitionStore` is one."""

    @property
    def head(self) -> Head:
        """As this owner last saw it."""
        ...

    async def claim(self, *, partitions: int, start: int, config: str) -> Head: ...

    async def timers(self) -> list[tuple[str, int]]: ...

    async def states(self, keys: Iterable[str]) -> dict[str, bytes | None]: ...

    async def glance(self, keys: Sequence[str]) -> list[bytes | None]: ...

    async def commit(self, commit: Commit) -> Outcome: ...

    async def close(self) -> None: ...


class Result(msgspec.Struct, frozen=True, eq=False):
    """What became of an attempt, until that is durable or the partition has left."""

    receiver: str
    attempts: Sequence[Attempted]
    future: asyncio.Future[None]

    def settle(self) -> None:
        """Nobody has to wait for it any more."""
        if not self.future.done():
            self.future.set_result(None)


class Ends(msgspec.Struct, frozen=True):
    """What the log of a partition holds now: offsets from `first`, the next one written will be `end`."""

    first: int
    end: int


FindEnds = Callable[[int], Awaitable[Ends]]


class Part:
    """Between `open` and `close`.

    Parameters
    ----------
    place
        Called with deliveries that are new and durable, or have changed.
    failed
        Called with the reason when nothing can be committed, and whether another owner is the cause; this object is of
        no more use then.
    """

    def __init__(
        self,
        number: int,
        store: Store,
        place: Callable[[Sequence[Delivery]], None],
        failed: Callable[[Part, str, bool], None],
    ) -> None:
        self.number = number
        self._store = store
        self._place = place
        self._failed = failed
        self.state = DeliveryState(number)
        self.read = 0
        """Offset of the next decision."""
        self.progress = Progress()
        self.leaving = False
        """Nothing more is begun for it."""
        self.jumped_at: float | None = None
        """Since when decisions beyond `read` come instead of the one at it."""
        self.committed_at = time.monotonic()
        self._dirty = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._lock = asyncio.Lock()
        self._applied: list[Result] = []
        self._task: asyncio.Task[None] | None = None

    async def open(self, *, partitions: int, find_ends: FindEnds, config: str, marks: Mapping[str, str]) -> None:
        """Claim and load it. A partition never seen begins where its log does.

        Raises CannotStart, one of the store's DOWN, or what `find_ends` does.
        """
        ends = await find_ends(self.number)
        head = await self._store.claim(partitions=partitions, start=ends.first, config=config)
        if head.read > ends.end:  # the owner before read on while we looked
            ends = await find_ends(self.number)
        if not ends.first <= head.read <= ends.end:
            raise CannotStart(
                f"decisions:{self.number}: its position is {head.read}, the log holds {ends.first} to {ends.end}; "
                "decisions between would not be delivered: restore the topic, or a Redis backup that fits it"
            )
        timers = [key for key, _ in await self._store.timers()]
        wanted = keys_of(head.stage, timers)
        states: dict[str, bytes | None] = {}
        for at in range(0, len(wanted), _PIECE):
            states |= await self._store.states(wanted[at : at + _PIECE])
        self.state = DeliveryState(self.number, head.stage, states)
        self.state.meet(marks)
        self.read = head.read
        self._task = asyncio.create_task(self._run())
        self.touch()

    @property
    def epoch(self) -> int:
        """Of this owner."""
        return self._store.head.epoch

    @property
    def committing(self) -> bool:
        """A commit is under way, or about to begin."""
        return self._dirty.is_set() or self._lock.locked()

    def touch(self) -> None:
        """There is something that should be committed now."""
        if self.state.pressing:
            self._dirty.set()

    def advance(self) -> None:
        """Commit what there is, if only the position."""
        self._dirty.set()

    def apply(self, result: Result) -> None:
        """Change the deliveries of an attempt; its future is set once that is durable."""
        self._place([row for one in result.attempts if (row := self.state.record(one)) is not None])
        self._applied.append(result)
        self._dirty.set()

    @property
    def crowded(self) -> bool:
        """It takes no more before the next commit."""
        return not self._room.is_set()

    def crowd(self) -> None:
        """Take no more before the next commit."""
        self._room.clear()
        self._dirty.set()

    async def room(self) -> None:
        """Wait until what came is durable enough to take more."""
        await self._room.wait()

    async def records(self, decisions: Sequence[str]) -> list[bytes | None]:
        """Records of decisions. Raises one of DOWN."""
        recent = self.state.recent
        missing = [one for one in decisions if one not in recent]
        read = await self._store.glance([f"m:{one}" for one in missing]) if missing else []
        found = dict(zip(missing, read, strict=True))
        return [found[one] if one in found else recent.get(one) for one in decisions]

    async def commit(self) -> None:
        """All there is now, in one. Raises one of DOWN, and PartLost."""
        async with self._lock:
            changes = self.state.changes()
            applied, self._applied = self._applied, []
            outcome = await self._store.commit(
                Commit(
                    stage=changes.stage,
                    read=self.read,
                    low=self.read,
                    watermark=None,
                    config=self._store.head.config,
                    states=changes.states,
                    timers=changes.timers,
                    effects=(),
                )
            )
            if outcome is not Outcome.DONE:
                raise PartLost(outcome)
            self.committed_at = time.monotonic()
            self._room.set()
            for result in applied:
                result.settle()
            self._place(changes.new)

    async def close(self, *, commit: bool = False) -> None:
        """Let go, after a last commit where it is wanted and can be done."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            async with self._lock:  # not in the middle of a commit
                task.cancel()
            await asyncio.wait([task])
        self._room.set()
        if commit:
            try:
                await self.commit()
            except (*DOWN, PartLost):
                pass  # it is read again
        await self._store.close()

    async def _run(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self.commit()
            except DOWN as error:
                return self._failed(self, f"store: {type(error).__name__}", False)
            except PartLost as error:
                lost = error.args[0] is Outcome.LOST
                return self._failed(self, "another owner" if lost else "commit not done", lost)


class PartLost(Exception):
    """A commit was not done: memory is of no use, the stored state is claimed anew or left to its owner."""
