"""The JSON API: lists, paging, dead letters, problems."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.config.load import load_text
from streams.runtime.collector import CALLS
from streams.runtime.service import Busy, Stopped
from streams.runtime.web import Web
from tests.streams.runtime.memory_service import FILE, CustomerService, MemoryService, serving
from tests.streams.runtime.views import journey, signal

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "http.md"


async def test_journeys_and_signals_are_lists() -> None:
    service = MemoryService()
    service.journey_views = [journey()]
    service.signal_views = [signal()]
    async with serving(service) as client:
        journeys = await (await client.get("/api/v1/journeys")).json()
        signals = await (await client.get("/api/v1/signals")).json()
    assert journeys["next"] is None
    assert [step["name"] for step in journeys["items"][0]["steps"]] == ["cart", "paid"]
    assert signals["items"][0]["name"] == "csat"


async def test_lists_in_memory_are_paged_like_the_stored_ones() -> None:
    service = MemoryService()
    service.journey_views = [journey(name) for name in ("a", "b", "c")]
    async with serving(service) as client:
        first = await (await client.get("/api/v1/journeys?limit=2")).json()
        second = await (await client.get(f"/api/v1/journeys?limit=2&cursor={first['next']}")).json()
        whole = await (await client.get("/api/v1/journeys?limit=3")).json()
    assert [view["name"] for view in first["items"] + second["items"]] == ["a", "b", "c"]
    assert (second["next"], whole["next"]) == (None, None)


async def test_health_has_every_field() -> None:
    service = MemoryService()
    service.watermark = "2026-03-07T06:59:58.000Z"
    async with serving(service) as client:
        answer = await client.get("/api/v1/health")
        assert answer.headers["Cache-Control"] == "no-store"
        health = await answer.json()
    assert health == {
        "status": "ok",
        "uptime_seconds": 5.0,
        "watermark": "2026-03-07T06:59:58.000Z",
        "lag_seconds": 2.0,
        "events_per_second": 2.5,
        "events": {"read": 0, "accepted": 0, "duplicate": 0, "late": 0, "future": 0, "invalid": 0},
        "config": {
            "hash": "0123456789abcdef",
            "file": "shop.yml",
            "warnings": ["alerts: valid, not acted upon yet"],
            "needs_restart": [],
            "refused": None,
        },
        "log": {"next_offset": 0, "low": 0},
        "pending_timers": 3,
        "dead_letters": 0,
        "reason": None,
        "receivers": [],
        "store_bytes": None,
    }


async def test_decisions_come_newest_first_in_pages() -> None:
    service = MemoryService()
    for name in ("d-1", "d-2", "d-3"):
        service.publish(name)
    async with serving(service) as client:
        first = await (await client.get("/api/v1/decisions?limit=2")).json()
        second = await (await client.get(f"/api/v1/decisions?limit=2&cursor={first['next']}")).json()
        none = await (await client.get("/api/v1/decisions?since=2026-03-07T10:00:00+01:00")).json()
    assert [decision["id"] for decision in first["items"]] == ["d-3", "d-2"]
    assert [decision["id"] for decision in second["items"]] == ["d-1"]
    assert second["next"] is None
    assert none["items"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=", "limit=-1", "limit=1.5", "since=yesterday", "cursor=x", "since="],
)
@pytest.mark.parametrize("path", ["/api/v1/decisions", "/api/v1/dlq"])
async def test_bad_parameters_are_problems(path: str, query: str) -> None:
    async with serving(MemoryService()) as client:
        answer = await client.get(f"{path}?{query}")
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
    assert problem["type"] == "urn:touchline:problem:bad_parameter"
    assert problem["detail"].startswith(query.partition("=")[0])


async def test_dead_letters_are_listed_without_what_they_hold() -> None:
    service = MemoryService()
    service.hold(1, b'{"text":"hello"}')
    service.hold(2, b"\xff\x00", reason="not_json")
    async with serving(service) as client:
        listed = (await (await client.get("/api/v1/dlq")).json())["items"]
        text = await (await client.get("/api/v1/dlq/1")).json()
        raw = await (await client.get("/api/v1/dlq/2")).json()
    assert [letter["id"] for letter in listed] == [2, 1]
    assert all("body" not in letter for letter in listed)
    assert listed[0]["reason"] == "not_json"
    assert text["body"] == '{"text":"hello"}'
    assert raw["body_base64"] == "/wA="


async def test_redriven_letter_is_in_the_log_before_the_answer() -> None:
    service = MemoryService()
    service.hold(7, b"{}")
    async with serving(service) as client:
        answer = await client.post("/api/v1/dlq/7/redrive")
        assert answer.status == 202
        assert await answer.json() == {"id": "7", "offset": 0}
    assert service.log == [b"{}"]


async def test_redrive_says_why_it_does_not() -> None:
    service = MemoryService()
    service.hold(7, b"{}")
    async with serving(service) as client:
        assert (await client.post("/api/v1/dlq/8/redrive")).status == 404
        assert (await client.post("/api/v1/dlq/seven/redrive")).status == 404
        service.refuses = Busy(2)
        busy = await client.post("/api/v1/dlq/7/redrive")
        assert (busy.status, busy.headers["Retry-After"]) == (429, "2")
        service.refuses = Stopped("the brake is on")
        assert (await client.post("/api/v1/dlq/7/redrive")).status == 503


async def test_customers_are_shown_where_the_service_can() -> None:
    async with serving(CustomerService()) as client:
        assert await (await client.get("/api/v1/customers/c-17")).json() == {"id": "c-17"}
        assert (await client.get("/api/v1/customers/c-18")).status == 404
    async with serving(MemoryService()) as client:
        assert (await client.get("/api/v1/customers/c-17")).status == 404


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/v1/sing", "/api/v1/dlq/99", "/x.js"])
async def test_unknown_addresses_are_problems(path: str) -> None:
    async with serving(MemoryService()) as client:
        answer = await client.get(path)
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"
        assert (await answer.json())["status"] == 404


async def test_wrong_method_is_a_problem_that_names_the_right_one() -> None:
    async with serving(MemoryService()) as client:
        answer = await client.get("/v1/track")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert answer.content_type == "application/problem+json"
        assert (await client.delete("/api/v1/health")).status == 405


@pytest.mark.expects_errors
async def test_unexpected_failure_is_a_problem_without_its_text() -> None:
    class Broken(MemoryService):
        def journeys(self) -> list[object]:  # type: ignore[override]  # it never returns
            raise RuntimeError("jane@example.org is the trouble")

    async with serving(Broken()) as client:
        answer = await client.get("/api/v1/journeys")
        assert answer.status == 500
        assert "jane" not in await answer.text()


async def test_reference_page_names_every_address() -> None:
    page = REFERENCE.read_text()
    web = Web(CustomerService(), load_text(FILE, "shop.yml").config)
    expected = {(method, path) for method, path in web.addresses if method in ("GET", "POST") and "{file}" not in path}
    expected.remove(("POST", "/v1/{call}"))
    missing = [path for method, path in expected if f"`{method} {path}`" not in page and f"`{path}`" not in page]
    assert missing == []
    calls = [line for line in page.splitlines() if line.startswith("| `POST /v1/")]
    named = {word.rpartition("/")[2] for line in calls for word in re.findall(r"`([^`]*)`", line.split("|")[1])}
    assert named == set(CALLS)


async def test_readiness_follows_the_service() -> None:
    service = MemoryService()
    async with serving(service) as client:
        assert (await client.get("/readyz")).status == 200
        service.status, service.reason = "stopped", "almost everything is invalid"
        answer = await client.get("/readyz")
        assert (answer.status, await answer.text()) == (503, "stopped: almost everything is invalid\n")
        assert (await client.get("/livez")).status == 200
