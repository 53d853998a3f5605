"""The part of the API about cases: lists of them, and what people do about one.

Whoever moves a case writes an ordinary event into the log, as any other system may; the stage that holds the customer
reads it there. What the list shows follows once that is committed.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from aiohttp import web

from streams.care.closing import lacking
from streams.care.state import CLOSED, STATES
from streams.runtime.answers import bad_cursor, json_answer, limit_of, time_of
from streams.runtime.case_reader import CaseQuery, CaseReader, CaseView, Order
from streams.runtime.collector import read_body
from streams.runtime.problems import Problem, not_found
from streams.runtime.service import BadCursor, Service
from streams.runtime.written import write

WORDS = {
    "assign": "assigned",
    "contact": "contacted",
    "resolve": "resolved",
    "communicate": "communicated",
    "close": "closed",
    "reopen": "reopened",
}
"""Last part of the path -> what happens to the case; `case.` before it is the type of the event."""
_MAX_BODY = 4096
_LONGEST = 100


class CaseSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of a POST to a case."""

    by: str = ""
    """Who says so."""
    owner: str = ""
    """To assign: who has it from now on; without it whoever says so."""
    cause: str = ""
    """To close: what was behind it."""
    disposition: str = ""
    """To close: how it ended for the customer."""
    communicated: bool = False
    """To close: the customer was told."""


_decode = msgspec.json.Decoder(CaseSaid).decode


class CasesApi:
    """Handlers about cases; who may call them is decided where they are routed."""

    def __init__(self, service: Service, reader: CaseReader) -> None:
        self._service = service
        self._reader = reader

    async def cases(self, request: web.Request) -> web.Response:
        """GET /api/v1/cases, newest first unless `?order=` says otherwise."""
        try:
            page = await self._reader.cases(_query(request), limit_of(request), request.query.get("cursor"))
        except BadCursor:
            raise bad_cursor() from None
        return json_answer(page)

    async def case(self, request: web.Request) -> web.Response:
        """GET /api/v1/cases/{id}."""
        return json_answer(await self._find(request))

    async def say(self, word: str, request: web.Request) -> web.Response:
        """POST /api/v1/cases/{id}/{word}: 202 with the event's id once it is durable."""
        said = _read(await read_body(request, _MAX_BODY))
        case = await self._find(request)
        _check(case, word, said)
        data: dict[str, Any] = {"case": case.id, **msgspec.to_builtins(said)}
        if word == "assign":
            data["owner"] = said.owner or said.by
        return await write(self._service, f"case.{WORDS[word]}", case.customer, data)

    async def _find(self, request: web.Request) -> CaseView:
        found = await self._reader.case(request.match_info["id"])
        if found is None:
            raise not_found("There is no case of this id; GET /api/v1/cases lists them.")
        return found


def _query(request: web.Request) -> CaseQuery:
    """The conditions of a list. Raises Problem 400."""
    given = request.query
    state, unclosed = given.get("state"), given.get("open", "0")
    if state is not None and state not in STATES:
        raise Problem(400, "bad_parameter", f"state: expected one of {' '.join(STATES)}.")
    if unclosed not in ("0", "1"):
        raise Problem(400, "bad_parameter", "open: expected 1 for cases that are not closed, or 0 for all.")
    try:
        order: Order = msgspec.convert(given.get("order", "newest"), Order)
    except msgspec.ValidationError:
        raise Problem(400, "bad_parameter", f"order: expected one of {' '.join(get_args(Order))}.") from None
    return CaseQuery(
        state,
        given.get("owner"),
        given.get("rule"),
        given.get("customer"),
        unclosed == "1",
        time_of(request, "since"),
        order,
        time_of(request, "changed_before"),
    )


def _read(body: bytes) -> CaseSaid:
    """The body, checked; an empty one says nothing. Raises Problem 400."""
    try:
        said = _decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(
            400, "bad_body", 'body: expected JSON such as {"by": "olena", "cause": "late", "disposition": "resolved"}.'
        ) from None
    texts = {name: value.strip() for name in ("by", "owner", "cause", "disposition") if (value := getattr(said, name))}
    for name, value in texts.items():
        if len(value) > _LONGEST:
            raise Problem(400, "bad_body", f"{name}: expected at most {_LONGEST} letters.")
    return msgspec.structs.replace(said, **texts)


def _check(case: CaseView, word: str, said: CaseSaid) -> None:
    """That the case can be told this. Raises Problem 400, 409 or 422."""
    if word == "reopen":
        return
    state = STATES.index(case.state)
    if word == "assign":
        owner = said.owner or said.by
        if not owner:
            raise Problem(400, "bad_body", "owner: expected who has the case from now on.")
        if state == CLOSED or (case.state != "open" and owner == case.owner):
            raise Problem(409, case.state, f"The case is {case.state}{_of(case)}; it cannot be assigned to {owner}.")
    elif STATES.index(WORDS[word]) <= state:
        raise Problem(409, case.state, f"The case is {case.state} already; only reopen leads back.")
    if word == "close":
        missing = lacking(msgspec.to_builtins(said), informed=case.informed)
        if missing:
            raise Problem(422, "case_incomplete", f"close: expected {' and '.join(missing)}.", missing=list(missing))


def _of(case: CaseView) -> str:
    return "" if case.owner is None or case.state == "closed" else f" and {case.owner} has it"
