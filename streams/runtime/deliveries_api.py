"""The part of the API about deliveries: what was sent to whom, what waits, and sending it once more."""

from __future__ import annotations

import msgspec
from aiohttp import web

from streams.delivery.attempts import STATES
from streams.runtime.answers import bad_cursor, json_answer, limit_of, since_of
from streams.runtime.collector import read_body
from streams.runtime.problems import Problem, not_found
from streams.runtime.refusals import refusing
from streams.runtime.service import BadCursor, DeliveryDesk
from streams.units import parse_time

_MAX_BODY = 4096
_EXPECTED = 'body: expected JSON such as {"receiver": "ops", "since": "2026-03-07T07:00:00Z", "until": "…"}.'


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST that replays a range."""

    receiver: str
    since: str
    """Deliveries that came about at or after this time,"""
    until: str
    """and before this one."""


_decode = msgspec.json.Decoder(Range).decode


class DeliveriesApi:
    """Handlers about deliveries; who may call them is decided where they are routed."""

    def __init__(self, desk: DeliveryDesk) -> None:
        self._desk = desk

    async def deliveries(self, request: web.Request) -> web.Response:
        """GET /api/v1/deliveries, newest first; `?receiver=` and `?state=` choose."""
        since, limit, cursor = since_of(request), limit_of(request), request.query.get("cursor")
        receiver, state = request.query.get("receiver"), request.query.get("state")
        if state is not None and state not in STATES:
            raise Problem(400, "bad_parameter", f"state: expected one of {', '.join(STATES)}.")
        try:
            return json_answer(await self._desk.deliveries(since, limit, cursor, receiver, state))
        except BadCursor:
            raise bad_cursor() from None

    async def replay(self, request: web.Request) -> web.Response:
        """POST /api/v1/deliveries/{id}/replay: it begins anew, under the same decision id; 202."""
        text = request.match_info["id"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
        with refusing("replayed"):
            found = await self._desk.replay_delivery(number)
        if not found:
            raise not_found("There is no delivery of this id; GET /api/v1/deliveries lists them.")
        return json_answer({"id": number, "count": 1}, status=202)

    async def replay_range(self, request: web.Request) -> web.Response:
        """POST /api/v1/deliveries/replay: all of a receiver's from `since` until `until` that do not wait; 202."""
        try:
            asked = _decode(await read_body(request, _MAX_BODY))
            since, until = parse_time(asked.since), parse_time(asked.until)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Problem(400, "bad_body", _EXPECTED) from None
        if until <= since:
            raise Problem(400, "bad_body", "until: expected a time after since.")
        with refusing("replayed"):
            count = await self._desk.replay_deliveries(asked.receiver, since, until)
        if count is None:
            raise not_found("There is no receiver of this name; GET /api/v1/health lists them.")
        return json_answer({"receiver": asked.receiver, "count": count}, status=202)
