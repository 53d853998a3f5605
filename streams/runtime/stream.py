"""GET /api/v1/stream: the view once a second and every decision at once, as server-sent events.

The view is made and encoded once for all clients. A client that reads too slowly gets the newest view only; one that
falls behind on decisions is let go and comes back with the id of the last it saw (Last-Event-ID), from where the
stored ones are sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import msgspec
import structlog
from aiohttp import web

from streams.runtime.access import Role, role_of
from streams.runtime.problems import Problem
from streams.runtime.redaction import alarms_for, decision_for
from streams.runtime.service import Published, Service
from streams.view import AlarmsView

INTERVAL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
"""A comment is sent after that long without anything else, so that proxies keep the connection."""
STALLED_SECONDS = 30.0
"""A client that takes nothing for so long is gone."""
MAX_WAITING = 1000
"""Decisions kept for one slow client."""
MAX_CLIENTS = 200
RESOLVED_SHOWN = 50
"""Alerts that are over in a view, the newest; `GET /api/v1/alerts` has all that are kept."""
_RESUME_PORTION = 500
_KINDS = ("view", "decision")
_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
_encode = msgspec.json.Encoder().encode


class _Views:
    """What is shown now, as each role sees it: made once for all clients of a kind, when the first asks."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._made: dict[bool, bytes] = {}

    def of(self, role: Role) -> bytes:
        """The view as JSON."""
        least = role <= Role.VIEWER
        if least not in self._made:
            self._made[least] = _encode(
                {
                    "journeys": self._service.journeys(),
                    "signals": self._service.signals(),
                    "alarms": alarms_for(role, _shortened(self._service.alarms())),
                    "health": self._service.health(),
                }
            )
        return self._made[least]


class _Client:
    """What waits to be written to one connection."""

    def __init__(self, kinds: frozenset[str], role: Role) -> None:
        self.kinds = kinds
        self.role = role
        self.view: bytes | None = None
        self.decisions: deque[Published] = deque()
        self.behind = False
        self.ready = asyncio.Event()

    def show(self, views: _Views) -> None:
        if "view" in self.kinds:
            self.view = views.of(self.role)
            self.ready.set()

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
        """Serve one client until it leaves; `?only=view` or `?only=decision` limits what it gets."""
        only = request.query.get("only")
        if only is not None and only not in _KINDS:
            raise Problem(400, "bad_parameter", f"only: expected {' or '.join(_KINDS)}.")
        if len(self._clients) >= MAX_CLIENTS:
            raise Problem(
                503, "too_many_clients", f"{MAX_CLIENTS} clients are connected already.", headers={"Retry-After": "10"}
            )
        last = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
        client = _Client(frozenset((only,) if only is not None else _KINDS), role_of(request))
        self._clients.add(client)
        response = web.StreamResponse(headers=_HEADERS)
        try:
            await response.prepare(request)
            await self._serve(client, response, last)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._clients.discard(client)
        return response

    async def _serve(self, client: _Client, response: web.StreamResponse, last: str | None) -> None:
        await _write(response, b"retry: 2000\n\n")
        sent: set[str] = set()
        if "view" in client.kinds:
            client.show(_Views(self._service))
        if last is not None and "decision" in client.kinds:
            sent = await self._resume(response, last, client.role)
        while not self._closed and not client.behind:
            if not client.ready.is_set():
                try:
                    await asyncio.wait_for(client.ready.wait(), self._heartbeat)
                except TimeoutError:
                    await _write(response, b": still here\n\n")
                    continue
            client.ready.clear()
            while client.decisions:
                decision = client.decisions.popleft()
                if decision.id not in sent:
                    await _write(response, _decision(decision, client.role))
            if client.view is not None:
                view, client.view = client.view, None
                await _write(response, b"event: view\ndata: %b\n\n" % view)

    async def _resume(self, response: web.StreamResponse, last: str, role: Role) -> set[str]:
        """Send the stored decisions after `last`; returns their ids, as the newest may also come as live ones."""
        sent = set()
        while True:
            portion = await self._service.decisions_after(last, _RESUME_PORTION)
            for decision in portion:
                sent.add(decision.id)
                await _write(response, _decision(decision, role))
            if len(portion) < _RESUME_PORTION:
                return sent
            last = portion[-1].id

    async def _show_views(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if not any("view" in client.kinds for client in self._clients):
                continue
            views = _Views(self._service)
            try:
                for client in self._clients:
                    client.show(views)
            except Exception as error:  # one view that fails must not end the stream of all later ones
                structlog.get_logger("http").error("view_failed", exc_info=error)

    async def _tell_decisions(self) -> None:
        queue = self._service.subscribe()
        try:
            while True:
                decision = await queue.get()
                for client in self._clients:
                    client.tell(decision)
        finally:
            self._service.unsubscribe(queue)


def _shortened(alarms: AlarmsView | None) -> AlarmsView | None:
    """Without the older ones of the alerts that are over: a view is sent every second."""
    if alarms is None:
        return None
    over = [alert for alert in alarms.alerts if alert.state == "resolved"]
    if len(over) <= RESOLVED_SHOWN:
        return alarms
    live = [alert for alert in alarms.alerts if alert.state != "resolved"]
    return msgspec.structs.replace(alarms, alerts=[*live, *over[:RESOLVED_SHOWN]])


def _decision(decision: Published, role: Role) -> bytes:
    return b"id: %b\nevent: decision\ndata: %b\n\n" % (decision.id.encode(), decision_for(role, decision.body))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    await asyncio.wait_for(response.write(data), STALLED_SECONDS)
