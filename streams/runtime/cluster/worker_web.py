"""A worker's web views, on Faust's web server: `/status`, `/deliveries`, `/metrics`, `/livez` and `/readyz`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import faust
import msgspec
from aiohttp import web

from streams.config.structs import Access as AccessConfig
from streams.runtime.access import Access, Role
from streams.runtime.cluster.delivery_pages import DeliveryPages
from streams.runtime.cluster.status import Reporter
from streams.runtime.cluster.worker_metrics import WorkerMetrics
from streams.runtime.deliveries_api import DeliveriesApi
from streams.runtime.problems import Problem

View = Callable[[Any, web.Request], Awaitable[web.Response]]


def attach(app: faust.App, reporter: Reporter, access: AccessConfig) -> None:
    """Give the app its pages. Where the file has console tokens, all but the probes ask for one of them.

    Sending deliveries again asks for one in any case, of an admin.
    """
    metrics = WorkerMetrics(reporter)
    guard = Access(access)

    def page(path: str, *, open_to_all: bool, method: str = "get") -> Callable[[View], None]:
        def register(view: View) -> None:
            async def guarded(self: Any, request: web.Request) -> web.Response:
                try:
                    if method != "get" and not guard.console:
                        raise Problem(403, "forbidden", "This needs a token of the role admin in access.console.")
                    if not open_to_all and guard.console:
                        guard.allow(request, Role.VIEWER if method == "get" else Role.ADMIN)
                    return await view(self, request)
                except Problem as problem:
                    return problem.response()

            made = type(view.__name__, (faust.web.views.View,), {method: guarded, "__module__": __name__})
            app.page(path, name=f"{method}-{path.strip('/')}")(made)

        return register

    @page("/livez", open_to_all=True)
    async def live(_view: Any, _request: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="ok\n")

    @page("/readyz", open_to_all=True)
    async def ready(_view: Any, _request: web.Request) -> web.Response:
        """200 while all that is this worker's is taken, 503 with the reason else."""
        reason = reporter.not_ready()
        return web.Response(text="ok\n") if reason is None else web.Response(status=503, text=f"{reason}\n")

    @page("/status", open_to_all=False)
    async def status(_view: Any, _request: web.Request) -> web.Response:
        """How this worker and each of its partitions are doing."""
        return web.Response(body=msgspec.json.encode(reporter.status()), content_type="application/json")

    @page("/metrics", open_to_all=False)
    async def expose(_view: Any, request: web.Request) -> web.Response:
        """Prometheus text or OpenMetrics."""
        body, content_type = metrics.expose(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    if reporter.deliveries is None:
        return
    api = DeliveriesApi(DeliveryPages(reporter.deliveries))

    @page("/deliveries", open_to_all=False)
    async def deliveries(_view: Any, request: web.Request) -> web.Response:
        """What waits, was delivered or failed, of this worker's partitions of the decisions."""
        return await api.deliveries(request)

    @page("/deliveries/{id}/replay", open_to_all=False, method="post")
    async def replay(_view: Any, request: web.Request) -> web.Response:
        """Send one of them again."""
        return await api.replay(request)

    @page("/deliveries/replay", open_to_all=False, method="post")
    async def replay_range(_view: Any, request: web.Request) -> web.Response:
        """Send a receiver's again that came about within a time."""
        return await api.replay_range(request)
