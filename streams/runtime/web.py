"""The HTTP side of a service as one aiohttp application: door, API, stream, console, probes and metrics."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector

from streams.config.structs import Config
from streams.runtime.access import Role
from streams.runtime.alerts_api import KINDS, AlertsApi
from streams.runtime.api import Api
from streams.runtime.case_reader import CaseAges, CaseReader
from streams.runtime.cases_api import WORDS, CasesApi
from streams.runtime.deliveries_api import DeliveriesApi
from streams.runtime.metrics import Metrics
from streams.runtime.problems import not_found
from streams.runtime.service import CustomerReader, DeliveryDesk, Service
from streams.runtime.site import Site
from streams.runtime.stream import HEARTBEAT_SECONDS, INTERVAL_SECONDS, Stream

CONSOLE = Path(__file__).parent / "console"
_MEDIA = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


class Web(Site):
    """Serves a service over HTTP between `start` and `stop`."""

    def __init__(
        self,
        service: Service,
        config: Config,
        *,
        registry: CollectorRegistry | None = None,
        console: Path = CONSOLE,
        interval: float = INTERVAL_SECONDS,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`config` gives the access block, `console` is the folder with index.html, times are the stream's, in s."""
        self._service = service
        self._console = console
        self._stream = Stream(service, interval=interval, heartbeat=heartbeat)
        self.registry = registry if registry is not None else CollectorRegistry()
        if registry is None:
            ProcessCollector(registry=self.registry)
        self._metrics = Metrics(service, self.registry, stream_clients=lambda: self._stream.clients)
        super().__init__(service, config.access, self._metrics)

    async def start(self, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one. Raises CannotStart where the address needs tokens or cannot be had."""
        await super().start(host, port)
        self._stream.start()

    async def stop(self) -> None:
        """Let the stream's clients go, finish the requests under way, close. Harmless when not started."""
        if self._runner is not None:
            await self._stream.stop()
        await super().stop()

    def _route(self) -> None:
        super()._route()
        router = self._app.router
        api, alerts = Api(self._service), AlertsApi(self._service)
        viewer, agent, admin = Role.VIEWER, Role.AGENT, Role.ADMIN
        for path, need, handler in (
            ("/api/v1/journeys", viewer, api.journeys),
            ("/api/v1/signals", viewer, api.signals),
            ("/api/v1/alerts", viewer, alerts.alerts),
            ("/api/v1/watched", viewer, alerts.watched),
            ("/api/v1/health", viewer, api.health),
            ("/api/v1/decisions", viewer, api.decisions),
            ("/api/v1/dlq", viewer, api.dead_letters),
            ("/api/v1/dlq/{id}", agent, api.dead_letter),
            ("/metrics", viewer, self._expose),
            ("/", viewer, self._page),
        ):
            router.add_get(path, self._for(need, handler))
        router.add_get("/api/v1/stream", self._for(viewer, self._stream.connect), allow_head=False)
        for word, kind in KINDS.items():
            router.add_post(f"/api/v1/alerts/{{fingerprint}}/{word}", self._for(agent, partial(alerts.say, kind)))
        router.add_post("/api/v1/dlq/{id}/redrive", self._for(admin, api.redrive))
        if isinstance(self._service, DeliveryDesk):
            deliveries = DeliveriesApi(self._service)
            router.add_get("/api/v1/deliveries", self._for(viewer, deliveries.deliveries))
            router.add_post("/api/v1/deliveries/replay", self._for(admin, deliveries.replay_range))
            router.add_post("/api/v1/deliveries/{id}/replay", self._for(admin, deliveries.replay))
        if isinstance(self._service, CustomerReader):
            router.add_get("/api/v1/customers/{id}", self._for(agent, api.customer))
        if isinstance(self._service, CaseReader):
            cases = CasesApi(self._service, self._service)
            router.add_get("/api/v1/cases", self._for(viewer, cases.cases))
            router.add_get("/api/v1/cases/{id}", self._for(viewer, cases.case))
            for word in WORDS:
                router.add_post(f"/api/v1/cases/{{id}}/{word}", self._for(agent, partial(cases.say, word)))
        router.add_get("/readyz", self._ready)
        # Last, so that no file takes the address of a route.
        router.add_get("/{file:[A-Za-z0-9_-]+\\.[a-z0-9]+}", self._for(viewer, self._page))

    async def _page(self, request: web.Request) -> web.StreamResponse:
        """GET / and the console's other files."""
        name = request.match_info.get("file", "index.html")
        path = self._console / name
        media = _MEDIA.get(path.suffix)
        if media is None or not await asyncio.to_thread(path.is_file):
            raise not_found("There is no such page.")
        content_type = f"{media}; charset=utf-8" if media.startswith("text/") else media
        return web.FileResponse(path, headers={"Content-Type": content_type, "Cache-Control": "no-cache"})

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """GET /readyz: 200 while events are taken, 503 with the reason else."""
        health = self._service.health()
        if health.status == "ok":
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"{health.status}: {health.reason or 'catching up'}\n")

    async def _expose(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics: Prometheus text or OpenMetrics."""
        oldest = await self._service.oldest_cases() if isinstance(self._service, CaseAges) else {}
        self._metrics.gather(oldest)
        body, content_type = await asyncio.to_thread(self._metrics.expose, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
