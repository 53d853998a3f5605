"""The cluster worker: one Faust worker with JourneyStage as a service in it and SignalStage as an agent."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP
from mode.types import ServiceT

from streams.config.load import Loaded
from streams.errors import CannotStart
from streams.runtime.clock import Clock, SystemClock
from streams.runtime.cluster import delivery_agent, positions, security, signal_agent, topics, worker_web
from streams.runtime.cluster.bulletin import Bulletin
from streams.runtime.cluster.case_ages import CaseAges
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.credentials import credentials
from streams.runtime.cluster.delivery_agent import Deliveries
from streams.runtime.cluster.delivery_requests import Requests
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.journey_service import JourneyService, Settings, heartbeat_seconds
from streams.runtime.cluster.no_tables import NoTables
from streams.runtime.cluster.redis_inspection import inspect
from streams.runtime.cluster.redis_store import PartitionStore, connect
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.signal_agent import SignalDesk
from streams.runtime.cluster.status import Reporter
from streams.runtime.cluster.topics import Names
from streams.runtime.cluster.watcher import KafkaEnds, Watcher

_log = structlog.get_logger()


async def preflight(settings: Settings) -> tuple[int, int]:
    """Probe both servers; returns the partitions of the events and of the decisions. Raises CannotStart."""
    redis = connect(settings.redis)
    try:
        for warning in await inspect(redis):
            _log.warning("store_not_durable", detail=warning)
    finally:
        await redis.aclose()
    names = Names(settings.name)
    async with topics.admin(settings.kafka) as client:
        partitions = await topics.check_log(client, names)
        for warning in await topics.shortcomings(client, names):
            _log.warning("log_not_safe", detail=warning)
        return partitions, await topics.partition_count(client, names.decisions) or 0


def build_app(settings: Settings, folder: Path, web: tuple[str, int] | None) -> faust.App:
    """A Faust app that keeps nothing of its own: positions, state and effects are ours."""
    return faust.App(
        f"{settings.name}-signals",
        broker=f"aiokafka://{settings.kafka}",
        broker_credentials=credentials(security.kafka()),
        store="memory://",
        datadir=str(folder),
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        TableManager=NoTables,
        consumer_group_instance_id=settings.instance,
        broker_session_timeout=float(settings.session_s),
        broker_heartbeat_interval=heartbeat_seconds(settings.session_s),
        broker_request_timeout=settings.session_s + 20.0,  # Faust wants it longer than the session
        web_enabled=web is not None,
        web_host=web[0] if web is not None else "127.0.0.1",
        web_port=web[1] if web is not None else 6066,
        worker_redirect_stdouts=False,
    )


class Worker(faust.Worker):
    """Starts the connections first and the journeys last, so that these stop first: batch, relay, then the rest."""

    def __init__(self, app: faust.App, connections: Connections, *others: ServiceT, **options: Any) -> None:
        self._parts = (connections, app, *others)
        super().__init__(app, override_logging=False, redirect_stdouts=False, quiet=True, **options)
        self.spinner = None

    def on_init_dependencies(self) -> Iterable[ServiceT]:
        """What the worker starts, in this order; it stops them the other way round."""
        super().on_init_dependencies()
        return self._parts


def run(
    loaded: Loaded,
    settings: Settings,
    *,
    web: tuple[str, int] | None = None,
    clock: Clock | None = None,
    learnt: bytes | None = None,
) -> int:
    """Run a worker until it is told to stop; returns the exit code. Raises CannotStart.

    `learnt`: baselines with which signals begin, should this worker be the first that looks after them.
    """
    partitions, decisions = asyncio.run(preflight(settings))
    clock = clock or SystemClock()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="touchline-worker-") as folder:
        connections = Connections(settings.kafka, settings.redis)
        rulebook = Rulebook(connections, loaded)
        journeys = JourneyService(settings, rulebook, connections, clock, partitions)
        desk = SignalDesk(connections, rulebook, Names(settings.name), partitions, learnt)
        dispatch = Dispatch(
            loaded,
            clock,
            lambda number: PartitionStore(connections.redis, f"decisions:{number}", item="d"),
            decisions,
        )
        names = desk.names
        deliveries = Deliveries(dispatch, settings.kafka, names.decisions)
        app = build_app(settings, Path(folder) / "faust", web)

        async def find(tp: TP) -> int | None:
            if tp.topic == names.decisions:
                return await deliveries.find(app, tp)
            return await signal_agent.find(app, desk, tp)

        positions.install(app, f"kafka://{settings.kafka}", find, frozenset({names.partials, names.decisions}))
        signal_agent.attach(app, desk)
        delivery_agent.attach(app, dispatch, names.decisions)

        watcher = Watcher(journeys, desk, KafkaEnds(settings.kafka), clock, dispatch=dispatch)
        case_ages = CaseAges(desk, connections)
        reporter = Reporter(settings, loaded.hash, journeys, desk, watcher, clock, dispatch, lambda: case_ages.oldest)
        bulletin = Bulletin(reporter, connections)
        if web is not None:
            worker_web.attach(app, reporter, loaded.config.access)
        requests = Requests(dispatch, connections)
        worker = Worker(app, connections, journeys, watcher, bulletin, case_ages, requests, deliveries, loop=loop)
        try:
            worker.execute_from_commandline()
        except SystemExit as end:
            crashed = [part.crash_reason for part in (journeys, watcher, app, worker) if part.crash_reason is not None]
            for reason in crashed:
                if isinstance(reason, CannotStart):
                    raise reason from None
            return 1 if crashed else int(end.code or 0)
