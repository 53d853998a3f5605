"""Who may do what: tokens, roles, and what is open on loopback."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from streams.config.load import load_text
from streams.errors import CannotStart, UsageError
from streams.runtime.access import Role, check_listen, is_loopback, parse_listen
from streams.runtime.web import Web
from tests.streams.runtime.memory_service import FILE, CustomerService, MemoryService, serving

TOKENS = """
access:
  write_keys: [{name: shop, token: wk-1}]
  console:
    - {name: wall, role: viewer, token: t-viewer}
    - {name: desk, role: agent, token: t-agent}
    - {name: boss, role: admin, token: t-admin}
"""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_addresses_are_known(host: str) -> None:
    assert is_loopback(host)
    check_listen(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "shop.example", ""])
def test_other_addresses_without_tokens_are_refused(host: str) -> None:
    with pytest.raises(CannotStart, match=r"access\.write_keys and no access\.console"):
        check_listen(host, None)


def test_other_addresses_need_both_kinds_of_tokens() -> None:
    both = load_text(FILE + TOKENS, "shop.yml").config.access
    check_listen("0.0.0.0", both)
    keys_only = load_text(FILE + "access: {write_keys: [{name: shop, token: wk-1}]}\n", "shop.yml").config.access
    with pytest.raises(CannotStart, match=r"has no access\.console"):
        check_listen("0.0.0.0", keys_only)


async def test_web_refuses_to_start_on_an_open_address_without_tokens() -> None:
    side = Web(MemoryService(), load_text(FILE, "shop.yml").config)
    with pytest.raises(CannotStart):
        await side.start("0.0.0.0", 0)


async def test_web_says_which_address_is_taken() -> None:
    first = Web(MemoryService(), load_text(FILE, "shop.yml").config)
    await first.start("127.0.0.1", 0)
    try:
        second = Web(MemoryService(), load_text(FILE, "shop.yml").config)
        with pytest.raises(CannotStart, match=rf"127\.0\.0\.1:{first.port}"):
            await second.start("127.0.0.1", first.port)
    finally:
        await first.stop()


def test_listen_addresses_are_parsed() -> None:
    assert parse_listen("127.0.0.1:8427") == ("127.0.0.1", 8427)
    assert parse_listen("[::1]:80") == ("::1", 80)
    for wrong in ("8427", ":8427", "localhost:", "localhost:http", "localhost:70000"):
        with pytest.raises(UsageError, match="HOST:PORT"):
            parse_listen(wrong)


async def test_on_loopback_without_tokens_everything_is_open_to_this_machine() -> None:
    service = CustomerService()
    async with serving(service) as client:
        for path in ("/api/v1/health", "/api/v1/customers/c-17", "/metrics"):
            assert (await client.get(path)).status == 200
        port = service.address.rpartition(":")[2]
        for name in ("localhost", "[::1]", "LOCALHOST"):
            assert (await client.get("/api/v1/health", headers={"Host": f"{name}:{port}"})).status == 200


@pytest.mark.parametrize("path", ["/api/v1/health", "/metrics", "/", "/api/v1/stream"])
async def test_another_host_name_is_refused(path: str) -> None:
    async with serving(MemoryService()) as client:
        for host in ("evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example"):
            answer = await client.get(path, headers={"Host": host})
            assert answer.status == 403
            assert (await answer.json())["type"] == "urn:touchline:problem:bad_host"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "https://localhost"])
async def test_another_origin_is_refused(origin: str) -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post("/v1/track", json={"userId": "c", "event": "x"}, headers={"Origin": origin})
        assert answer.status == 403
        assert (await client.get("/api/v1/health", headers={"Origin": origin})).status == 403
    assert service.log == []


async def test_own_origin_passes() -> None:
    service = MemoryService()
    async with serving(service) as client:
        assert (await client.get("/api/v1/health", headers={"Origin": service.address})).status == 200


async def test_probes_need_no_token_and_no_host_name() -> None:
    async with serving(MemoryService(), TOKENS) as client:
        for path in ("/livez", "/readyz"):
            assert (await client.get(path, headers={"Host": "10.0.0.7"})).status == 200


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("wrong", {"health": 401, "customer": 401, "redrive": 401}),
        ("wk-1", {"health": 401, "customer": 401, "redrive": 401}),
        ("t-viewer", {"health": 200, "customer": 403, "redrive": 403}),
        ("t-agent", {"health": 200, "customer": 200, "redrive": 403}),
        ("t-admin", {"health": 200, "customer": 200, "redrive": 202}),
    ],
)
async def test_roles_allow_what_they_say(token: str, expected: dict[str, int]) -> None:
    service = CustomerService()
    service.hold(1, b"{}")
    async with serving(service, TOKENS, headers=bearer(token)) as client:
        assert (await client.get("/api/v1/health")).status == expected["health"]
        assert (await client.get("/metrics")).status == expected["health"]
        assert (await client.get("/api/v1/customers/c-17")).status == expected["customer"]
        assert (await client.post("/api/v1/dlq/1/redrive")).status == expected["redrive"]


async def test_added_address_is_for_admins_unless_said_otherwise() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text="done")

    side = Web(MemoryService(), load_text(FILE + TOKENS, "shop.yml").config)
    side.add_route("POST", "/api/v1/demo/incident", answer)
    side.add_route("GET", "/api/v1/demo/incident", answer, Role.VIEWER)
    await side.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{side.port}") as client:
            asked = [("POST", "t-agent"), ("POST", "t-admin"), ("GET", "t-viewer"), ("GET", "wrong")]
            path = "/api/v1/demo/incident"
            statuses = [(await client.request(how, path, headers=bearer(token))).status for how, token in asked]
    finally:
        await side.stop()
    assert statuses == [403, 200, 200, 401]


async def test_token_may_be_the_password_or_the_user_and_browsers_open_no_dialogue() -> None:
    async with serving(MemoryService(), TOKENS) as client:
        assert (await client.get("/api/v1/health")).headers["WWW-Authenticate"].startswith("Bearer")
        for login in (basic("me", "t-viewer"), basic("t-viewer", "")):
            assert (await client.get("/api/v1/health", headers=login)).status == 200


async def test_another_site_cannot_use_a_browsers_remembered_login() -> None:
    service = MemoryService()
    service.hold(1, b"{}")
    async with serving(service, TOKENS, headers=bearer("t-admin")) as client:
        answer = await client.post("/api/v1/dlq/1/redrive", headers={"Origin": "https://evil.example"})
        assert answer.status == 403
        assert (await client.post("/api/v1/dlq/1/redrive", headers={"Origin": service.address})).status == 202


async def test_console_is_served_with_its_policy(tmp_path: Path) -> None:
    console = tmp_path / "console"
    (console / "inner").mkdir(parents=True)
    for path in ("app.js", "secret.txt", "inner/app.js", "../outside.js"):
        (console / path).write_text("1")
    (console / "index.html").write_text("<h1>Touchline</h1>")
    async with serving(MemoryService(), console=console) as client:
        page = await client.get("/")
        assert (page.status, page.content_type, await page.text()) == (200, "text/html", "<h1>Touchline</h1>")
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert page.headers["Server"] == "touchline"
        script = await client.get("/app.js")
        assert (script.status, script.content_type) == (200, "text/javascript")
        for path in ("/secret.txt", "/missing.js", "/inner/app.js", "/inner%2Fapp.js", "/..%2Foutside.js"):
            assert (await client.get(URL(path, encoded=True))).status == 404


async def test_the_page_to_sign_in_on_asks_for_no_token_and_shows_nothing_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>Touchline</h1>")
    async with serving(MemoryService(), TOKENS, console=tmp_path) as client:
        assert (await client.get("/")).status == 200
        assert await (await client.get("/api/v1/session")).json() == {"role": None, "name": None, "tokens": True}
        assert (await client.get("/api/v1/stream")).status == 401
