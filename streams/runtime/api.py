"""The JSON API under /api/v1 (formats.md section 5): what is known, what was decided, what could not be taken."""

from __future__ import annotations

from base64 import b64encode

import msgspec
from aiohttp import web

from streams.runtime.access import role_of
from streams.runtime.answers import bad_cursor, json_answer, limit_of, since_of, slice_of
from streams.runtime.problems import Problem, not_found
from streams.runtime.redaction import decision_for, journeys_for, signals_for
from streams.runtime.refusals import refusing
from streams.runtime.service import BadCursor, CustomerReader, Page, Service, StoredDeadLetter


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
        return json_answer(slice_of(request, journeys_for(role_of(request), self._service.journeys())))

    async def signals(self, request: web.Request) -> web.Response:
        """GET /api/v1/signals, in the file's order."""
        return json_answer(slice_of(request, signals_for(role_of(request), self._service.signals())))

    async def health(self, request: web.Request) -> web.Response:
        """GET /api/v1/health."""
        return json_answer(self._service.health())

    async def decisions(self, request: web.Request) -> web.Response:
        """GET /api/v1/decisions, newest first."""
        since, limit, cursor = since_of(request), limit_of(request), request.query.get("cursor")
        try:
            page = await self._service.decisions(since, limit, cursor)
        except BadCursor:
            raise bad_cursor() from None
        role = role_of(request)
        return json_answer(Page([msgspec.Raw(decision_for(role, bytes(one))) for one in page.items], page.next))

    async def dead_letters(self, request: web.Request) -> web.Response:
        """GET /api/v1/dlq, newest first, without what they hold."""
        since, limit, cursor = since_of(request), limit_of(request), request.query.get("cursor")
        try:
            page = await self._service.dead_letters(since, limit, cursor)
        except BadCursor:
            raise bad_cursor() from None
        return json_answer(Page([_entry(letter) for letter in page.items], page.next))

    async def dead_letter(self, request: web.Request) -> web.Response:
        """GET /api/v1/dlq/{id}, with its bytes."""
        letter = await self._service.dead_letter(_letter_id(request))
        if letter is None:
            raise _no_letter(request)
        return json_answer(_shown(letter))

    async def redrive(self, request: web.Request) -> web.Response:
        """POST /api/v1/dlq/{id}/redrive: its bytes go through the door again; 202 once they are durable."""
        with refusing("re-driven"):
            offset = await self._service.redrive(_letter_id(request))
        if offset is None:
            raise _no_letter(request)
        return json_answer({"id": request.match_info["id"], "offset": offset}, status=202)

    async def customer(self, request: web.Request) -> web.Response:
        """GET /api/v1/customers/{id}; routed only where the service can read customers."""
        assert isinstance(self._service, CustomerReader)
        found = await self._service.customer(request.match_info["id"])
        if found is None:
            raise not_found("Nothing is kept of this customer.")
        return json_answer(found)


def _letter_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise _no_letter(request)


def _no_letter(request: web.Request) -> Problem:
    return not_found("There is no dead letter of this id; GET /api/v1/dlq lists those held.")


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
