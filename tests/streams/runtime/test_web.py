"""The embedded service behind its own HTTP side: the way of an event through all of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from streams.config.load import load_text
from streams.runtime import logs
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded
from streams.runtime.service import Service
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.units import SECOND, parse_time

NOW = parse_time("2026-03-07T07:00:00Z")
FILE = """
version: 1
segments: [channel]
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
signals:
  csat: {on: survey.answered, where: {metric: csat}, value: score, scale: [1, 5], min_n: 2}
"""
PERSONAL = ("c-4711-jane", "jane.roe@example.org", "my-parcel-is-lost", "+380501234567", "m-secret-id", "tok-9f8e7d")
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


class Running:
    """A service, its clock and a client of it."""

    def __init__(self, service: Embedded, clock: VirtualClock, client: aiohttp.ClientSession, port: int) -> None:
        self.service = service
        self.clock = clock
        self.client = client
        self.port = port

    async def send(self, kind: str, subject: str, seconds: int, **data: Any) -> aiohttp.ClientResponse:
        """One event `seconds` after the beginning."""
        time = f"2026-03-07T07:00:{seconds:02d}Z"
        event = {"specversion": "1.0", "id": f"{kind}-{subject}-{seconds}", "source": "shop", "type": kind}
        event |= {"time": time, "subject": subject}
        return await self.client.post("/events", data=json.dumps(event | {"data": data}), headers=STRUCTURED)

    async def settle(self, seconds: int) -> None:
        """Let that time pass, with one event behind it, until all is committed."""
        self.clock.advance(seconds * SECOND)
        assert (await self.send("page.viewed", "nobody", seconds)).status == 202
        await self.service.drain()

    async def get(self, path: str) -> Any:
        """A JSON answer."""
        async with self.client.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Running]:
    """The embedded service on a file, behind HTTP on a free port, its clock standing still."""
    loaded = load_text(FILE, "shop.yml")
    clock = VirtualClock(NOW)
    service = Embedded(loaded, Store(path), clock, name="shop.yml")
    await service.start()
    web = Web(service, loaded.config, interval=0.01)
    try:
        await web.start("127.0.0.1", 0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as client:
            yield Running(service, clock, client, web.port)
    finally:
        await web.stop()
        await service.stop()


def served(service: Embedded) -> Service:
    """Embedded is a Service; mypy proves it here."""
    return service


async def test_event_over_http_is_in_the_journeys_the_metrics_and_the_health(tmp_path: Path) -> None:
    async with running(tmp_path / "touchline.db") as shop:
        for number in range(3):
            await shop.send("cart.updated", f"c-{number}", 1, channel="web")
        await shop.send("order.completed", "c-0", 2, channel="web")
        await shop.settle(20)
        (journey,) = (await shop.get("/api/v1/journeys"))["items"]
        totals = [step["totals"] for step in journey["steps"]]
        health = await shop.get("/api/v1/health")
        metrics = await (await shop.client.get("/metrics")).text()
    assert [(step["entered"], step["completed"], step["in_flight"]) for step in totals] == [(3, 1, 2), (1, 1, 0)]
    assert health["status"] == "ok"
    assert health["events"]["accepted"] == 4  # the last event's tick is still open
    assert health["lag_seconds"] == 2.0
    assert 'touchline_journey_step_entered_total{journey="purchase",step="cart"} 3.0' in metrics
    assert 'touchline_events_total{type="cart.updated"} 3.0' in metrics
    assert 'touchline_source_events_total{source="shop"} 4.0' in metrics
    assert "touchline_event_processing_seconds_count 5.0" in metrics
    assert "touchline_watermark_lag_seconds 2.0" in metrics


async def test_second_copy_is_answered_as_accepted_and_counted_once(tmp_path: Path) -> None:
    async with running(tmp_path / "touchline.db") as shop:
        for _ in range(2):
            answer = await shop.send("cart.updated", "c-1", 1)
            assert answer.status == 202
            assert (await answer.json())["accepted"] == 1
        await shop.settle(20)
        events = (await shop.get("/api/v1/health"))["events"]
    assert (events["read"], events["accepted"], events["duplicate"]) == (2, 1, 1)


async def test_rejected_event_is_a_dead_letter_with_its_bytes_and_can_be_redriven(tmp_path: Path) -> None:
    bad = b'{"specversion":"1.0","source":"shop","type":"cart.updated"}'
    async with running(tmp_path / "touchline.db") as shop:
        answer = await shop.client.post("/events", data=bad, headers=STRUCTURED)
        assert answer.status == 400
        await shop.settle(20)
        (letter,) = (await shop.get("/api/v1/dlq"))["items"]
        assert (letter["reason"], letter["state"]) == ("no_id", "held")
        assert (await shop.get(f"/api/v1/dlq/{letter['id']}"))["body"].encode() == bad
        assert (await shop.client.post(f"/api/v1/dlq/{letter['id']}/redrive")).status == 202
        await shop.service.drain()
        states = [known["state"] for known in (await shop.get("/api/v1/dlq"))["items"]]
        metrics = await (await shop.client.get("/metrics")).text()
    assert states == ["held", "redriven"]
    assert 'touchline_events_invalid_total{reason="no_id"} 2.0' in metrics
    assert 'touchline_dead_letters{reason="no_id"} 1.0' in metrics


async def test_totals_and_decisions_are_there_again_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "touchline.db") as shop:
        await shop.send("cart.updated", "c-1", 1)
        await shop.settle(20)
        before = await shop.get("/api/v1/journeys")
    async with running(tmp_path / "touchline.db") as shop:
        assert await shop.get("/api/v1/journeys") == before


async def test_bad_parameters_reach_the_store_as_problems(tmp_path: Path) -> None:
    async with running(tmp_path / "touchline.db") as shop:
        for path in ("/api/v1/decisions?cursor=x", "/api/v1/dlq?cursor=-1x", "/api/v1/dlq?cursor=%00"):
            answer = await shop.client.get(path)
            assert answer.status == 400, path
        assert (await shop.client.get("/api/v1/dlq/999999999999999999")).status == 404
        assert (await shop.get("/api/v1/decisions?since=2026-03-07T07:00:00Z"))["items"] == []


async def test_nothing_personal_reaches_metrics_or_logs(tmp_path: Path) -> None:
    customer, mail, said, phone, message, token = PERSONAL
    log = StringIO()
    logs.configure("debug", log, pretty=False)
    event: dict[str, Any] = {"specversion": "1.0", "id": message, "source": "shop", "type": "complaint.received"}
    event |= {"time": "2026-03-07T07:00:01Z", "subject": customer}
    event["data"] = {"text": said, "email": mail, "phone": phone, "channel": mail}
    headers = {**STRUCTURED, "Authorization": f"Bearer {token}"}
    async with running(tmp_path / "touchline.db") as shop:
        for sent in (
            event,
            {**event, "id": mail, "type": mail},
            {**event, "id": phone, "source": mail},
            {**event, "id": f"{message}-2", "time": said},
            {**event, "id": said, "type": "survey.answered", "data": {"metric": "csat", "score": mail}},
            {**event, "id": said, "type": "customer.identified", "data": {"email": mail, "phone": phone}},
            {**event, "id": "m", "type": "customer.merged", "data": {"into": mail}},
        ):
            await shop.client.post("/events", json=sent, headers=headers)
        await shop.client.post("/events", data=f"{mail} {said}".encode(), headers=headers)
        await shop.client.post("/v1/track", json={"userId": customer, "event": mail, "messageId": message})
        for number in range(60):
            await shop.send("cart.updated", f"{customer}-{number}", 2, channel=mail)
        await shop.client.post(f"/v1/{customer}", json={})
        for path in (f"/api/v1/customers/{customer}?email={mail}", f"/{customer}.js", f"/api/v1/dlq?cursor={customer}"):
            await shop.client.get(path)
        await shop.settle(20)
        letters = (await shop.get("/api/v1/dlq"))["items"]
        for letter in letters:
            await shop.client.post(f"/api/v1/dlq/{letter['id']}/redrive")
        await shop.service.drain()
        scraped = await (await shop.client.get("/metrics")).text()
    written = log.getvalue()
    assert len(letters) >= 3
    assert "batch_committed" in written  # the logs were on
    assert 'touchline_journey_step_entered_total{journey="purchase",step="cart"} 60.0' in scraped
    for text in PERSONAL:
        assert text not in written
        assert text not in scraped


async def test_what_is_no_http_at_all_is_refused_without_being_repeated_in_the_logs(tmp_path: Path) -> None:
    log = StringIO()
    logs.configure("debug", log, pretty=False)
    async with running(tmp_path / "touchline.db") as shop:
        for garbage in (b"\x16\x03\x01jane.roe@example.org\r\n\r\n", b"GET /jane.roe@example.org\x00 HTTP/9\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
            writer.write(garbage)
            assert b" 400 " in await reader.read()
            writer.close()
        assert (await shop.client.get("/livez")).status == 200
    assert "request_unreadable" in log.getvalue()
    assert "jane" not in log.getvalue()


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /v1/t HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        b"POST /v1/t HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n",
        b"GET /api/v1/stream HTTP/1.1\r\nHost: %b\r\n\r\n",
    ],
)
async def test_client_that_hangs_up_is_no_error(tmp_path: Path, begun: bytes) -> None:
    async with running(tmp_path / "touchline.db") as shop:
        _, writer = await asyncio.open_connection("127.0.0.1", shop.port)
        writer.write(begun % f"127.0.0.1:{shop.port}".encode())
        await writer.drain()
        assert (await shop.client.get("/livez")).status == 200
        writer.close()
        await writer.wait_closed()
        await shop.settle(20)
        assert (await shop.get("/api/v1/health"))["events"]["read"] == 0
        metrics = await (await shop.client.get("/metrics")).text()
        while "touchline_stream_clients 0.0" not in metrics:
            metrics = await (await shop.client.get("/metrics")).text()
    assert 'status="500"' not in metrics
