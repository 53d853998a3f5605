"""What every HTTP side of ours has in common: listening, headers, who may pass, the door's addresses, liveness."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from streams.config.structs import Access as AccessConfig
from streams.errors import CannotStart
from streams.runtime.access import Access, Role, check_listen
from streams.runtime.collector import CALLS, Collector, Intake
from streams.runtime.problems import Handler, answer_problems, route_of

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
"""How long requests under way may take after `stop`."""


class Counter(Protocol):
    """Counts what was answered."""

    def count_request(self, method: str, route: str, status: int) -> None:
        """One request; `route` is the pattern, never the path."""
        ...


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """Keeps quiet about strangers who send no HTTP; aiohttp would report each as an error with its bytes."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        if isinstance(exc_info, HttpProcessingError):
            structlog.get_logger("http").debug("request_unreadable", error=type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **kwargs)


class Site:
    """An aiohttp application with the door's addresses, served between `start` and `stop`.

    Parameters
    ----------
    intake
        Where the door's records go.
    access
        The file's block of that name.
    counter
        Hears of every answer.
    """

    def __init__(self, intake: Intake, access: AccessConfig, counter: Counter) -> None:
        self._config = access
        self._access = Access(access)
        self._counter = counter
        self._collector = Collector(intake, self._access)
        self._app = web.Application(middlewares=[self._count, answer_problems])
        self._app.on_response_prepare.append(self._add_headers)
        self._runner: web.AppRunner | None = None
        self._cross_origin = False
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
        check_listen(host, self._config)
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
        structlog.get_logger("http").info("http_started", host=host, port=self._access.port)

    async def stop(self) -> None:
        """Finish the requests under way, close. Harmless when not started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _route(self) -> None:
        router = self._app.router
        router.add_get("/livez", self._live)
        calls = "/v1/{call:" + "|".join(CALLS) + "}"
        router.add_post("/events", self._collector.events)
        router.add_post(calls, self._collector.segment)
        if self._access.keys:
            # Browsers send events from the shop's pages; a write key is asked for, so any page may.
            self._cross_origin = True
            for path in ("/events", calls):
                router.add_route("OPTIONS", path, self._preflight)

    def _for(self, need: Role | None, handler: Handler) -> Handler:
        """The handler for whoever has the role; None: for whoever may reach the service at all."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if need is not None:
                self._access.allow(request, need)
            elif not self._access.console:
                self._access.same_machine(request)
            return await handler(request)

        return guarded

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        self._counter.count_request(request.method, route_of(request), response.status)
        return response

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        headers = dict(_SECURITY)
        if self._cross_origin and request.path.startswith(("/v1/", "/events")):
            headers.update(_CORS)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = "touchline"  # not what it is made of

    async def _preflight(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """GET /livez: the process answers."""
        return web.Response(text="ok\n")
