"""GET /api/v1/stream: the view once a second and every decision at once, as server-sent events.

The view is made, compared with the one before and encoded once for all clients. A client that reads too slowly gets
the newest view only; one that falls behind on decisions is let go and comes back with the id of the last it saw
(Last-Event-ID), from where the stored ones are sent again. Views carry no id, as that would take the decisions' place:
who comes back gets a whole one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import structlog
from aiohttp import web

from streams.runtime.access import Role, role_of
from streams.runtime.problems import Problem
from streams.runtime.redaction import decision_for
from streams.runtime.service import Published, Service
from streams.runtime.shown import GZIP_HEAD, Portion, Shown, compressed

INTERVAL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
"""A comment is sent after that long without anything else, so that proxies keep the connection."""
STALLED_SECONDS = 30.0
"""A client that takes nothing for so long is gone."""
MAX_WAITING = 1000
"""Decisions kept for one slow client."""
MAX_CLIENTS = 200
_RESUME_PORTION = 500
_KINDS = ("view", "decision")
_FORMS = ("whole", "changes")
_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class _Client:
    """What waits to be written to one connection."""

    def __init__(self, kinds: frozenset[str], role: Role, shown: Shown, *, changes: bool, zipped: bool) -> None:
        self.kinds = kinds
        self.role = role
        self.shown = shown
        self.changes = changes
        self.zipped = zipped
        self.number: int | None = None
        """Of what it was shown last."""
        self.decisions: deque[Published] = deque()
        self.behind = False
        self.ready = asyncio.Event()

    @property
    def looks(self) -> bool:
        """Whether it is sent views."""
        return "view" in self.kinds

    def view(self) -> Portion | None:
        """What it has not been shown yet."""
        if not self.looks or self.number == self.shown.number:
            return None
        known, self.number = self.number, self.shown.number
        return self.shown.since(known) if self.changes else self.shown.whole()

    def tell(self, decision: Published) -> None:
        if "decision" not in self.kinds:
            return
        if len(self.decisions) >= MAX_WAITING:
            self.behind = True
        else:
            self.decisions.append(decision)
        self.ready.set()


class Stream:
    """Fans the service's view and decisions out to the clients connected."""

    def __init__(
        self, service: Service, *, interval: float = INTERVAL_SECONDS, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._service = service
        self._interval = interval
        self._heartbeat = heartbeat
        self._clients: set[_Client] = set()
        self._shown = {least: Shown(service, Role.VIEWER if least else Role.ADMIN) for least in (True, False)}
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def clients(self) -> int:
        """Connections open now."""
        return len(self._clients)

    def start(self) -> None:
        """Begin to follow the service; called on the event loop."""
        self._tasks = [asyncio.create_task(self._show_views()), asyncio.create_task(self._tell_decisions())]

    async def stop(self) -> None:
        """End every connection and stop following."""
        self._closed = True
        for client in self._clients:
            client.ready.set()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it leaves.

        `?only=view` or `?only=decision` limits what it gets, with `?view=changes` it gets a whole view once and then
        what changed.
        """
        only, form = request.query.get("only"), request.query.get("view", "whole")
        if only is not None and only not in _KINDS:
            raise Problem(400, "bad_parameter", f"only: expected {' or '.join(_KINDS)}.")
        if form not in _FORMS:
            raise Problem(400, "bad_parameter", f"view: expected {' or '.join(_FORMS)}.")
        if len(self._clients) >= MAX_CLIENTS:
            raise Problem(
                503, "too_many_clients", f"{MAX_CLIENTS} clients are connected already.", headers={"Retry-After": "10"}
            )
        last = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
        role, zipped = role_of(request), "gzip" in request.headers.get("Accept-Encoding", "")
        client = _Client(
            frozenset((only,) if only is not None else _KINDS),
            role,
            self._shown[role <= Role.VIEWER],
            changes=form == "changes",
            zipped=zipped,
        )
        self._clients.add(client)
        response = web.StreamResponse(headers=_HEADERS | ({"Content-Encoding": "gzip"} if zipped else {}))
        try:
            await response.prepare(request)
            await self._serve(client, response, last)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._clients.discard(client)
            if not self._looked_at(client.shown):
                client.shown.let_go()
        return response

    def _looked_at(self, shown: Shown) -> bool:
        return any(client.looks and client.shown is shown for client in self._clients)

    async def _serve(self, client: _Client, response: web.StreamResponse, last: str | None) -> None:
        if client.zipped:
            await _write(response, GZIP_HEAD)
        await _send(client, response, b"retry: 2000\n\n")
        sent: set[str] = set()
        if client.looks:
            if client.shown.empty:
                client.shown.advance()
            client.ready.set()
        if last is not None and "decision" in client.kinds:
            sent = await self._resume(client, response, last)
        while not self._closed and not client.behind:
            if not client.ready.is_set():
                try:
                    await asyncio.wait_for(client.ready.wait(), self._heartbeat)
                except TimeoutError:
                    await _send(client, response, b": still here\n\n")
                    continue
            client.ready.clear()
            while client.decisions:
                decision = client.decisions.popleft()
                if decision.id not in sent:
                    await _send(client, response, _decision(decision, client.role))
            view = client.view()
            if view is not None:
                await _write(response, view.zipped if client.zipped else view.text)

    async def _resume(self, client: _Client, response: web.StreamResponse, last: str) -> set[str]:
        """Send the stored decisions after `last`; returns their ids, as the newest may also come as live ones."""
        sent = set()
        while True:
            portion = await self._service.decisions_after(last, _RESUME_PORTION)
            for decision in portion:
                sent.add(decision.id)
                await _send(client, response, _decision(decision, client.role))
            if len(portion) < _RESUME_PORTION:
                return sent
            last = portion[-1].id

    async def _show_views(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            for shown in self._shown.values():
                if not self._looked_at(shown):
                    continue
                try:
                    shown.advance()
                except Exception as error:  # one view that fails must not end the stream of all later ones
                    structlog.get_logger("http").error("view_failed", exc_info=error)
            for client in self._clients:
                if client.looks and client.number != client.shown.number:
                    client.ready.set()

    async def _tell_decisions(self) -> None:
        queue = self._service.subscribe()
        try:
            while True:
                decision = await queue.get()
                for client in self._clients:
                    client.tell(decision)
        finally:
            self._service.unsubscribe(queue)


def _decision(decision: Published, role: Role) -> bytes:
    return b"id: %b\nevent: decision\ndata: %b\n\n" % (decision.id.encode(), decision_for(role, decision.body))


async def _send(client: _Client, response: web.StreamResponse, text: bytes) -> None:
    """Write what is for this client alone."""
    await _write(response, compressed(text) if client.zipped else text)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    await asyncio.wait_for(response.write(data), STALLED_SECONDS)
