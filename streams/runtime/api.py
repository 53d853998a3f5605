"""The JSON API under /api/v1 (formats.md section 5): what is known, what was decided, what could not be taken."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from streams.runtime.problems import Problem, not_found
from streams.runtime.service import BadCursor, Busy, CustomerReader, Page, Service, Stopped, StoredDeadLetter
from streams.units import parse_time

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_encode = msgspec.json.Encoder().encode


class DeadLetterBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """One dead letter with what it holds: text where the bytes are UTF-8, base64 else."""

    id: int
    offset: int
    time: str | None
    reason: str
    message: str
    size: int
    state: str
    body: str | None = None
    body_base64: str | None = None


class DeadLetterEntry(msgspec.Struct, frozen=True):
    """One dead letter in the list."""

    id: int
    offset: int
    time: str | None
    reason: str
    message: str
    size: int
    state: str


class Api:
    """Handlers of the API; who may call them is decided where they are routed."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def journeys(self, request: web.Request) -> web.Response:
        """GET /api/v1/journeys, in the file's order."""
        return _json(_slice(request, self._service.journeys()))

    async def signals(self, request: web.Request) -> web.Response:
        """GET /api/v1/signals, in the file's order."""
        return _json(_slice(request, self._service.signals()))

    async def health(self, request: web.Request) -> web.Response:
        """GET /api/v1/health."""
        return _json(self._service.health())

    async def decisions(self, request: web.Request) -> web.Response:
        """GET /api/v1/decisions, newest first."""
        since, limit, cursor = _since(request), _limit(request), request.query.get("cursor")
        try:
            return _json(await self._service.decisions(since, limit, cursor))
        except BadCursor:
            raise _bad_cursor() from None

    async def dead_letters(self, request: web.Request) -> web.Response:
        """GET /api/v1/dlq, newest first, without what they hold."""
        since, limit, cursor = _since(request), _limit(request), request.query.get("cursor")
        try:
            page = await self._service.dead_letters(since, limit, cursor)
        except BadCursor:
            raise _bad_cursor() from None
        return _json(Page([_entry(letter) for letter in page.items], page.next))

    async def dead_letter(self, request: web.Request) -> web.Response:
        """GET /api/v1/dlq/{id}, with its bytes."""
        letter = await self._service.dead_letter(_letter_id(request))
        if letter is None:
            raise _no_letter(request)
        return _json(_shown(letter))

    async def redrive(self, request: web.Request) -> web.Response:
        """POST /api/v1/dlq/{id}/redrive: its bytes go through the door again; 202 once they are durable."""
        try:
            offset = await self._service.redrive(_letter_id(request))
        except Busy as busy:
            raise Problem(
                429,
                "busy",
                "More is waiting than is being worked off; nothing was re-driven.",
                headers={"Retry-After": str(busy.retry_after_seconds)},
            ) from busy
        except Stopped as stopped:
            raise Problem(503, "stopped", f"Nothing was re-driven: {stopped.reason}") from stopped
        if offset is None:
            raise _no_letter(request)
        return _json({"id": request.match_info["id"], "offset": offset}, status=202)

    async def customer(self, request: web.Request) -> web.Response:
        """GET /api/v1/customers/{id}; routed only where the service can read customers."""
        assert isinstance(self._service, CustomerReader)
        found = await self._service.customer(request.match_info["id"])
        if found is None:
            raise not_found("Nothing is kept of this customer.")
        return _json(found)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=_encode(value), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _slice(request: web.Request, views: Sequence[Any]) -> Page:
    """A list kept in memory, paged as the stored ones are; its cursor is a position."""
    limit, cursor = _limit(request), request.query.get("cursor", "0")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise _bad_cursor()
    start = int(cursor)
    end = start + limit
    return Page(list(views[start:end]), str(end) if end < len(views) else None)


def _limit(request: web.Request) -> int:
    text = request.query.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise Problem(400, "bad_parameter", f"limit: expected a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _since(request: web.Request) -> int | None:
    text = request.query.get("since")
    if text is None:
        return None
    try:
        return parse_time(text.replace(" ", "+"))  # an offset's + that was not percent-encoded
    except ValueError:
        raise Problem(
            400, "bad_parameter", "since: expected a time with offset or Z, such as 2026-03-07T07:00:00Z."
        ) from None


def _letter_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise _no_letter(request)


def _no_letter(request: web.Request) -> Problem:
    return not_found("There is no dead letter of this id; GET /api/v1/dlq lists those held.")


def _bad_cursor() -> Problem:
    return Problem(400, "bad_parameter", "cursor: expected the `next` of the page before.")


def _entry(letter: StoredDeadLetter) -> DeadLetterEntry:
    return DeadLetterEntry(
        letter.id, letter.offset, letter.time, letter.reason, letter.message, letter.size, letter.state
    )


def _shown(letter: StoredDeadLetter) -> DeadLetterBody:
    text: str | None
    body = letter.body or b""
    try:
        text, coded = body.decode(), None
    except UnicodeDecodeError:
        text, coded = None, b64encode(body).decode("ascii")
    return DeadLetterBody(
        letter.id, letter.offset, letter.time, letter.reason, letter.message, letter.size, letter.state, text, coded
    )
