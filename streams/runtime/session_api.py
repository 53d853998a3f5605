"""Signing in to the console: a token once, a cookie from then on."""

from __future__ import annotations

import msgspec
import structlog
from aiohttp import web

from streams.runtime.access import Access
from streams.runtime.answers import json_answer
from streams.runtime.collector import read_body
from streams.runtime.problems import Problem
from streams.runtime.sessions import LASTS_SECONDS

_MAX_BODY = 4096


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST that signs in."""

    token: str


class Standing(msgspec.Struct, frozen=True):
    """Who asks, and what they may."""

    role: str | None
    """`viewer`, `agent` or `admin`; None: not signed in."""
    name: str | None
    """Of the token in the file; None without tokens."""
    tokens: bool
    """Whether the file names tokens, so that signing in and out means something."""


_decode = msgspec.json.Decoder(SignIn).decode


class SessionApi:
    """Handlers about who is signed in."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def standing(self, request: web.Request) -> web.Response:
        """GET /api/v1/session: who asks; whoever is not signed in learns just that."""
        found = self._access.known(request)
        name, role = (None, None) if found is None else (found[0], found[1].name.lower())
        return json_answer(Standing(role, name, bool(self._access.console)))

    async def sign_in(self, request: web.Request) -> web.Response:
        """POST /api/v1/session with `{"token": "…"}`: 200 with a cookie, or 401."""
        try:
            token = _decode(await read_body(request, _MAX_BODY)).token.strip()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Problem(400, "bad_body", 'body: expected JSON such as {"token": "…"}.') from None
        try:
            name, role, value = self._access.sign_in(request, token)
        except Problem as problem:
            structlog.get_logger("http").warning("sign_in_refused", status=problem.status)
            raise
        answer = json_answer(Standing(role.name.lower(), name, True))
        self._set(request, answer, value, LASTS_SECONDS)
        return answer

    async def sign_out(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/session: the cookie goes."""
        self._access.own_page(request, must_say=True)
        answer = json_answer(Standing(None, None, bool(self._access.console)))
        self._set(request, answer, "", 0)
        return answer

    def _set(self, request: web.Request, answer: web.Response, value: str, seconds: int) -> None:
        answer.set_cookie(
            self._access.cookie,
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            samesite="Strict",
            # Behind a proxy that ends TLS only the browser knows that the way to it is encrypted.
            secure=request.secure or request.headers.get("Origin", "").startswith("https://"),
        )
