"""The part of the API about alarms: alerts, what is watched, and what people say to an alert.

Whoever speaks to an alert writes an ordinary event into the log; the stage that holds the alert reads it there, so a
restart or a replay of the log hears the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from streams.notices import ACCEPTED, ACKNOWLEDGED, SNOOZED
from streams.runtime.access import role_of
from streams.runtime.answers import json_answer, since_of, slice_of
from streams.runtime.collector import read_body
from streams.runtime.problems import Problem, not_found
from streams.runtime.redaction import alerts_for
from streams.runtime.service import Service
from streams.runtime.written import write
from streams.units import DAY, parse_duration, parse_time
from streams.view import AlarmsView, AlertView

LONGEST_SNOOZE = 30 * DAY
KINDS = {"ack": ACKNOWLEDGED, "snooze": SNOOZED, "accept": ACCEPTED}
"""Last part of the path -> type of the event."""
_MAX_BODY = 4096
_MAX_BY = 100


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """The body of a POST to an alert."""

    by: str = ""
    """Who says so."""
    for_: str | None = None
    """To snooze: how long, such as `2h`; `0s` ends it."""


_decode = msgspec.json.Decoder(Said).decode


class AlertsApi:
    """Handlers about alarms; who may call them is decided where they are routed."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def alerts(self, request: web.Request) -> web.Response:
        """GET /api/v1/alerts: what fires first, then what is pending, then what is over, each the newest first."""
        since = since_of(request)
        alarms = self._service.alarms()
        views: Sequence[AlertView] = () if alarms is None else alerts_for(role_of(request), alarms.alerts)
        if since is not None:
            views = [view for view in views if view.resolved_at is None or parse_time(view.resolved_at) >= since]
        return json_answer(slice_of(request, views))

    async def watched(self, request: web.Request) -> web.Response:
        """GET /api/v1/watched: every series under watch and what it can see by now."""
        alarms = self._service.alarms()
        return json_answer(slice_of(request, () if alarms is None else alarms.watched))

    async def say(self, kind: str, request: web.Request) -> web.Response:
        """POST /api/v1/alerts/{fingerprint}/{ack|snooze|accept}: 202 with the event's id once it is durable."""
        fingerprint = request.match_info["fingerprint"]
        said = _read(await read_body(request, _MAX_BODY), kind)
        _check(self._service.alarms(), fingerprint, kind)
        data = {"by": said.by.strip()}
        if said.for_ is not None:
            data["for"] = said.for_
        return await write(self._service, kind, fingerprint, data)


def _read(body: bytes, kind: str) -> Said:
    """The body, checked; an empty one says nothing. Raises Problem 400."""
    try:
        said = _decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "bad_body", 'body: expected JSON such as {"for": "2h", "by": "olena"}.') from None
    if len(said.by) > _MAX_BY:
        raise Problem(400, "bad_body", f"by: expected at most {_MAX_BY} letters.")
    if said.for_ is None:
        if kind == SNOOZED:
            raise Problem(400, "bad_body", "for: expected how long to snooze, such as 2h; 0s ends it.")
        return said
    try:
        duration = parse_duration(said.for_)
    except ValueError:
        raise Problem(400, "bad_body", "for: expected a duration such as 2h.") from None
    if duration > LONGEST_SNOOZE:
        raise Problem(400, "bad_body", "for: expected at most 30d.")
    return said


def _check(alarms: AlarmsView | None, fingerprint: str, kind: str) -> None:
    """That there is such an alert and that it can still be told this. Raises Problem 404 or 409."""
    views = [] if alarms is None else alarms.alerts
    states = {view.state for view in views if view.fingerprint == fingerprint} - {"pending"}
    if not states:
        raise not_found("There is no alert of this fingerprint; GET /api/v1/alerts lists them.")
    if kind != ACKNOWLEDGED and states == {"resolved"}:
        raise Problem(409, "resolved", "The alert is over; it can be acknowledged, no more.")
