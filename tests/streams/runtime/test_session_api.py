"""Signing in to the console with a token, and what a browser may then be made to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.streams.runtime.memory_service import MemoryService, serving
from tests.streams.runtime.test_access import TOKENS, bearer


@asynccontextmanager
async def browser(service: MemoryService, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that has signed in and keeps its cookie."""
    async with (
        serving(service, TOKENS),
        aiohttp.ClientSession(service.address, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
    ):
        answer = await client.post("/api/v1/session", json={"token": token}, headers={"Origin": service.address})
        assert answer.status == 200
        yield client


async def test_who_signs_in_is_known_from_then_on_by_a_cookie_no_script_can_read() -> None:
    service = MemoryService()
    async with browser(service, "t-agent") as client:
        assert await (await client.get("/api/v1/session")).json() == {"role": "agent", "name": "desk", "tokens": True}
        assert (await client.get("/api/v1/health")).status == 200
        again = await client.post("/api/v1/session", json={"token": "t-agent"})
        cookie = again.headers["Set-Cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= set(cookie)
        assert "Secure" not in cookie
        assert "t-agent" not in again.headers["Set-Cookie"]


async def test_behind_tls_the_cookie_never_leaves_it() -> None:
    service = MemoryService()
    async with serving(service, TOKENS) as client:
        away = {"Origin": "https://cx.example", "Host": "cx.example"}
        answer = await client.post("/api/v1/session", json={"token": "t-agent"}, headers=away)
        assert answer.status == 200
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")


async def test_a_wrong_token_and_a_body_that_makes_no_sense_sign_nobody_in() -> None:
    async with serving(MemoryService(), TOKENS) as client:
        for body, status in (({"token": "wk-1"}, 401), ({"token": ""}, 401), ({"token": 7}, 400), ([], 400)):
            answer = await client.post("/api/v1/session", json=body)
            assert answer.status == status
            assert "Set-Cookie" not in answer.headers


async def test_another_site_cannot_sign_a_browser_in_or_out() -> None:
    service = MemoryService()
    async with browser(service, "t-admin") as client:
        evil = {"Origin": "https://evil.example"}
        assert (await client.post("/api/v1/session", json={"token": "t-viewer"}, headers=evil)).status == 403
        assert (await client.delete("/api/v1/session", headers=evil)).status == 403
        assert (await (await client.get("/api/v1/session")).json())["role"] == "admin"


async def test_with_a_cookie_something_is_changed_only_from_the_consoles_own_page() -> None:
    service = MemoryService()
    service.hold(1, b"{}")
    async with browser(service, "t-admin") as client:
        origins: tuple[dict[str, str], ...] = (
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": service.address},
        )
        statuses = [(await client.post("/api/v1/dlq/1/redrive", headers=origin)).status for origin in origins]
        assert statuses == [403, 403, 403, 202]
        # Whoever sends the token itself is no browser led astray.
        assert (await client.post("/api/v1/dlq/1/redrive", headers=bearer("t-admin"))).status == 202


async def test_a_token_sent_along_goes_before_the_cookie() -> None:
    async with browser(MemoryService(), "t-admin") as client:
        assert (await client.get("/api/v1/health", headers=bearer("wrong"))).status == 401


async def test_who_signs_out_is_nobody() -> None:
    service = MemoryService()
    async with browser(service, "t-admin") as client:
        assert (await client.delete("/api/v1/session", headers={"Origin": service.address})).status == 200
        assert (await (await client.get("/api/v1/session")).json())["role"] is None
        assert (await client.get("/api/v1/health")).status == 401


async def test_on_loopback_without_tokens_nobody_needs_to_sign_in() -> None:
    async with serving(MemoryService()) as client:
        assert await (await client.get("/api/v1/session")).json() == {"role": "admin", "name": None, "tokens": False}
        assert (await client.post("/api/v1/session", json={"token": "x"})).status == 409
        assert (await client.get("/api/v1/session", headers={"Host": "evil.example"})).status == 403
