"""What the API's handlers share: JSON answers, pages of lists kept in memory, the query's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from streams.runtime.problems import Problem
from streams.runtime.service import Page
from streams.units import parse_time

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_encode = msgspec.json.Encoder().encode


def json_answer(value: object, status: int = 200) -> web.Response:
    """Anything msgspec can write, never cached."""
    return web.Response(
        status=status, body=_encode(value), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def slice_of(request: web.Request, views: Sequence[Any]) -> Page:
    """A list kept in memory, paged as the stored ones are; its cursor is a position."""
    limit, cursor = limit_of(request), request.query.get("cursor", "0")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise bad_cursor()
    start = int(cursor)
    end = start + limit
    return Page(list(views[start:end]), str(end) if end < len(views) else None)


def limit_of(request: web.Request) -> int:
    """`?limit=`. Raises Problem 400."""
    text = request.query.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise Problem(400, "bad_parameter", f"limit: expected a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def since_of(request: web.Request) -> int | None:
    """`?since=` in UTC epoch microseconds. Raises Problem 400."""
    return time_of(request, "since")


def time_of(request: web.Request, name: str) -> int | None:
    """A parameter that is a time, in UTC epoch microseconds. Raises Problem 400."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return parse_time(text.replace(" ", "+"))  # an offset's + that was not percent-encoded
    except ValueError:
        raise Problem(
            400, "bad_parameter", f"{name}: expected a time with offset or Z, such as 2026-03-07T07:00:00Z."
        ) from None


def bad_cursor() -> Problem:
    """400: a cursor that no page handed out."""
    return Problem(400, "bad_parameter", "cursor: expected the `next` of the page before.")
