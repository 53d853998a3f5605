"""Delivery in the cluster: decisions of the partitions this worker has, out through one lane for each receiver.

The partitions' stores hold what waits; lanes, sinks and rules are those of the embedded service. Nothing is sent before
its commit, and what became of an attempt is committed next.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

import structlog

from connectors.sinks.contract import Receiving, abilities_of
from streams.config.load import Loaded
from streams.delivery.attempts import DELIVERED, FAILED, PENDING, Attempted, Due
from streams.delivery.message import read
from streams.delivery.receivers import Receiver, receivers_of
from streams.delivery.waiting import Delivery, Waiting
from streams.runtime.clock import Clock
from streams.runtime.cluster.delivery_part import FindEnds, Part, PartLost, Result, Store
from streams.runtime.cluster.delivery_state import PARTITIONS
from streams.runtime.cluster.redis_store import DOWN
from streams.runtime.lane import Lane
from streams.runtime.receiver_health import health_of, mark_of
from streams.runtime.service import ReceiverHealth, Stopped
from streams.runtime.sinks import make_sink
from streams.runtime.store.store import StoreFailed

_log = structlog.get_logger()
GRACE_S = 2.0
"""What attempts under way may still take when their partition leaves, or the worker stops."""
_TIDY_S = 60.0
_MOVED_S = 1.0
"""A position alone is committed so often."""
_RETRY_S = 1.0
_JUMP_LIMIT_S = 3.0
_FULL = 5_000
"""New deliveries of a partition that may wait for their commit."""
_LOOK_S = 0.02


class Dispatch:
    """The deliveries of one worker. Methods are called on one event loop.

    Parameters
    ----------
    make_store
        The store of a partition.
    partitions
        Of the topic.
    make
        Makes a receiver's sink; tests hand in others.
    """

    def __init__(
        self,
        loaded: Loaded,
        clock: Clock,
        make_store: Callable[[int], Store],
        partitions: int,
        make: Callable[[Receiver], Receiving] = make_sink,
    ) -> None:
        self._hash = loaded.hash
        self._clock = clock
        self._make_store = make_store
        self._partitions = partitions
        self._make = make
        self.receivers = receivers_of(loaded.config, abilities_of)
        self._marks = {name: mark_of(receiver) for name, receiver in self.receivers.items()}
        self._waiting: defaultdict[str, Waiting] = defaultdict(Waiting)
        self.lanes: dict[str, Lane] = {}
        """By receiver; they begin with the first partition."""
        self.parts: dict[int, Part] = {}
        """Partitions that this worker has and that are well."""
        self.trouble: dict[int, str] = {}
        """Why one that is assigned here is not being read."""
        self.lost: dict[int, int] = {}
        """Those that another owner has claimed, with their position."""
        self._assigned: set[int] = set()
        """Partitions between `claim` and `release`, well or not."""
        self._results: defaultdict[int, list[Result]] = defaultdict(list)
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """By receiver: what became of attempts since this process began."""
        self._claims: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tidied_at = time.monotonic()
        self._retry_at = 0.0
        self._closed = False
        self.restarts = 0
        """Times a partition was read anew because its consumer had stopped."""

    # -- partitions that come and go ---------------------------------------------------------------------------------

    async def claim(self, number: int, find_ends: FindEnds) -> int | None:
        """Become the owner of a partition and load it; the offset at which to read on, None once all is closed.

        Called on every assignment, and when Faust resumes the flow. Raises CannotStart, one of the store's DOWN, or
        what `find_ends` does.
        """
        async with self._claims[number]:
            if self._closed:
                return None
            held = self.parts.get(number)
            if held is not None and not held.leaving:
                return held.read
            self._assigned.add(number)
            await self._drop(number)
            part = Part(number, self._make_store(number), self._place, self._fail)
            try:
                await part.open(partitions=self._partitions, find_ends=find_ends, config=self._hash, marks=self._marks)
            except BaseException:
                await part.close()
                raise
            self.parts[number] = part
            self.trouble.pop(number, None)
            self.lost.pop(number, None)
            self._begin()
            self._place(part.state.waiting())
            for result in self._unsettled(number):
                part.apply(result)
            self._acquaint(part)
            for lane in self.lanes.values():
                lane.wake()
            _log.info(
                "deliveries_claimed", partition=number, epoch=part.epoch, position=part.read, kept=len(part.state.rows)
            )
            return part.read

    async def release(self, numbers: Iterable[int], grace_s: float = GRACE_S) -> None:
        """Give partitions away: begin nothing more, wait a little for what is under way, commit, let go."""
        numbers = list(numbers)
        leaving = [part for number in numbers if (part := self.parts.get(number)) is not None]
        for part in leaving:
            part.leaving = True
            self._place(part.state.waiting())
        end = time.monotonic() + grace_s
        while time.monotonic() < end and self._under_way({part.number for part in leaving}):
            await asyncio.sleep(_LOOK_S)
        for number in numbers:
            async with self._claims[number]:
                await self._drop(number, commit=True)
                self.trouble.pop(number, None)
                self.lost.pop(number, None)
                self._assigned.discard(number)
                for result in self._results.pop(number, ()):
                    result.settle()

    async def close(self) -> None:
        """End all lanes, then let go of everything; what was not delivered leaves with the next owner."""
        self._closed = True
        await asyncio.gather(*(lane.stop(GRACE_S) for lane in self.lanes.values()))
        self.lanes.clear()
        await self.release(list(self._assigned), 0.0)

    async def _drop(self, number: int, *, commit: bool = False) -> None:
        part = self.parts.pop(number, None)
        if part is not None:
            self._place(part.state.waiting())
            await part.close(commit=commit and number not in self.trouble)

    def fail(self, number: int, reason: str) -> None:
        """Nothing can be done for a partition now: it is claimed anew after a while."""
        if self.trouble.get(number) != reason:
            _log.warning("deliveries_paused", partition=number, reason=reason)
        self.trouble[number] = reason
        self._assigned.add(number)
        self._retry_at = time.monotonic() + _RETRY_S

    def restart(self, number: int) -> None:
        """The consumer has stopped: begin anew at the stored position."""
        self.restarts += 1
        if number in self.parts:
            self._fail(self.parts[number], "its consumer has stopped", False)

    def _fail(self, part: Part, reason: str, lost: bool) -> None:
        if self.parts.get(part.number) is not part or part.leaving:
            return
        self.fail(part.number, reason)
        if lost:
            self.lost[part.number] = part.read
        part.leaving = True
        self._place(part.state.waiting())

    def may_retry(self) -> bool:
        """Whether it is time to claim again what is in trouble; says yes once per pause."""
        if not self.trouble or self._closed or time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + _RETRY_S
        return True

    def _begin(self) -> None:
        for name, receiver in self.receivers.items():
            if name not in self.lanes:
                lane = self.lanes[name] = Lane(receiver, self, self._clock, self._make, _nothing)
                if lane.unusable is not None:
                    _log.warning("receiver_unusable", receiver=name, reason=lane.unusable)
                lane.start()

    def _acquaint(self, part: Part) -> None:
        """What a partition knows of receivers holds for their lanes, and what a lane knows for the partition."""
        now = self._clock.now()
        for name, lane in self.lanes.items():
            known = part.state.known[name]
            if known.trouble is not None:
                lane.resume(known.trouble)
            reason = lane.disabled or known.disabled
            if reason is not None:
                lane.disabled = reason
                self._disable(name, reason, now)

    # -- what comes --------------------------------------------------------------------------------------------------

    async def take(
        self, number: int, offset: int, sender: tuple[str, int] | None, body: bytes, log_time: int | None = None
    ) -> None:
        """One record of the decisions, from the n-th effect of its sender.

        Only the record at the position moves it: Faust may still hand over what it fetched before a seek, and what lies
        between would be lost with the next commit.
        """
        part = self.parts.get(number)
        if part is None or part.leaving or offset < part.read:
            return
        await part.room()
        if self.parts.get(number) is not part or part.leaving or offset < part.read:
            return
        if offset > part.read:
            part.jumped_at = part.jumped_at or time.monotonic()
            return
        part.jumped_at = None
        part.read = offset + 1
        part.progress.took(part.read, log_time)
        part.state.moved = True
        if sender is None:
            _log.error("decision_without_number", partition=number, offset=offset)
            return
        if not part.state.first_time(*sender):
            return
        try:
            message = read(body)
        except ValueError:
            _log.error("decision_unreadable", partition=number, offset=offset)
            return
        part.state.address(self.receivers, message, self._clock.now())
        part.touch()
        if part.state.uncommitted >= _FULL:
            part.crowd()

    def tick(self) -> None:
        """Called often: positions that moved, records that never came, deliveries that are old."""
        now = time.monotonic()
        for part in list(self.parts.values()):
            if part.leaving:
                continue
            if part.jumped_at is not None and now - part.jumped_at > _JUMP_LIMIT_S:
                self._fail(part, "records between were not delivered", False)
            elif part.state.moved and now - part.committed_at >= _MOVED_S:
                part.advance()
        if now - self._tidied_at >= _TIDY_S:
            self._tidied_at = now
            self.tidy()

    def tidy(self) -> None:
        """Give up what has waited too long, forget what is old."""
        for part in self.parts.values():
            given_up = part.state.tidy(self._clock.now())
            for row in given_up:
                self._counts[row.receiver][FAILED] += 1
            self._place(given_up)
            part.touch()

    # -- what the lanes ask ------------------------------------------------------------------------------------------

    async def due(
        self, receiver: Receiver, limit: int, busy: Collection[int]
    ) -> tuple[Sequence[Sequence[Due]], int | None]:
        """Batches that may leave now, and when the next may. Raises StoreFailed."""
        waiting = self._waiting[receiver.name]
        chosen, later = waiting.due(self._clock.now(), limit, receiver.abilities, busy)
        bodies = await self._records(row for batch in chosen for row in batch)
        return [
            [Due(row.id, row.decision, row.attempts, row.first_at, row.bundle, bodies[row.id]) for row in left]
            for batch in chosen
            if (left := [row for row in batch if row in waiting and row.id in bodies])
        ], later

    async def record(self, receiver: str, attempts: Sequence[Attempted], gone: str | None) -> None:
        """Returns once it is durable, however long the store is away, or the partition has left."""
        now = self._clock.now()
        for one in attempts:
            self._counts[receiver][one.state] += 1
        by: defaultdict[int, list[Attempted]] = defaultdict(list)
        for one in attempts:
            by[one.id % PARTITIONS].append(one)
        futures = []
        for number, ours in by.items():
            part = self.parts.get(number)
            if number not in self._assigned:
                continue  # it has left: its new owner sends again what it does not know of
            result = Result(receiver, ours, asyncio.get_running_loop().create_future())
            self._results[number] = [*self._unsettled(number), result]
            futures.append(result.future)
            if part is not None:
                part.apply(result)
        if gone is not None:
            self._disable(receiver, gone, now)
        lane = self.lanes.get(receiver)
        if lane is not None:
            for part in self.parts.values():
                part.state.note(receiver, lane.trouble)
                part.touch()
        await asyncio.gather(*(asyncio.shield(future) for future in futures))

    async def open_records(self, receiver: str) -> Sequence[bytes]:
        """Records of what a receiver knows to be open. Raises StoreFailed."""
        found: list[bytes] = []
        for part in list(self.parts.values()):
            try:
                records = await part.records(part.state.open_decisions(receiver))
            except DOWN as error:
                raise StoreFailed(f"Redis: {type(error).__name__}") from error
            found += [record for record in records if record is not None]
        return found

    async def _records(self, rows: Iterable[Delivery]) -> dict[int, bytes | None]:
        """Records by delivery; of those only whose partition is still here."""
        by: defaultdict[int, list[Delivery]] = defaultdict(list)
        for row in rows:
            by[row.id % PARTITIONS].append(row)
        found: dict[int, bytes | None] = {}
        for number, ours in by.items():
            part = self.parts.get(number)
            if part is None or part.leaving:
                continue
            try:
                bodies = await part.records([row.decision for row in ours])
            except DOWN as error:
                raise StoreFailed(f"Redis: {type(error).__name__}") from error
            found |= {row.id: body for row, body in zip(ours, bodies, strict=True)}
        return found

    # -- for those who watch -----------------------------------------------------------------------------------------

    def health(self) -> tuple[ReceiverHealth, ...]:
        """Every receiver of the file, and others for which something waits in this worker's partitions.

        Counts are since this process began.
        """
        now = self._clock.now()
        others = [name for name, waiting in self._waiting.items() if len(waiting) and name not in self.receivers]
        found = []
        for name in (*self.receivers, *others):
            waiting, counts = self._waiting[name], self._counts[name]
            outcomes = (counts[DELIVERED], counts[PENDING], counts[FAILED])
            lane, receiver = self.lanes.get(name), self.receivers.get(name)
            found.append(health_of(name, receiver, lane, (len(waiting), waiting.since()), outcomes, now))
        return tuple(found)

    def rows(self) -> list[Delivery]:
        """Every delivery that this worker's partitions keep."""
        return [row for part in self.parts.values() for row in part.state.rows.values()]

    async def replay(self, chosen: Collection[Delivery], receiver: str) -> None:
        """Let these of a receiver begin anew, and enable it; returns once that is durable. Raises Stopped."""
        now = self._clock.now()
        concerned = {row.id % PARTITIONS for row in chosen}
        for part in list(self.parts.values()):
            part.state.enable(receiver)
            if part.number in concerned:
                ours = [row for row in chosen if part.state.rows.get(row.id) is row]
                part.state.replay(ours, now)
        for part in [part for part in self.parts.values() if part.state.pressing]:
            try:
                await part.commit()
            except (*DOWN, PartLost) as error:
                self._fail(part, f"store: {type(error).__name__}", isinstance(error, PartLost))
                raise Stopped("the store did not take it; look what became of it, and send it again") from error
        self._place(chosen)
        if receiver in self.lanes:
            self.lanes[receiver].enable()

    # -- shared ------------------------------------------------------------------------------------------------------

    def _place(self, rows: Iterable[Delivery]) -> None:
        """Let these leave when they are due, or no more; their lanes look."""
        touched: set[str] = set()
        for row in rows:
            part = self.parts.get(row.id % PARTITIONS)
            if part is None or part.leaving:
                self._waiting[row.receiver].remove(row)
            else:
                self._waiting[row.receiver].put(row)
                touched.add(row.receiver)
        for name in touched & self.lanes.keys():
            self.lanes[name].wake()

    def _disable(self, receiver: str, reason: str, now: int) -> None:
        for part in self.parts.values():
            self._place(part.state.disable(receiver, reason, now))
            part.touch()

    def _unsettled(self, number: int) -> list[Result]:
        return [result for result in self._results[number] if not result.future.done()]

    def _under_way(self, numbers: Collection[int]) -> bool:
        return any(one % PARTITIONS in numbers for lane in self.lanes.values() for one in lane.busy)


def _nothing() -> None:
    """Who watches asks when it wants to know."""
