"""A receiver of webhooks on a free port, with moods: what it answers is up to the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web


class Request(msgspec.Struct, frozen=True):
    """One request as it came."""

    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answer = Callable[[Request], Awaitable[web.StreamResponse | None]]
"""None: the connection is reset."""


class Peer:
    """What has come, and what is answered."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.accepted: list[str] = []
        """`webhook-id` of everything that was answered with 200."""
        self.holding = 0
        """Requests that are not answered before time passes."""
        self.answer: Answer = self.accept
        self.url = ""
        self._came = asyncio.Condition()

    async def accept(self, request: Request) -> web.StreamResponse | None:
        self.accepted.append(request.headers.get("webhook-id", ""))
        return web.Response(text="ok")

    def status(self, status: int, **headers: str) -> None:
        """Answer everything with a status from now on."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}

        async def answer(request: Request) -> web.StreamResponse | None:
            return web.Response(status=status, headers=named)

        self.answer = answer

    async def hold(self, request: Request) -> web.StreamResponse | None:
        """Never answer."""
        self.holding += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.holding -= 1
        return None

    async def until(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): text for name, text in request.headers.items()}
        came = Request(headers, await request.read())
        async with self._came:
            self.requests.append(came)
            self._came.notify_all()
        answer = await self.answer(came)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
        return answer or web.Response()


@asynccontextmanager
async def listening() -> AsyncIterator[Peer]:
    """A peer at `peer.url`, on loopback."""
    peer = Peer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield peer
    finally:
        await runner.cleanup()
