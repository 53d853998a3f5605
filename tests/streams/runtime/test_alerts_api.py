"""Alerts over HTTP: listed, and spoken to by events in the log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.model import Event
from streams.runtime.service import Busy, Stopped
from streams.units import MINUTE
from streams.view import AlertView
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import MemoryService, serving

TOKENS = """
access:
  console:
    - {name: wall, role: viewer, token: t-viewer}
    - {name: desk, role: agent, token: t-agent}
"""
EARLIER = alarm_views.SINCE - 60 * MINUTE


def alarmed() -> MemoryService:
    """One fires, one is pending, two are over."""
    service = MemoryService()
    service.alarm_view = alarm_views.alarms(
        alarm_views.alert(),
        alarm_views.pending(),
        alarm_views.resolved(),
        alarm_views.resolved(EARLIER, fingerprint="f-earlier"),
    )
    return service


def event(service: MemoryService) -> Event:
    """The only one in the log, as the stage reads it."""
    (taken,) = service.taken()
    assert isinstance(taken, Event)
    return taken


async def test_alerts_are_a_list_with_everything_known() -> None:
    async with serving(alarmed()) as client:
        answer = await client.get("/api/v1/alerts")
        assert answer.headers["Cache-Control"] == "no-store"
        page = await answer.json()
    assert page["next"] is None
    assert [(alert["fingerprint"], alert["state"]) for alert in page["items"]] == [
        ("f-checkout", "firing"),
        ("f-handle-time", "pending"),
        ("f-delivery", "resolved"),
        ("f-earlier", "resolved"),
    ]
    first = page["items"][0]
    assert first["changes"][0]["event"] == "deploys/d-7"
    assert first["timeline"][-1] == {"time": "2026-03-07T06:58:47.000Z", "what": "firing", "text": "62 % fewer"}
    assert set(first) == set(AlertView.__struct_fields__)


async def test_alerts_are_paged() -> None:
    async with serving(alarmed()) as client:
        first = await (await client.get("/api/v1/alerts?limit=3")).json()
        second = await (await client.get(f"/api/v1/alerts?limit=3&cursor={first['next']}")).json()
    assert [alert["fingerprint"] for alert in second["items"]] == ["f-earlier"]
    assert second["next"] is None


async def test_since_leaves_out_what_was_over_before() -> None:
    async with serving(alarmed()) as client:
        for since, expected in {
            "2026-03-07T06:02:10Z": ["f-checkout", "f-handle-time", "f-delivery", "f-earlier"],
            "2026-03-07T06:02:11Z": ["f-checkout", "f-handle-time", "f-delivery"],
            "2026-03-07T09:00:00Z": ["f-checkout", "f-handle-time"],
        }.items():
            items = (await (await client.get(f"/api/v1/alerts?since={since}")).json())["items"]
            assert [alert["fingerprint"] for alert in items] == expected


async def test_without_detection_the_lists_are_empty() -> None:
    async with serving(MemoryService()) as client:
        for path in ("/api/v1/alerts", "/api/v1/watched"):
            assert await (await client.get(path)).json() == {"items": [], "next": None}


async def test_what_is_watched_says_what_it_sees() -> None:
    async with serving(alarmed()) as client:
        (series,) = (await (await client.get("/api/v1/watched")).json())["items"]
    assert (series["step"], series["sees"]) == ("checkout", "an outage within 40 s, nothing smaller than 25 %")


@pytest.mark.parametrize("query", ["limit=0", "cursor=x", "since=yesterday"])
async def test_bad_parameters_are_problems(query: str) -> None:
    async with serving(alarmed()) as client:
        answer = await client.get(f"/api/v1/alerts?{query}")
        assert (answer.status, answer.content_type) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("word", "body", "kind", "data"),
    [
        ("ack", {"by": "olena"}, "alert.acknowledged", {"by": "olena"}),
        ("ack", {"by": " olena ", "for": "2h"}, "alert.acknowledged", {"by": "olena", "for": "2h"}),
        ("ack", {}, "alert.acknowledged", {"by": ""}),
        ("snooze", {"for": "2h", "by": "olena"}, "alert.snoozed", {"by": "olena", "for": "2h"}),
        ("snooze", {"for": "0s"}, "alert.snoozed", {"by": "", "for": "0s"}),
        ("accept", {"by": "olena"}, "alert.accepted", {"by": "olena"}),
    ],
)
async def test_speaking_to_an_alert_writes_an_ordinary_event(
    word: str, body: dict[str, str], kind: str, data: dict[str, str]
) -> None:
    service = alarmed()
    async with serving(service) as client:
        answer = await client.post(f"/api/v1/alerts/f-checkout/{word}", json=body)
        assert answer.status == 202
        told = await answer.json()
    written = event(service)
    assert told == {"id": written.id}
    assert (written.type, written.subject, written.data) == (kind, "f-checkout", data)
    assert (written.source, written.time) == ("touchline-api", "2026-03-07T07:00:00.000Z")


async def test_acknowledging_needs_no_body() -> None:
    service = alarmed()
    async with serving(service) as client:
        assert (await client.post("/api/v1/alerts/f-checkout/ack")).status == 202
    assert event(service).type == "alert.acknowledged"


async def test_each_command_is_an_event_of_its_own() -> None:
    service = alarmed()
    async with serving(service) as client:
        ids = {
            (await (await client.post("/api/v1/alerts/f-checkout/ack", json={"by": "olena"})).json())["id"]
            for _ in range(3)
        }
    assert len(ids) == len(service.log) == 3


async def test_the_answer_comes_once_the_event_is_durable() -> None:
    service = alarmed()
    service.refuses = Stopped("the disk is full")
    async with serving(service) as client:
        stopped = await client.post("/api/v1/alerts/f-checkout/ack", json={})
        assert stopped.status == 503
        assert "the disk is full" in (await stopped.json())["detail"]
        service.refuses = Busy(2)
        busy = await client.post("/api/v1/alerts/f-checkout/ack", json={})
        assert (busy.status, busy.headers["Retry-After"]) == (429, "2")
    assert service.log == []


@pytest.mark.parametrize("fingerprint", ["f-nothing", "f-handle-time"])
async def test_what_neither_fires_nor_did_is_not_found(fingerprint: str) -> None:
    service = alarmed()
    async with serving(service) as client:
        answer = await client.post(f"/api/v1/alerts/{fingerprint}/ack", json={"by": "olena"})
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert service.log == []


async def test_an_alert_that_is_over_can_be_acknowledged_no_more() -> None:
    service = alarmed()
    async with serving(service) as client:
        statuses = [
            (await client.post(f"/api/v1/alerts/f-delivery/{word}", json={"for": "2h"})).status
            for word in ("ack", "snooze", "accept")
        ]
    assert statuses == [202, 409, 409]


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b'"ack"',
        b'{"by":7}',
        b'{"who":"olena"}',
        b"\xff",
        b"[" * 3000,
        b'{"for":"2 hours"}',
        b'{"for":7200}',
        b'{"for":"-2h"}',
        b'{"for":"31d"}',
        b'{"by":"' + b"x" * 101 + b'"}',
    ],
)
@pytest.mark.parametrize("word", ["ack", "snooze", "accept"])
async def test_a_body_that_makes_no_sense_is_a_problem(word: str, body: bytes) -> None:
    service = alarmed()
    async with serving(service) as client:
        answer = await client.post(f"/api/v1/alerts/f-checkout/{word}", data=body)
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        assert (await answer.json())["type"] == "urn:touchline:problem:bad_body"
    assert service.log == []


async def test_snoozing_must_say_how_long() -> None:
    async with serving(alarmed()) as client:
        answer = await client.post("/api/v1/alerts/f-checkout/snooze", json={"by": "olena"})
        assert answer.status == 400
        assert (await answer.json())["detail"].startswith("for: expected how long")


async def test_a_large_body_is_not_read() -> None:
    async with serving(alarmed()) as client:
        assert (await client.post("/api/v1/alerts/f-checkout/ack", data=b" " * 5000)).status == 413


@pytest.mark.parametrize("word", ["ack", "snooze", "accept"])
async def test_speaking_to_alerts_is_for_agents(word: str) -> None:
    service = alarmed()
    async with serving(service, TOKENS) as client:
        path, body = f"/api/v1/alerts/f-checkout/{word}", {"for": "2h"}
        statuses = []
        for token in ("wrong", "t-viewer", "t-agent"):
            login = {"Authorization": f"Bearer {token}"}
            statuses.append((await client.post(path, json=body, headers=login)).status)
            if token == "t-viewer":
                assert (await client.get("/api/v1/alerts", headers=login)).status == 200
    assert statuses == [401, 403, 202]


@pytest.mark.parametrize("access", ["", TOKENS])
async def test_another_site_cannot_speak_to_alerts_through_a_browser(access: str) -> None:
    service = alarmed()
    async with serving(service, access, headers={"Authorization": "Bearer t-agent"} if access else {}) as client:
        for origin, status in (("https://evil.example", 403), ("null", 403), (service.address, 202)):
            headers = {"Origin": origin, "Content-Type": "text/plain"}
            answer = await client.post("/api/v1/alerts/f-checkout/ack", data=b"{}", headers=headers)
            assert answer.status == status
        if not access:
            headers = {"Host": "rebound.example"}
            assert (await client.post("/api/v1/alerts/f-checkout/ack", headers=headers)).status == 403
    assert len(service.log) == 1


async def test_the_stream_shows_alarms() -> None:
    async with serving(alarmed()) as client, client.get("/api/v1/stream?only=view") as response:
        line = b""
        while not line.startswith(b"data: "):
            line = await response.content.readline()
    view: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    assert view["alarms"]["budget_per_week"] == 1
    assert view["alarms"]["alerts"][0]["fingerprint"] == "f-checkout"
