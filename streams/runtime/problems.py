"""Errors over HTTP as RFC 9457 problem details: one shape for every status from 400 on, 404 and 405 included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from aiohttp import web

MEDIA = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """Raised by a handler, answered as problem details."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """`name` ends the problem's type URI; `detail` says what, where and what to do, without personal data."""
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> web.Response:
        """The answer."""
        body = {
            "type": f"urn:touchline:problem:{self.name}" if self.name else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return web.Response(
            status=self.status, body=msgspec.json.encode(body), content_type=MEDIA, headers=self.headers
        )


def not_found(detail: str) -> Problem:
    """404 with a sentence."""
    return Problem(404, "not_found", detail)


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn everything a handler raises into problem details; what nobody expected is logged without its text."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as refused:
        return _from_http(refused).response()
    except Exception as error:
        if isinstance(error, web.RequestPayloadError) or _left(request, error):
            return Problem(400, "cut_short", "body: it ended early.").response()
        route = route_of(request)
        structlog.get_logger("http").error("request_failed", route=route, method=request.method, exc_info=error)
        return Problem(500, "internal", "The request failed here; the service's log says where.").response()


def route_of(request: web.Request) -> str:
    """The route's pattern: a closed set, unlike the path, which may carry a customer's id."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _left(request: web.Request, error: Exception) -> bool:
    """Whether the client hung up, so that nobody reads the answer."""
    transport = request.transport
    return isinstance(error, ConnectionError) and (transport is None or transport.is_closing())


def _from_http(refused: web.HTTPException) -> Problem:
    if isinstance(refused, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(refused.allowed_methods))
        return Problem(405, "method_not_allowed", f"This address takes {allowed}.", headers={"Allow": allowed})
    if refused.status == 404:
        return not_found("Nothing is served at this address; the API is described in docs/reference/http.md.")
    return Problem(refused.status, "", refused.reason)
