"""The HTTP side of a service as one aiohttp application: door, API, stream, console, probes and metrics."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector

from streams.config.structs import Config
from streams.runtime.alerts_api import KINDS, AlertsApi
from streams.runtime.api import Api
from streams.runtime.asking_api import AskingApi
from streams.runtime.assets import Assets
from streams.runtime.case_reader import CaseAges, CaseReader
from streams.runtime.cases_api import WORDS, CasesApi
from streams.runtime.deliveries_api import DeliveriesApi
from streams.runtime.metrics import Metrics
from streams.runtime.problems import Handler, not_found
from streams.runtime.rights import LEAST
from streams.runtime.service import CustomerReader, DeliveryDesk, Service
from streams.runtime.session_api import SessionApi
from streams.runtime.site import Site
from streams.runtime.stream import HEARTBEAT_SECONDS, INTERVAL_SECONDS, Stream

CONSOLE = Path(__file__).parent / "console"
_FILE = "{file:[A-Za-z0-9_-]+\\.[a-z0-9]+}"
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


_TEXTS = ("text/html", "text/javascript", "text/css", "image/svg+xml", "application/json")


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
        self._assets = Assets()
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
        api, alerts, session = Api(self._service), AlertsApi(self._service), SessionApi(self._access)
        served: dict[str, Handler] = {
            "GET /api/v1/journeys": api.journeys,
            "GET /api/v1/signals": api.signals,
            "GET /api/v1/asking": AskingApi(self._service).asking,
            "GET /api/v1/alerts": alerts.alerts,
            "GET /api/v1/watched": alerts.watched,
            "GET /api/v1/health": api.health,
            "GET /api/v1/decisions": api.decisions,
            "GET /api/v1/dlq": api.dead_letters,
            "GET /api/v1/dlq/{id}": api.dead_letter,
            "POST /api/v1/dlq/{id}/redrive": api.redrive,
            "GET /api/v1/stream": self._stream.connect,
            "GET /metrics": self._expose,
            "GET /api/v1/session": session.standing,
            "POST /api/v1/session": session.sign_in,
            "DELETE /api/v1/session": session.sign_out,
        }
        for word, kind in KINDS.items():
            served[f"POST /api/v1/alerts/{{fingerprint}}/{word}"] = partial(alerts.say, kind)
        if isinstance(self._service, DeliveryDesk):
            deliveries = DeliveriesApi(self._service)
            served["GET /api/v1/deliveries"] = deliveries.deliveries
            served["POST /api/v1/deliveries/replay"] = deliveries.replay_range
            served["POST /api/v1/deliveries/{id}/replay"] = deliveries.replay
        if isinstance(self._service, CustomerReader):
            served["GET /api/v1/customers/{id}"] = api.customer
        if isinstance(self._service, CaseReader):
            cases = CasesApi(self._service, self._service)
            served["GET /api/v1/cases"] = cases.cases
            served["GET /api/v1/cases/{id}"] = cases.case
            for word in WORDS:
                served[f"POST /api/v1/cases/{{id}}/{word}"] = partial(cases.say, word)
        served["GET /"] = self._page
        served["GET /texts/{file}"] = self._texts
        # Last, so that no file takes the address of a route.
        served["GET /{file}"] = self._page
        for address, handler in served.items():
            method, _, pattern = address.partition(" ")
            path = pattern.replace("{file}", _FILE)
            router = self._app.router
            if method == "GET":
                router.add_get(path, self._for(LEAST[address], handler), allow_head=handler != self._stream.connect)
            else:
                router.add_route(method, path, self._for(LEAST[address], handler))
        self._app.router.add_get("/readyz", self._ready)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        """GET / and the console's other files."""
        return await self._file(request, self._console / request.match_info.get("file", "index.html"))

    async def _texts(self, request: web.Request) -> web.StreamResponse:
        """GET /texts/LANGUAGE.json: what the console says in a language."""
        return await self._file(request, self._console / "texts" / request.match_info["file"])

    async def _file(self, request: web.Request, path: Path) -> web.StreamResponse:
        media = _MEDIA.get(path.suffix)
        found = None if media is None else await asyncio.to_thread(self._assets.read, path)
        if media is None or found is None:
            raise not_found("There is no such page.")
        text = media in _TEXTS
        headers = {
            "Content-Type": f"{media}; charset=utf-8" if media.startswith("text/") else media,
            "Cache-Control": "no-cache",
            "ETag": found.tag,
            "Vary": "Accept-Encoding",
        }
        if found.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if text and "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=found.zipped, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=found.body, headers=headers)

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
