"""A cluster as the HTTP side sees it (`streams.runtime.service.Service`): what a door knows, and where it writes.

Journeys, signals and alarms are what the signals' owner last showed in Redis, health is what the workers last told
there, decisions, cases and dead letters are in the door's index, a customer is looked up when asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec
import structlog

from streams.config.load import Loaded
from streams.errors import CannotStart
from streams.runtime.case_reader import CaseQuery, CaseView
from streams.runtime.cluster import of_customer
from streams.runtime.cluster.archive import opened
from streams.runtime.cluster.delivery_desk import DeliveryDesk
from streams.runtime.cluster.door_index import DoorIndex, list_cases
from streams.runtime.cluster.erasing import GONE
from streams.runtime.cluster.follower import Follower
from streams.runtime.cluster.intake import Intake
from streams.runtime.cluster.overview import Overview, overview
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import DOWN, connect
from streams.runtime.cluster.shown_view import VIEW, VIEWERS, ShownView, decode_view
from streams.runtime.cluster.topics import Names
from streams.runtime.customer import customer_view
from streams.runtime.problems import Problem
from streams.runtime.service import (
    ActiveConfig,
    Door,
    Health,
    Internals,
    LogEnds,
    Page,
    Published,
    StoredDeadLetter,
)
from streams.runtime.subscribers import Subscribers
from streams.runtime.why import chapters
from streams.units import format_time, parse_time
from streams.view import AlarmsView, JourneyView, SignalView

_log = structlog.get_logger("door")
_POLL_SECONDS = 1.0
_VIEWERS_SECONDS = 10
_LATEST = 50
_AWAY = "Redis does not answer: what is shown grows old"
_MOST_RECORDS = 50_000
"""Records at the end of a customer's partition that are looked through for touchpoints."""
REDRIVEN = "touchline:redriven"
"""Set of ids of dead letters whose bytes are in the log again."""


class ClusterService:
    """Satisfies `Service`, `CustomerReader`, `CaseReader` and `DeliveryDesk` between `start` and `stop`.

    Parameters
    ----------
    intake
        The way into the log, started and stopped by the caller.
    loaded, file
        The door's file, and its name as shown.
    """

    def __init__(self, intake: Intake, loaded: Loaded, names: Names, *, kafka: str, redis: str, file: str) -> None:
        self._intake = intake
        self._loaded = loaded
        self._names = names
        self._kafka = kafka
        self._file = file
        self._redis: Client = connect(redis)
        self._index = DoorIndex()
        self._desk = DeliveryDesk(self._redis, loaded.config)
        self._subscribers = Subscribers()
        self._follower = Follower(kafka, names, self._index, self._subscribers.publish, intake.now)
        self._overview: Overview | None = None
        self._shown: ShownView | None = None
        self._store_trouble: str | None = "the door has not looked yet"
        self._listed = False
        """The cases that Redis lists are known."""
        self._began = intake.now()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look at what is there, then follow it. Events are taken also while the store does not answer."""
        await self._try_to_look()
        await self._follower.start()
        self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Let go of both servers."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._follower.stop()
        await self._redis.aclose()

    # -- what is followed --------------------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            await self._try_to_look()

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except DOWN as error:
            if self._store_trouble != _AWAY:
                _log.warning("redis_away", error=type(error).__name__)
            self._store_trouble = _AWAY

    async def look(self) -> None:
        """Read what the workers last told. Raises one of the store's DOWN errors."""
        if not self._listed:
            with contextlib.suppress(CannotStart):  # no worker has started yet: there are no cases
                await list_cases(self._redis, self._index, self._names)
            self._listed = True
        await self._redis.set(VIEWERS, b"1", ex=_VIEWERS_SECONDS)
        body = await self._redis.get(VIEW)
        found = decode_view(body) if isinstance(body, bytes) else None
        if found is not None and (self._shown is None or found.epoch >= self._shown.epoch):
            self._shown = found
        gone = [name.decode() for name in await self._redis.lrange(GONE, 0, -1) if isinstance(name, bytes)]
        if gone:
            self._index.forget(gone)
        for name in await self._redis.smembers(REDRIVEN):
            self._index.mark(int(name))
        try:
            self._overview = await overview(self._redis, self.now())
            self._store_trouble = None
        except CannotStart as error:
            self._store_trouble = str(error)

    # -- Service -----------------------------------------------------------------------------------------------------

    def now(self) -> int:
        return self._intake.now()

    async def submit(self, bodies: Sequence[bytes]) -> Sequence[int]:
        return await self._intake.submit(bodies)

    def journeys(self) -> Sequence[JourneyView]:
        return () if self._shown is None else self._shown.view.journeys

    def signals(self) -> Sequence[SignalView]:
        return () if self._shown is None else self._shown.view.signals

    def alarms(self) -> AlarmsView | None:
        return None if self._shown is None else self._shown.view.alarms

    def health(self) -> Health:
        now, seen = self.now(), self._overview
        rows = [] if seen is None else seen.partitions
        watermarks = [row.watermark for row in rows if row.watermark is not None]
        watermark = min(watermarks, default=None)
        door = None if self._shown is None else self._shown.door
        status, reason = self._condition()
        return Health(
            status=status,
            uptime_seconds=(now - self._began) / 1e6,
            watermark=None if watermark is None else format_time(watermark),
            lag_seconds=None if watermark is None else (now - watermark) / 1e6,
            events_per_second=sum(worker.events_per_second for worker in seen.workers) if seen is not None else 0.0,
            events=Door()
            if door is None
            else Door(door.read, door.accepted, door.duplicate, door.late, door.future, door.invalid),
            config=ActiveConfig(
                self._loaded.hash if self._shown is None else self._shown.config,
                self._file,
                tuple(str(warning) for warning in self._loaded.warnings),
            ),
            log=LogEnds(sum(row.read + (row.lag_records or 0) for row in rows), sum(row.low for row in rows)),
            pending_timers=sum(row.timers for row in rows),
            dead_letters=self._index.letters,
            reason=reason,
            receivers=() if seen is None else tuple(seen.receivers),
        )

    def _condition(self) -> tuple[str, str | None]:
        """`ok`, `starting` or `stopped`, and why."""
        if self._intake.trouble is not None:
            return "stopped", self._intake.trouble
        if self._store_trouble is not None:
            return "starting", self._store_trouble
        if self._overview is None or not self._overview.well:
            rows = [] if self._overview is None else self._overview.partitions
            idle = [f"partition {row.partition}: {row.trouble or 'opening'}" for row in rows if not row.running]
            late = [] if self._overview is None else self._overview.decisions
            if self._overview is not None and self._overview.signals.worker is None:
                idle.append("nobody has the signals")
            idle += [f"decisions:{row.partition}: {row.trouble or 'opening'}" for row in late if not row.running]
            return "starting", idle[0] if idle else "nobody has the signals"
        return "ok", None

    def internals(self) -> Internals:
        """What the signals' owner shows of asking; workers show the rest to Prometheus themselves."""
        if self._shown is None:
            return Internals()
        return Internals(care=self._shown.care, learning=self._shown.view.learning)

    async def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return self._index.decisions(since, limit, cursor)

    async def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        return self._index.decisions_after(decision_id, limit)

    async def dead_letters(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return self._index.dead_letters(since, limit, cursor)

    async def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        return self._index.dead_letter(letter_id)

    async def redrive(self, letter_id: int) -> int | None:
        letter = self._index.dead_letter(letter_id)
        if letter is None or letter.body is None:
            return None
        (offset,) = await self._intake.submit([letter.body])
        self._index.mark(letter_id)
        with contextlib.suppress(*DOWN):
            await self._redis.sadd(REDRIVEN, letter_id)
        return offset

    def subscribe(self) -> asyncio.Queue[Published]:
        return self._subscribers.subscribe()

    def unsubscribe(self, queue: asyncio.Queue[Published]) -> None:
        self._subscribers.unsubscribe(queue)

    # -- deliveries --------------------------------------------------------------------------------------------------

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        return await self._desk.deliveries(since, limit, cursor, receiver, state)

    async def replay_delivery(self, delivery_id: int) -> bool:
        return await self._desk.replay_delivery(delivery_id)

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        return await self._desk.replay_deliveries(receiver, since, until)

    # -- cases and customers -----------------------------------------------------------------------------------------

    async def cases(self, query: CaseQuery, limit: int, cursor: str | None) -> Page:
        return self._index.cases(query, limit, cursor)

    async def case(self, case_id: str) -> CaseView | None:
        return self._index.case(case_id)

    async def customer(self, customer_id: str) -> msgspec.Raw | None:
        """As of the last commit; touchpoints among the last 50,000 records of the customer's partition.

        Raises Problem 503 while one of the servers does not answer.
        """
        try:
            found = await of_customer.kept(self._redis, customer_id)
            async with opened(self._kafka) as archive:
                touchpoints = await of_customer.touchpoints_of(archive, self._names, found, None, most=_MOST_RECORDS)
        except (*DOWN, CannotStart) as error:
            raise Problem(
                503, "store_away", f"The customer cannot be looked up now: {type(error).__name__}."
            ) from error
        decided = self._index.decisions_of(found.all, _LATEST)
        state = found.state
        if state is None and not touchpoints and not decided:
            return None
        config = self._loaded.config
        known = state or of_customer.unknown(touchpoints)
        oldest = min((parse_time(one.time) for one in touchpoints), default=None)
        view = customer_view(
            found.id,
            known,
            config,
            merged=found.merged,
            touchpoints=touchpoints[:_LATEST],
            decisions=decided,
            log_since=oldest if len(touchpoints) > _LATEST else None,
        )
        told = msgspec.structs.replace(view, story=chapters(view, str(config.timezone)))
        return msgspec.Raw(msgspec.json.encode(told))
