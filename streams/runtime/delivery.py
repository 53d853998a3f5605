"""Delivery of decisions to the outside: who gets what is written with the decision, a lane per receiver sends it.

What is in the outbox is delivered at least once, under the decision's id: a crash between an answer and its note sends
it again. Nothing here delays the stages or another receiver.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import msgspec
import structlog

from connectors.sinks.contract import Receiving, abilities_of
from streams.config.structs import Config
from streams.delivery.digest import in_digest
from streams.delivery.grouping import Addressed, Book, Key, Told
from streams.delivery.message import read
from streams.delivery.receivers import Receiver, receivers_of
from streams.runtime.clock import Clock
from streams.runtime.commit import Commit
from streams.runtime.lane import Lane
from streams.runtime.receiver_health import health_of, mark_of
from streams.runtime.service import Page, ReceiverHealth
from streams.runtime.sinks import make_sink
from streams.runtime.store.deliveries import ReceiverRow
from streams.runtime.store.outbox import Outbox
from streams.runtime.store.store import Store, StoreFailed

REFRESH_SECONDS = 0.25
"""Least time between two looks at what waits, for those who watch."""
GRACE_SECONDS = 2.0
"""What attempts under way may still take when the service stops."""


class Delivery:
    """Between `start` and `stop`; `address` and `committed` are called around each commit.

    Parameters
    ----------
    store, clock
        Those of the service.
    make
        Makes a receiver's sink; tests hand in others.
    holds
        Digests wait for the end of their period.
    """

    def __init__(
        self, store: Store, clock: Clock, make: Callable[[Receiver], Receiving] = make_sink, *, holds: bool = True
    ) -> None:
        self._outbox = Outbox(store, clock)
        self._clock = clock
        self._make = make
        self._holds = holds
        self._receivers: dict[str, Receiver] = {}
        self._book = Book()
        self.lanes: dict[str, Lane] = {}
        """By receiver."""
        self.taking = True
        """Lanes begin new attempts."""
        self._rows: dict[str, ReceiverRow] = {}
        self._stale = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self, config: Config) -> None:
        """Go on where the last process stopped. Raises StoreFailed."""
        self._book = Book(await self._outbox.told())
        await self.follow(config)
        self._watch = asyncio.create_task(self._keep_rows())

    async def follow(self, config: Config) -> None:
        """From now on the receivers of this file; those that are the same go on undisturbed. Raises StoreFailed."""
        receivers = receivers_of(config, abilities_of)
        await self._outbox.know({name: mark_of(receiver) for name, receiver in receivers.items()})
        self._rows = await self._outbox.receivers()
        self._receivers = receivers
        self._book.keep(receivers)
        for name, lane in list(self.lanes.items()):
            if receivers.get(name) != lane.receiver:
                await self.lanes.pop(name).stop()
        for name, receiver in receivers.items():
            if name not in self.lanes:
                row = self._rows.get(name)
                lane = Lane(
                    receiver, self._outbox, self._clock, self._make, self._stale.set, row.disabled if row else None
                )
                if lane.unusable is not None:
                    structlog.get_logger("delivery").warning("receiver_unusable", receiver=name, reason=lane.unusable)
                self.lanes[name] = lane
                lane.start()

    async def stop(self, grace: float = 0.0) -> None:
        """End all lanes; what is under way has `grace` seconds. What was not delivered leaves with the next start."""
        self.taking = False
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(*(lane.stop(grace) for lane in self.lanes.values()))
        self.lanes.clear()
        await self._outbox.settle()

    # -- around a commit ---------------------------------------------------------------------------------------------

    def address(self, commit: Commit) -> Commit:
        """The commit, with who receives its decisions. Called once for each, in order."""
        if not commit.decisions or not self._receivers:
            return commit
        leaving: list[Addressed] = []
        told: dict[Key, Told | None] = {}
        for decision in commit.decisions:
            message = read(decision.body)
            found, changes = self._book.address(self._receivers, message)
            receivers, now = self._receivers, commit.now
            leaving += [in_digest(one, receivers[one.receiver], message, now, self._holds) for one in found]
            told |= changes
        return msgspec.structs.replace(commit, deliveries=leaving, told=told)

    def committed(self, commit: Commit) -> None:
        """It is durable: what it brings may leave."""
        for name in {one.receiver for one in commit.deliveries}:
            if name in self.lanes:
                self.lanes[name].wake()
        if commit.deliveries:
            self._stale.set()

    # -- for those who watch -----------------------------------------------------------------------------------------

    def health(self) -> tuple[ReceiverHealth, ...]:
        """Every receiver of the file, and others for which something waits; from memory."""
        now = self._clock.now()
        found = [self._shown(name, now) for name in self._receivers]
        others = [name for name, row in self._rows.items() if name not in self._receivers and row.pending]
        return (*found, *(self._shown(name, now) for name in others))

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        """Raises BadCursor."""
        return await self._outbox.page(since, limit, cursor, receiver, state)

    async def replay_delivery(self, delivery_id: int) -> bool:
        """Raises StoreFailed."""
        receiver = await self._outbox.replay_one(delivery_id)
        if receiver is not None:
            self._enable(receiver)
        return receiver is not None

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        """Raises StoreFailed."""
        if receiver not in self._receivers and receiver not in self._rows:
            return None
        count = await self._outbox.replay_many(receiver, since, until)
        self._enable(receiver)
        return count

    async def refresh(self) -> None:
        """Look at what waits now."""
        self._rows = await self._outbox.receivers()

    def _enable(self, receiver: str) -> None:
        if receiver in self.lanes:
            self.lanes[receiver].enable()
        self._stale.set()

    async def _keep_rows(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            with contextlib.suppress(StoreFailed):
                await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    def _shown(self, name: str, now: int) -> ReceiverHealth:
        receiver, row = self._receivers.get(name), self._rows.get(name)
        waits = (0, None) if row is None else (row.pending, row.waiting_since)
        counts = (0, 0, 0) if row is None else (row.delivered, row.retried, row.failed)
        return health_of(name, receiver, self.lanes.get(name), waits, counts, now)
