"""A service for the console: the real stages over simulated traffic, moved on by the test instead of a clock."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from connectors.synthetic.incidents import MINUTE, SECOND, Schedule
from connectors.synthetic.traffic import Traffic
from streams.commands.demo import NAME, add_button
from streams.config.access import Access
from streams.config.load import Loaded, load_file
from streams.decisions import encode
from streams.effects import Decision
from streams.model import Event, Record
from streams.rules import Rules
from streams.runtime.case_reader import CaseQuery, CaseView
from streams.runtime.clock import VirtualClock
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.customer import customer_view
from streams.runtime.service import ActiveConfig, Door, Health, LogEnds, Page, Published
from streams.runtime.simulation import Simulation
from streams.runtime.store import cases as rows
from streams.runtime.web import Web
from streams.runtime.why import chapters
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage
from streams.units import format_time
from tests.streams.runtime.memory_service import MemoryService

FILE = Path(__file__).parents[2] / "examples" / "demo.yml"
START = 1_795_015_200 * SECOND
"""2026-11-18T15:20:00Z, an early evening in Kyiv."""


class LiveShop(MemoryService):
    """The demo's shop without a disk: `advance` lets simulated time pass."""

    def __init__(self, *, rate: float = 30.0, customers: int = 20_000, incident_after: int = 60 * MINUTE) -> None:
        super().__init__()
        self.loaded: Loaded = load_file(FILE)
        self.clock = VirtualClock(START)
        schedule = Schedule(first=START + incident_after)
        self.traffic = Traffic(1, rate=rate, customers=customers, opens=START, schedule=schedule, disorder=True)
        self.simulation = Simulation(self, self.traffic, self.clock, START)
        self.name = "shop.yml"
        self._journeys = JourneyStage(Rules.of(self.loaded), resident=True)
        self._signals = SignalStage(self.loaded.config, self.loaded.hash)
        self._door: Door = Door()
        self._rows = sqlite3.connect(":memory:")
        self._rows.executescript(rows.TABLES)
        self._taken = 0
        """Records of the door's log that the stages have seen."""

    def now(self) -> int:
        return self.clock.now()

    def advance(self, duration: int) -> None:
        """Let so many microseconds pass and everything in them happen, after what came in at the door."""
        since = self.clock.now()
        self.clock.advance(duration)
        first = self._door.read
        bodies: list[bytes | Event] = [*self.log[self._taken :], *self.traffic.events(since, since + duration)]
        self._taken = len(self.log)
        records = [Record(first + n, None, body) for n, body in enumerate(bodies)]
        effects = self._journeys.process(records)
        self.show(effects.decisions)
        for partial in effects.partials:
            now = msgspec.structs.asdict(self._door)
            self._door = Door(**{name: value + getattr(partial.door, name) for name, value in now.items()})
            self.show(self._signals.process(partial))
        self._door = msgspec.structs.replace(self._door, read=first + len(records))
        view = self._signals.view()
        self.journey_views, self.signal_views, self.alarm_view = view.journeys, view.signals, view.alarms

    def show(self, decisions: Iterable[Decision]) -> None:
        """These decisions leave."""
        for decision in self.rewrite(decisions):
            published = Published(decision.id, decision.body)
            self.published.append(published)
            for queue in self.queues:
                queue.put_nowait(published)

    def rewrite(self, decisions: Iterable[Decision]) -> list[NewDecision]:
        """Cases are as these decisions leave them, and nobody is told."""
        made = [NewDecision(one.id, one.type, one.time, one.subject, encode(one)) for one in decisions]
        rows.write_cases(self._rows, Commit(before=b"", head=b"", low=0, now=0, first_decision=0, decisions=made))
        return made

    async def cases_of(self, customer: str) -> list[CaseView]:
        """All of one customer's."""
        return list((await self.cases(CaseQuery(customer=customer), 100, None)).items)

    async def cases(self, query: CaseQuery, limit: int, cursor: str | None) -> Page:
        return rows.cases_page(self._rows, query, limit, cursor)

    async def case(self, case_id: str) -> CaseView | None:
        return rows.case(self._rows, case_id)

    async def customer(self, customer_id: str) -> msgspec.Raw | None:
        state = self._journeys.find(customer_id)
        if state is None:
            return None
        told = [one.body for one in reversed(self.published) if msgspec.json.decode(one.body)["subject"] == customer_id]
        view = customer_view(customer_id, state, self.loaded.config, decisions=told)
        view = msgspec.structs.replace(view, story=chapters(view, str(self.loaded.config.timezone)))
        return msgspec.Raw(msgspec.json.encode(view))

    def health(self) -> Health:
        now = self.clock.now()
        watermark = self._journeys.position.watermark
        return Health(
            status=self.status,
            uptime_seconds=(now - START) / SECOND,
            watermark=None if watermark is None else format_time(watermark),
            lag_seconds=None if watermark is None else (now - watermark) / SECOND,
            events_per_second=self.traffic.rate,
            events=self._door,
            config=ActiveConfig(self.loaded.hash, self.name, tuple(str(warning) for warning in self.loaded.warnings)),
            log=LogEnds(self._door.read, 0),
            pending_timers=self._journeys.pending_timers,
            dead_letters=len(self.letters),
            reason=self.reason,
        )


@asynccontextmanager
async def served(shop: LiveShop, *, demo: bool = False, access: Access | None = None) -> AsyncIterator[Web]:
    """The shop behind HTTP on a free port; `demo` adds the demo's controls, `access` asks for tokens."""
    side = Web(shop, msgspec.structs.replace(shop.loaded.config, access=access), interval=0.1)
    if demo:
        shop.name = NAME
        add_button(side, shop.simulation)
    await side.start("127.0.0.1", 0)
    try:
        yield side
    finally:
        await side.stop()
