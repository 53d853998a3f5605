"""The embedded service: one process, one event loop, from durable log to committed decisions.

Events are acknowledged once they are in the log. A loop takes the log in slices through both stages; another commits
what they brought about, and decisions leave after that. A crash takes only what was in memory: the log is read again
from the head, and the same effects come about again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec
import structlog

from streams.brake import Brake, BrakeState
from streams.codec import encode
from streams.config.load import Loaded
from streams.model import Event, Record
from streams.runtime.clock import Clock, SystemClock
from streams.runtime.commit import Commit
from streams.runtime.latency import Latency
from streams.runtime.partition import Partition
from streams.runtime.service import (
    ActiveConfig,
    Busy,
    Door,
    Health,
    Internals,
    LogEnds,
    Page,
    Published,
    Stopped,
    StoredDeadLetter,
)
from streams.runtime.store.log import Entry
from streams.runtime.store.store import Store, StoreFailed
from streams.runtime.subscribers import Subscribers
from streams.stages.journey import CONFIG_ACTIVATED, TIME_ADVANCED
from streams.units import format_time
from streams.view import JourneyView, SignalView

SECOND = 1_000_000
_SOURCE = "touchline"
_RATE_SECONDS = 10


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


class Embedded:
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
    ) -> None:
        self.store = store
        self.limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._given = loaded
        self._name = name
        self._brake = BrakeState(brake or Brake())
        self._subscribers = Subscribers()
        self._latency = Latency()
        self._log = structlog.get_logger("streams")
        self._fresh = asyncio.Event()
        self._idle = asyncio.Event()
        self._dirty = asyncio.Event()
        self._clean = asyncio.Event()
        self._clean.set()
        self.partition = Partition(
            store,
            self._clock,
            batch=self.limits.batch,
            pieces_seconds=self.limits.pieces_seconds,
            changed=self._something_to_commit,
        )
        self._arriving = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed: str | None = "the service is starting"
        self._stopping = False
        self._reached_end = False
        self._disk: str | None = None
        self._started = self._last_input = self._clock.now()
        self._rates: deque[tuple[float, int]] = deque()
        self._decided: dict[str, int] = {}
        store.listen(self._arrived)

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Claim the store, restore both stages, begin to read. Raises CannotStart, HeadMoved or StoreFailed."""
        await self.partition.restore(self._given, self._name)
        self._decided = await self.store.decision_counts()
        if await self.partition.config_at_end() != self._given.hash:
            await self._append_own(CONFIG_ACTIVATED, {"hash": self._given.hash})
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
        if not self._failed.done():
            self._failed.set_result(None)
        await self.store.close()

    # -- in ----------------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """The clock handed in, UTC epoch microseconds."""
        return self._clock.now()

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

    # -- out ---------------------------------------------------------------------------------------------------------

    def subscribe(self) -> asyncio.Queue[Published]:
        return self._subscribers.subscribe()

    def unsubscribe(self, queue: asyncio.Queue[Published]) -> None:
        self._subscribers.unsubscribe(queue)

    def journeys(self) -> Sequence[JourneyView]:
        return self.partition.signals.view().journeys

    def signals(self) -> Sequence[SignalView]:
        return self.partition.signals.view().signals

    async def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return await self.store.decisions(since, limit, cursor)

    async def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        return await self.store.decisions_after(decision_id, limit)

    async def dead_letters(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return await self.store.dead_letters_list(since, limit, cursor)

    async def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        return await self.store.dead_letter(letter_id)

    def health(self) -> Health:
        """As of now, from memory."""
        now = self._clock.now()
        stage = self.partition.stage
        watermark = stage.position.watermark
        reason = self._closed or self._disk or self._brake.reason(now)
        status = "ok" if self._reached_end else "starting"
        door = self.partition.signals.stage.totals().door
        return Health(
            status="stopped" if reason else status,
            uptime_seconds=(now - self._started) / 1e6,
            watermark=None if watermark is None else format_time(watermark),
            lag_seconds=None if watermark is None else (now - watermark) / 1e6,
            events_per_second=self._rate(),
            events=Door(door.read, door.accepted, door.duplicate, door.late, door.future, door.invalid),
            config=ActiveConfig(stage.config_hash, self._name, tuple(str(warning) for warning in self._given.warnings)),
            log=LogEnds(self.store.next_offset, self.partition.low),
            pending_timers=stage.pending_timers,
            dead_letters=sum(self.store.held.values()),
            reason=reason,
        )

    def internals(self) -> Internals:
        """As of now, from memory."""
        totals = self.partition.signals.stage.totals()
        return Internals(
            invalid=dict(self.store.invalid),
            dead_letters=dict(self.store.held),
            types=totals.types,
            sources=totals.sources,
            decisions=dict(self._decided),
            evicted_ids=totals.door.evicted,
            log_rows=self.store.next_offset - self.store.first_offset,
            store_bytes=self.store.size(),
            cached_customers=self.partition.stage.cached,
            latency=self._latency,
        )

    def _rate(self) -> float:
        since = time.monotonic() - _RATE_SECONDS
        while self._rates and self._rates[0][0] < since:
            self._rates.popleft()
        return sum(count for _, count in self._rates) / _RATE_SECONDS

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

    async def _append_own(self, kind: str, data: dict[str, Any] | None = None) -> None:
        now = self._clock.now()
        name = f"{kind.rsplit('.', 1)[-1]}-{now}"
        event = Event(id=name, source=_SOURCE, type=kind, time=format_time(now), data=data)
        await self._append([Entry(now, encode(event), True)])

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
                self._rates.append((time.monotonic(), len(step.read)))
                self._brake.take(self._clock.now(), step.read, {letter.offset for letter in step.dead_letters})
                await asyncio.sleep(0)
                continue
            if not self._arriving:
                self._idle.set()
                self._reached_end = True
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
                if self.partition.stage.position.watermark is not None and self._closed is None:
                    with contextlib.suppress(Stopped):
                        await self._append_own(TIME_ADVANCED)

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
        await self._store_commit(commit)
        now = self._clock.now()
        for log_time, count in received.items():
            self._latency.observe((now - log_time) / 1e6, count)
        for decision in commit.decisions:
            self._decided[decision.type] = self._decided.get(decision.type, 0) + 1
        self._subscribers.publish(Published(decision.id, decision.body) for decision in commit.decisions)
        await self.partition.committed(commit, self.limits.cache)
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
