"""Posting to a receiver: what it answers, where it must not lead, and what no reason shows."""

from __future__ import annotations

import asyncio

import pytest

from connectors.poster import REFUSED, Poster, check_url
from streams.delivery.outcome import Delivered, Gone, Retry
from tests.connectors.peers import http
from tests.connectors.test_public_addresses import Fixed
from tests.streams.delivery.messages import TIME


async def post(url: str, *, allow_private: bool = True, resolver: Fixed | None = None) -> object:
    poster = Poster(url, allow_private=allow_private, resolver=resolver)
    try:
        return await poster.post(b"{}", {"Content-Type": "application/json"}, TIME)
    finally:
        await poster.close()


async def test_what_is_posted_arrives() -> None:
    async with http() as peer:
        assert await post(f"{peer.url}/a/b?c=d") == Delivered()
        ((method, path, headers, body),) = peer.requests
    assert (method, path, body) == ("POST", "/a/b?c=d", b"{}")
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "touchline"


async def test_a_redirection_is_not_followed() -> None:
    async with http() as peer, http() as elsewhere:
        peer.status, peer.headers = 307, {"Location": elsewhere.url}
        assert await post(peer.url) == Retry("HTTP 307: redirections are not followed")
        assert elsewhere.requests == []


async def test_cookies_are_not_kept() -> None:
    async with http() as peer:
        peer.headers = {"Set-Cookie": "a=b"}
        poster = Poster(peer.url, allow_private=True)
        for _ in range(2):
            await poster.post(b"{}", {}, TIME)
        await poster.close()
        assert all("cookie" not in headers for _, _, headers, _ in peer.requests)


@pytest.mark.parametrize("status", [410, 429, 500])
async def test_answers_are_read_as_the_ladder_wants_them(status: int) -> None:
    async with http() as peer:
        peer.status, peer.headers = status, {"Retry-After": "60"}
        outcome = await post(peer.url)
    expected: object = Gone("HTTP 410: the receiver is gone")
    if status != 410:
        expected = Retry(f"HTTP {status}", 60_000_000, status == 429)
    assert outcome == expected


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "user:password@127.0.0.1",
    ],
)
async def test_no_way_of_writing_it_leads_to_this_machine(host: str) -> None:
    async with http() as peer:
        outcome = await post(f"http://{host}:{peer.port}/", allow_private=False)
        assert isinstance(outcome, Retry)
        assert peer.requests == []


async def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    async with http() as peer:
        url = f"http://shop.example:{peer.port}/"
        assert await post(url, allow_private=False, resolver=Fixed("127.0.0.1")) == Retry(REFUSED)
        assert peer.requests == []
        assert await post(url, allow_private=True, resolver=Fixed("127.0.0.1")) == Delivered()


async def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to() -> None:
    """A rebinding name answers with a public address first: it must not be asked again."""

    class Rebinding(Fixed):
        asked = 0

        async def resolve(self, *args: object, **kwargs: object) -> list[object]:  # type: ignore[override]  # any call
            self.asked += 1
            self.addresses = ["192.0.2.1"] if self.asked == 1 else ["127.0.0.1"]
            return await super().resolve(*args, **kwargs)  # type: ignore[arg-type,return-value]  # passed on as it came

    resolver = Rebinding()
    async with http() as peer:
        assert await post(f"http://rebind.example:{peer.port}/", allow_private=False, resolver=resolver) == Retry(
            REFUSED
        )
        assert resolver.asked == 1
        assert peer.requests == []


async def test_the_host_header_stays_the_name() -> None:
    async with http() as peer:
        await post(f"http://shop.example:{peer.port}/", resolver=Fixed("127.0.0.1"))
        assert peer.requests[0][2]["host"] == f"shop.example:{peer.port}"


async def test_nobody_listening_is_a_reason_without_an_address() -> None:
    async with http() as peer:
        port = peer.port
    outcome = await post(f"http://127.0.0.1:{port}/S3CRET")
    assert outcome == Retry("connection refused")


async def test_a_receiver_that_hangs_up_is_tried_again() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        outcome = await post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/S3CRET")
    assert isinstance(outcome, Retry)
    assert "S3CRET" not in outcome.reason


async def test_what_speaks_no_http_is_tried_again() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"S3CRET babble\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        outcome = await post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert outcome == Retry("its answer is not HTTP")


@pytest.mark.parametrize(
    "url", ["", "shop.example/S3CRET", "ftp://example.org", "https://", "http://x:99999", "https://[::1"]
)
def test_what_is_no_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="expected a URL") as refused:
        check_url(url)
    assert "S3CRET" not in str(refused.value)
