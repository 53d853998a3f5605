"""What the embedded service shows: journeys, signals, alarms, decisions, dead letters, customers, health."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from streams.config.load import Loaded
from streams.runtime.case_reader import CaseQuery, CaseView
from streams.runtime.clock import Clock
from streams.runtime.commit import Commit
from streams.runtime.customer import customer_view
from streams.runtime.delivery import Delivery
from streams.runtime.latency import Latency
from streams.runtime.partition import Partition
from streams.runtime.rate import Rate
from streams.runtime.service import (
    ActiveConfig,
    Door,
    Health,
    Internals,
    LogEnds,
    Page,
    Published,
    RefusedConfig,
    StoredDeadLetter,
)
from streams.runtime.store.cases import case, cases_page, oldest_cases
from streams.runtime.store.store import Store
from streams.runtime.subscribers import Subscribers
from streams.runtime.why import chapters, gather
from streams.units import format_time
from streams.view import AlarmsView, JourneyView, SignalView, View

_LATEST = 50
"""Events and decisions shown of a customer."""


class Readings:
    """The reading half of `streams.runtime.service.Service`, and what it needs to be told."""

    def __init__(
        self, store: Store, partition: Partition, clock: Clock, given: Loaded, name: str, delivery: Delivery
    ) -> None:
        self.store = store
        self.delivery = delivery
        self.partition = partition
        self.latency = Latency()
        """From reception to commit, since this process started."""
        self.decided: dict[str, int] = {}
        """Decisions so far by type."""
        self.reached_end = False
        """The log has been read to its end once since the start."""
        self.needs_restart: tuple[str, ...] = ()
        """Keys of the file in force that still hold as they were at the start."""
        self.refused: RefusedConfig | None = None
        """What is wrong with the newest file, if it could not be taken."""
        self._clock = clock
        self._given = given
        """The file that holds once the whole log is read."""
        self._name = name
        self._started = clock.now()
        self._subscribers = Subscribers()
        self._rate = Rate()

    def subscribe(self) -> asyncio.Queue[Published]:
        return self._subscribers.subscribe()

    def unsubscribe(self, queue: asyncio.Queue[Published]) -> None:
        self._subscribers.unsubscribe(queue)

    def journeys(self) -> Sequence[JourneyView]:
        return self._view().journeys

    def signals(self) -> Sequence[SignalView]:
        return self._view().signals

    def alarms(self) -> AlarmsView | None:
        return self._view().alarms

    async def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return await self.store.decisions(since, limit, cursor)

    async def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        return await self.store.decisions_after(decision_id, limit)

    async def dead_letters(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return await self.store.dead_letters_list(since, limit, cursor)

    async def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        return await self.store.dead_letter(letter_id)

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        return await self.delivery.deliveries(since, limit, cursor, receiver, state)

    async def cases(self, query: CaseQuery, limit: int, cursor: str | None) -> Page:
        return await self.store.view(lambda connection: cases_page(connection, query, limit, cursor))

    async def case(self, case_id: str) -> CaseView | None:
        return await self.store.view(lambda connection: case(connection, case_id))

    async def oldest_cases(self) -> Mapping[str, int]:
        return await self.store.view(oldest_cases)

    async def customer(self, customer_id: str) -> msgspec.Raw | None:
        """What is kept of a customer, as JSON; None when nothing is."""
        state = await self.partition.customer(customer_id)
        if state is not None and state.into is not None:
            return msgspec.Raw(msgspec.json.encode(customer_view(customer_id, state)))
        config = self._given.config
        view = await self.store.view(lambda connection: gather(connection, customer_id, config, _LATEST, state))
        if view is None:
            return None
        told = msgspec.structs.replace(view, story=chapters(view, str(config.timezone)))
        return msgspec.Raw(msgspec.json.encode(told))

    def health(self) -> Health:
        """As of now, from memory."""
        now = self._clock.now()
        stage = self.partition.stage
        watermark = stage.position.watermark
        reason = self.refusal(now)
        status = "ok" if self.reached_end else "starting"
        door = self.partition.signals.stage.totals().door
        return Health(
            status="stopped" if reason else status,
            uptime_seconds=(now - self._started) / 1e6,
            watermark=None if watermark is None else format_time(watermark),
            lag_seconds=None if watermark is None else (now - watermark) / 1e6,
            events_per_second=self._rate.per_second(),
            events=Door(door.read, door.accepted, door.duplicate, door.late, door.future, door.invalid),
            config=ActiveConfig(
                stage.config_hash,
                self._name,
                tuple(str(warning) for warning in self._given.warnings),
                self.needs_restart,
                self.refused,
            ),
            log=LogEnds(self.store.next_offset, self.partition.low),
            pending_timers=stage.pending_timers,
            dead_letters=sum(self.store.letters.held.values()),
            reason=reason,
            receivers=self.delivery.health(),
            store_bytes=self.store.size(),
        )

    def internals(self) -> Internals:
        """As of now, from memory."""
        totals = self.partition.signals.stage.totals()
        return Internals(
            invalid=dict(self.store.letters.invalid),
            dead_letters=dict(self.store.letters.held),
            dropped_dead_letters=dict(self.store.letters.dropped),
            types=totals.types,
            sources=totals.sources,
            decisions=dict(self.decided),
            care=totals.care,
            evicted_ids=totals.door.evicted,
            log_rows=self.store.next_offset - self.store.first_offset,
            store_bytes=self.store.size(),
            cached_customers=self.partition.stage.cached,
            dimensions=len(self._given.config.segments),
            learning=self._view().learning,
            latency=self.latency,
        )

    # -- what the service notes ---------------------------------------------------------------------------------------

    def refusal(self, now: int) -> str | None:
        """Why nothing is taken now; None while events are taken."""
        raise NotImplementedError

    def count(self, events: int) -> None:
        """So many events were read just now."""
        self._rate.count(events)

    def publish(self, commit: Commit, received: Mapping[int, int]) -> None:
        """The commit is durable: count it, and let its decisions leave."""
        now = self._clock.now()
        for log_time, count in received.items():
            self.latency.observe((now - log_time) / 1e6, count)
        for decision in commit.decisions:
            self.decided[decision.type] = self.decided.get(decision.type, 0) + 1
        self.delivery.committed(commit)
        self._subscribers.publish(Published(decision.id, decision.body) for decision in commit.decisions)

    def _view(self) -> View:
        return self.partition.signals.view(self.partition.stage.config_hash)
