"""The HTTP side of a service as one aiohttp application: door, API, stream, console, probes and metrics."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CollectorRegistry, ProcessCollector

from streams.config.structs import Config
from streams.errors import CannotStart
from streams.runtime.access import Access, Role, check_listen
from streams.runtime.api import Api
from streams.runtime.collector import CALLS, Collector
from streams.runtime.metrics import Metrics
from streams.runtime.problems import Handler, answer_problems, not_found, route_of
from streams.runtime.service import CustomerReader, Service
from streams.runtime.stream import HEARTBEAT_SECONDS, INTERVAL_SECONDS, Stream

CONSOLE = Path(__file__).parent / "console"
_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_GOODBYE_SECONDS = 2.0
"""How long requests under way may take after `stop`; the stream's clients are let go before."""
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


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """Keeps quiet about strangers who send no HTTP; aiohttp would report each as an error with its bytes."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        if isinstance(exc_info, HttpProcessingError):
            structlog.get_logger("http").debug("request_unreadable", error=type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **kwargs)


class Web:
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
        self._config = config
        self._console = console
        self._access = Access(config.access)
        self._stream = Stream(service, interval=interval, heartbeat=heartbeat)
        self.registry = registry if registry is not None else CollectorRegistry()
        if registry is None:
            ProcessCollector(registry=self.registry)
        self._metrics = Metrics(service, self.registry, stream_clients=lambda: self._stream.clients)
        self._collector = Collector(service, self._access)
        self._app = web.Application(middlewares=[self._count, answer_problems])
        self._app.on_response_prepare.append(self._add_headers)
        self._runner: web.AppRunner | None = None
        self._cross_origin: set[str] = set()
        self._route()

    def add_route(self, method: str, path: str, handler: Handler, need: Role = Role.ADMIN) -> None:
        """One more address, for whoever has the role; before `start`. The console's same-machine rules hold too."""
        self._app.router.add_route(method, path, self._for(need, handler))

    @property
    def addresses(self) -> list[tuple[str, str]]:
        """(method, path's pattern) of everything served."""
        routes = ((route.method, route.resource) for route in self._app.router.routes())
        return sorted((method, resource.canonical) for method, resource in routes if resource is not None)

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        return self._access.port

    async def start(self, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one. Raises CannotStart where the address needs tokens or cannot be had."""
        check_listen(host, self._config.access)
        runner = web.AppRunner(
            self._app,
            access_log=None,  # paths may hold customers' ids
            logger=_ServerLog(logging.getLogger("http"), {}),
            auto_decompress=False,  # the door bounds what it inflates
            handle_signals=False,
            shutdown_timeout=_GOODBYE_SECONDS,
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise CannotStart(
                f"cannot listen on {host}:{port}: {error.strerror or 'the address cannot be used'}."
                " Another service may be using it; choose another with --listen HOST:PORT."
            ) from error
        self._runner = runner
        self._access.port = int(runner.addresses[0][1])
        self._stream.start()
        structlog.get_logger("http").info("http_started", host=host, port=self._access.port)

    async def stop(self) -> None:
        """Let the stream's clients go, finish the requests under way, close. Harmless when not started."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        await self._stream.stop()
        await runner.cleanup()

    def _route(self) -> None:
        router = self._app.router
        api = Api(self._service)
        viewer, agent, admin = Role.VIEWER, Role.AGENT, Role.ADMIN
        for path, need, handler in (
            ("/api/v1/journeys", viewer, api.journeys),
            ("/api/v1/signals", viewer, api.signals),
            ("/api/v1/health", viewer, api.health),
            ("/api/v1/decisions", viewer, api.decisions),
            ("/api/v1/dlq", viewer, api.dead_letters),
            ("/api/v1/dlq/{id}", agent, api.dead_letter),
            ("/metrics", viewer, self._expose),
            ("/", viewer, self._page),
        ):
            router.add_get(path, self._for(need, handler))
        router.add_get("/api/v1/stream", self._for(viewer, self._stream.connect), allow_head=False)
        router.add_post("/api/v1/dlq/{id}/redrive", self._for(admin, api.redrive))
        if isinstance(self._service, CustomerReader):
            router.add_get("/api/v1/customers/{id}", self._for(agent, api.customer))
        router.add_get("/livez", self._live)
        router.add_get("/readyz", self._ready)
        calls = "/v1/{call:" + "|".join(CALLS) + "}"
        router.add_post("/events", self._collector.events)
        router.add_post(calls, self._collector.segment)
        if self._access.keys:
            # Browsers send events from the shop's pages; a write key is asked for, so any page may.
            for path in ("/events", calls):
                router.add_route("OPTIONS", path, self._preflight)
                self._cross_origin.add(path)
        # Last, so that no file takes the address of a route.
        router.add_get("/{file:[A-Za-z0-9_-]+\\.[a-z0-9]+}", self._for(viewer, self._page))

    def _for(self, need: Role, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self._access.allow(request, need)
            return await handler(request)

        return guarded

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        self._metrics.count_request(request.method, route_of(request), response.status)
        return response

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        headers = dict(_SECURITY)
        if self._cross_origin and request.path.startswith(("/v1/", "/events")):
            headers.update(_CORS)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = "touchline"  # not what it is made of

    async def _page(self, request: web.Request) -> web.StreamResponse:
        """GET / and the console's other files."""
        name = request.match_info.get("file", "index.html")
        path = self._console / name
        media = _MEDIA.get(path.suffix)
        if media is None or not await asyncio.to_thread(path.is_file):
            raise not_found("There is no such page.")
        content_type = f"{media}; charset=utf-8" if media.startswith("text/") else media
        return web.FileResponse(path, headers={"Content-Type": content_type, "Cache-Control": "no-cache"})

    async def _preflight(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """GET /livez: the process answers."""
        return web.Response(text="ok\n")

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """GET /readyz: 200 while events are taken, 503 with the reason else."""
        health = self._service.health()
        if health.status == "ok":
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"{health.status}: {health.reason or 'catching up'}\n")

    async def _expose(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics: Prometheus text or OpenMetrics."""
        self._metrics.gather()
        body, content_type = await asyncio.to_thread(self._metrics.expose, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
