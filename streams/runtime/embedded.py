"""The embedded service: one process, one event loop, from durable log to committed decisions.

Events are acknowledged once they are in the log. A loop takes the log in slices through both stages; another commits
what they brought about, and decisions leave after that. A crash takes only what was in memory: the log is read again
from the head, and the same effects come about again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from connectors.sinks.contract import Receiving
from streams.brake import Brake, BrakeState
from streams.config.load import Loaded
from streams.delivery.receivers import Receiver
from streams.errors import Fault
from streams.model import Record
from streams.runtime.clock import Clock, SystemClock
from streams.runtime.commit import Commit
from streams.runtime.delivery import GRACE_SECONDS, Delivery
from streams.runtime.own_records import OwnRecords
from streams.runtime.partition import Partition
from streams.runtime.readings import Readings
from streams.runtime.service import Busy, RefusedConfig, Stopped
from streams.runtime.sinks import make_sink
from streams.runtime.store.log import Entry
from streams.runtime.store.store import Store, StoreFailed
from streams.units import SECOND

T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True):
    """How much the service holds and how often it commits."""

    batch: int = 2_000
    """Most records in one slice of work."""
    backlog: int = 50_000
    """Records not worked off yet beyond which `submit` raises Busy."""
    backlog_bytes: int = 64 * 1024**2
    """The same in bytes of records."""
    cache: int = 200_000
    """Customers kept in memory."""
    commit_seconds: float = 0.25
    """Least time between the beginnings of two commits."""
    pieces_seconds: float = 5.0
    """Longest time between two commits of SignalStage's pieces while they change."""


class Embedded(Readings):
    """The service behind the HTTP side (`streams.runtime.service.Service`).

    Parameters
    ----------
    loaded
        The file to run.
    store
        An open store; `stop` closes it.
    clock
        Where time comes from; tests hand in a virtual one.
    name
        The file's name, as shown.
    learnt
        Baselines for a store that is new; one that is not has its own.
    make_sink
        Makes what sends to a receiver; tests hand in others.
    """

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        clock: Clock | None = None,
        *,
        name: str = "",
        limits: Limits | None = None,
        brake: Brake | None = None,
        learnt: bytes | None = None,
        make_sink: Callable[[Receiver], Receiving] = make_sink,
    ) -> None:
        self.limits = limits or Limits()
        clock = clock or SystemClock()
        partition = Partition(
            store,
            clock,
            batch=self.limits.batch,
            pieces_seconds=self.limits.pieces_seconds,
            changed=self._something_to_commit,
            learnt=learnt,
        )
        super().__init__(store, partition, clock, loaded, name, Delivery(store, clock, make_sink))
        self._brake = BrakeState(brake or Brake())
        self._log = structlog.get_logger("streams")
        self._fresh = asyncio.Event()
        self._idle = asyncio.Event()
        self._dirty = asyncio.Event()
        self._clean = asyncio.Event()
        self._clean.set()
        self._arriving = 0
        self._own = OwnRecords(partition, clock, self._append)
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed: str | None = "the service is starting"
        self._stopping = False
        self._disk: str | None = None
        self._last_input = clock.now()
        self._started_with = loaded.config
        """The file whose `access` holds until the process ends."""
        self._keep(loaded)
        store.listen(self._arrived)

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Claim the store, restore both stages, begin to read. Raises CannotStart, HeadMoved or StoreFailed."""
        await self.partition.restore(self._given, self._name)
        self.decided = await self.store.decision_counts()
        await self.delivery.start(self._given.config)
        if await self.partition.config_at_end() != self._given.hash:
            await self._own.activated(self._given.hash)
        self._closed = None
        for work in (self._work, self._commits, self._tell_time):
            self._tasks.append(asyncio.create_task(self._guard(work)))
        head = self.partition.head
        self._log.info("service_started", config=self._given.hash, read=head.read, log_end=self.store.next_offset)

    async def wait(self) -> None:
        """Returns when the service was stopped; raises what made it fail."""
        await asyncio.shield(self._failed)

    async def drain(self) -> None:
        """Wait until everything in the log is worked off and committed. Raises what made the service fail."""
        while not (self._caught_up() and self._clean.is_set()):
            await self._or_failure(self._clean.wait() if self._caught_up() else self._idle.wait())

    def close_door(self) -> None:
        """Take nothing more; what was taken is still worked off."""
        self._closed = self._closed or "the service is stopping"

    async def stop(self) -> None:
        """Take nothing more, work the rest off, commit, close the store. Raises what made the service fail."""
        self.close_door()
        try:
            if not self._failed.done() and self._tasks:
                await self.drain()
                self._stopping = True
                self._something_to_commit()
                await self.drain()
                await self.delivery.stop(GRACE_SECONDS)
            self._failed_already()
        finally:
            await self.abandon()
        self._log.info("service_stopped", read=self.partition.head.read)

    async def abandon(self) -> None:
        """Drop everything in memory and close the store: what a crash leaves behind, within one process."""
        self.close_door()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.delivery.stop()
        if not self._failed.done():
            self._failed.set_result(None)
        await self.store.close()

    # -- in ----------------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """The clock handed in, UTC epoch microseconds."""
        return self._clock.now()

    def refusal(self, now: int) -> str | None:
        """Why nothing is taken now; None while events are taken."""
        return self._closed or self._disk or self._brake.reason(now)

    async def submit(self, bodies: Sequence[bytes]) -> Sequence[int]:
        """Offsets of the records, once they are durable. All or nothing. Raises Busy or Stopped."""
        now = self._clock.now()
        reason = self._closed or self._brake.reason(now)
        if reason is not None:
            raise Stopped(reason)
        backlog = self.partition.behind + self._arriving
        if backlog > self.limits.backlog or self.partition.tail.size > self.limits.backlog_bytes:
            raise Busy(1)
        records = await self._append([Entry(now, body) for body in bodies])
        self._last_input = self._clock.now()
        return [record.offset for record in records]

    async def redrive(self, letter_id: int) -> int | None:
        """Append a dead letter's bytes to the log again and mark it; None when there is none of that id."""
        letter = await self.store.dead_letter(letter_id)
        if letter is None or letter.body is None:
            return None
        (offset,) = await self.submit([letter.body])
        await self.store.mark_redriven(letter_id)
        return offset

    async def replay_delivery(self, delivery_id: int) -> bool:
        """Let a delivery begin anew. Raises Stopped."""
        return await self._or_stopped(self.delivery.replay_delivery(delivery_id))

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        """Let deliveries of a receiver begin anew. Raises Stopped."""
        return await self._or_stopped(self.delivery.replay_deliveries(receiver, since, until))

    async def activate(self, loaded: Loaded) -> bool:
        """Let another file hold from this place of the log on; False when it is the one that holds already.

        Counts and customers stay; only `access` holds on as it was at the start. Raises Stopped or StoreFailed:
        nothing has changed then, and it may be tried again.
        """
        if self._closed is not None:
            raise Stopped(self._closed)
        changed = loaded.hash != self._given.hash
        if changed:
            await self.partition.know(loaded, self._name)
            record = await self._own.activated(loaded.hash)
            self._log.info("config_activated", hash=loaded.hash, before=self._given.hash, offset=record.offset)
        self._given = loaded
        self._keep(loaded)
        await self.delivery.follow(loaded.config)
        self.refused = None
        stale = ("access",) if loaded.config.access != self._started_with.access else ()
        if stale and stale != self.needs_restart:
            self._log.warning("config_needs_restart", keys=list(stale))
        self.needs_restart = stale
        return changed

    def refuse(self, faults: Sequence[Fault], file: str) -> None:
        """A file that cannot be taken: the one in force stays, the log and `health` say what is wrong."""
        self.refused = RefusedConfig(len(faults), faults[0].at(file))
        self._log.warning("config_refused", file=file, faults=len(faults), stays=self._given.hash)
        for fault in faults:
            self._log.warning("config_fault", file=file, line=fault.line, path=fault.path, message=fault.message)

    def _keep(self, loaded: Loaded) -> None:
        """Decisions are kept as long as the customers they are about."""
        self.store.retention = msgspec.structs.replace(self.store.retention, decisions=loaded.config.retain)

    # -- the log -----------------------------------------------------------------------------------------------------

    async def _append(self, entries: Sequence[Entry]) -> list[Record]:
        self._arriving += len(entries)
        self._idle.clear()
        try:
            records = await self.store.append(entries)
        except StoreFailed as error:
            self._disk = str(error)
            raise Stopped(self._disk) from error
        finally:
            self._arriving -= len(entries)
            self._fresh.set()
        self._disk = None
        return records

    def _arrived(self, records: Sequence[Record]) -> None:
        self.partition.tail.add(records)
        self._fresh.set()

    # -- work --------------------------------------------------------------------------------------------------------

    def _caught_up(self) -> bool:
        return self._idle.is_set()

    async def _work(self) -> None:
        while True:
            self._fresh.clear()
            if self.partition.behind:
                step = await self.partition.step()
                self.count(len(step.read))
                self._brake.take(self._clock.now(), step.read, {letter.offset for letter in step.dead_letters})
                await self._own.standing()
                await self._own.verdicts()
                await self._own.lessons()
                await asyncio.sleep(0)
                continue
            if not self._arriving:
                self._idle.set()
                self.reached_end = True
            await self._fresh.wait()

    async def _tell_time(self) -> None:
        """While nothing comes, say in the log how late it is, once a second."""
        told = 0
        while True:
            due = max(self._last_input + self._given.config.idle_after, told + SECOND)
            wait = due - self._clock.now()
            if wait > 0:
                await self._clock.sleep(wait)
            elif not self._caught_up():
                await self._idle.wait()
            else:
                told = self._clock.now()
                if self._closed is None:
                    await self._own.time(told)

    # -- commits -----------------------------------------------------------------------------------------------------

    def _something_to_commit(self) -> None:
        self._clean.clear()
        self._dirty.set()

    async def _commits(self) -> None:
        last = 0.0
        while True:
            await self._dirty.wait()
            delay = last + self.limits.commit_seconds - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            last = time.monotonic()
            self._dirty.clear()
            await self._commit()
            if not self._dirty.is_set():
                self._clean.set()

    async def _commit(self) -> None:
        commit, received = self.partition.take_commit(with_pieces=self._stopping)
        commit = self.delivery.address(commit)
        await self._store_commit(commit)
        self.publish(commit, received)
        self.partition.committed(commit, self.limits.cache)
        self._log.debug(
            "batch_committed",
            events=sum(received.values()),
            customers=len(commit.states),
            decisions=len(commit.decisions),
            dead_letters=len(commit.dead_letters),
            read=self.partition.head.read,
        )

    async def _store_commit(self, commit: Commit) -> None:
        """Store it, however long the disk refuses: nothing else may be committed before it."""
        while True:
            try:
                await self.store.commit(commit)
            except StoreFailed as error:
                if self._closed is not None:
                    raise
                self._disk = str(error)
                self._log.warning("commit_refused", reason=self._disk)
                await self._clock.sleep(SECOND)
            else:
                self._disk = None
                return

    async def _or_stopped(self, change: Coroutine[Any, Any, T]) -> T:
        try:
            return await change
        except StoreFailed as error:
            raise Stopped(str(error)) from error

    # -- failing -----------------------------------------------------------------------------------------------------

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._closed = f"the service has failed ({type(error).__name__})"
            if not self._failed.done():
                self._failed.set_exception(error)
                self._failed.exception()  # whoever waits raises it; nobody waiting is no second error
            self._log.error("service_failed", exc_info=error)

    async def _or_failure(self, waiting: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(waiting)
        await asyncio.wait([task, self._failed], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
        self._failed_already()

    def _failed_already(self) -> None:
        if self._failed.done():
            self._failed.result()
