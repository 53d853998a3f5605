"""What workers of a cluster show, without one: every metric that only they have, as it is declared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from streams.runtime.metric_names import CLUSTER, UP_TIME


@asynccontextmanager
async def declared() -> AsyncIterator[str]:
    """HOST:PORT of a target whose counters grow with every look."""
    looks = 0

    async def metrics(request: web.Request) -> web.Response:
        nonlocal looks
        looks += 1
        lines = [f"{UP_TIME.name} {looks}"]
        for metric in CLUSTER:
            labels = ", ".join(f'{label}="0"' for label in metric.labels)
            lines.append(f"{metric.name}{{{labels}}} {looks if metric.kind == 'counter' else 1}")
        return web.Response(text="\n".join(lines) + "\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    server = TestServer(app)
    await server.start_server()
    try:
        yield f"{server.host}:{server.port}"
    finally:
        await server.close()
