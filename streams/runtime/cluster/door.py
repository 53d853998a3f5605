"""The cluster's HTTP door: the same addresses and answers as the embedded service's, with Kafka as the log.

It keeps nothing: no file, no state. Any number of doors may stand side by side.
"""

from __future__ import annotations

import asyncio
import logging
import signal

import structlog
from aiohttp import web

from streams.config.load import Loaded
from streams.errors import CannotStart
from streams.runtime.access import Role
from streams.runtime.clock import Clock, SystemClock
from streams.runtime.cluster import topics
from streams.runtime.cluster.cluster_service import ClusterService
from streams.runtime.cluster.console_door import ConsoleDoor
from streams.runtime.cluster.door_metrics import DoorMetrics
from streams.runtime.cluster.intake import Intake, KafkaProducer
from streams.runtime.cluster.topics import Names
from streams.runtime.problems import not_found
from streams.runtime.site import Site

LARGEST_RECORD = 1_000_000
"""Bytes a record of the door may have in Kafka: a refused body of 512,000, wrapped in base64."""
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Door(Site):
    """Takes events between `start` and `stop`; shows nothing but its own health and counters.

    Parameters
    ----------
    intake
        The way into the log, started and stopped by the caller.
    loaded
        The file; its `access` block says who may send.
    names
        The installation's topics, to say where the rest is.
    """

    def __init__(self, intake: Intake, loaded: Loaded, names: Names) -> None:
        self._intake = intake
        self._names = names
        self._metrics = DoorMetrics(intake, loaded.hash)
        super().__init__(intake, loaded.config.access, self._metrics)

    def _route(self) -> None:
        super()._route()
        router = self._app.router
        router.add_get("/readyz", self._ready)
        router.add_get("/metrics", self._for(Role.VIEWER, self._expose))
        for path in ("/", "/api/{rest:.*}", "/{file:[A-Za-z0-9_-]+\\.[a-z0-9]+}"):
            router.add_route("*", path, self._elsewhere)

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        raise not_found(
            "This is a cluster's door: it takes events and shows nothing. Console and API belong to `touchline run`"
            " without --kafka, or with --redis beside it; here, decisions are in the topic"
            f" {self._names.decisions}, dead letters in {self._names.dead_letters}, and a worker started with"
            " --listen shows its state under /status."
        )

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """GET /readyz: 200 while events are taken, 503 with the reason else."""
        trouble = self._intake.trouble
        return web.Response(text="ok\n") if trouble is None else web.Response(status=503, text=f"{trouble}\n")

    async def _expose(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics: Prometheus text or OpenMetrics."""
        body, content_type = self._metrics.expose(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


async def preflight(kafka: str, names: Names) -> None:
    """What the door needs of Kafka. Raises CannotStart."""
    async with topics.admin(kafka) as client:
        await topics.check_log(client, names)
        largest = (await topics.configuration(client, names.events)).get("max.message.bytes", "")
    if largest.isdigit() and int(largest) < LARGEST_RECORD:
        raise CannotStart(
            f"{names.events}: max.message.bytes is {largest}, expected at least {LARGEST_RECORD}: a refused request is"
            " kept whole, as one record"
        )


async def serve(
    loaded: Loaded,
    *,
    kafka: str,
    name: str,
    host: str,
    port: int,
    redis: str | None = None,
    file: str = "",
    clock: Clock | None = None,
) -> None:
    """Take events until SIGINT or SIGTERM, then finish what is under way. Raises CannotStart.

    `name` is the prefix of the topics; with `redis`, the store's address, console and API are served too, which show
    the file's name.
    """
    # While Kafka is away its client says so several times a second; the intake says it once, and when it is back.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("aiokafka.producer").setLevel(logging.ERROR)
    names = Names(name)
    await preflight(kafka, names)
    intake = Intake(lambda: KafkaProducer(kafka), names.events, clock or SystemClock())
    service = None if redis is None else ClusterService(intake, loaded, names, kafka=kafka, redis=redis, file=file)
    door = Door(intake, loaded, names) if service is None else ConsoleDoor(service, intake, loaded)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, _keep_file)
    try:
        await intake.start()
        if service is not None:
            await service.start()
        await door.start(host, port)
        structlog.get_logger("door").info("door_open", kafka=kafka, topic=names.events, port=door.port)
        await ended.wait()
    finally:
        await door.stop()
        if service is not None:
            await service.stop()
        await intake.stop()
        for number in (*_ENDING, signal.SIGHUP):
            loop.remove_signal_handler(number)


def _keep_file() -> None:
    structlog.get_logger("door").warning("config_needs_restart", keys=["access"])
