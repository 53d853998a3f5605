"""The door over HTTP: what is answered, what is in the log."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from streams.codec import Rejection
from streams.model import Event
from streams.runtime import collector
from streams.runtime.collector import MAX_BODY_BYTES, inflate, traced
from streams.runtime.problems import Problem
from streams.runtime.service import Busy, Stopped
from tests.streams.runtime.memory_service import MemoryService, serving

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KEYS = "access: {write_keys: [{name: shop, token: wk-secret-1}], console: [{name: ops, role: admin, token: ct-1}]}\n"


def event(event_id: str = "e-1", **changes: Any) -> dict[str, Any]:
    """A canonical event."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "shop",
        "type": "cart.updated",
        "time": "2026-03-07T06:59:00Z",
        "subject": "c-17",
        "data": {"channel": "web"},
        **changes,
    }


def track(message_id: str = "m-1", **changes: Any) -> dict[str, Any]:
    """A Segment call."""
    return {"type": "track", "messageId": message_id, "userId": "c-17", "event": "Order Completed", **changes}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def only(service: MemoryService) -> Event:
    (taken,) = service.taken()
    assert isinstance(taken, Event)
    return taken


async def test_structured_event_is_in_the_log_as_it_came() -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post("/events", data=body(event(partitionkey="p")), headers=STRUCTURED)
        assert answer.status == 202
        assert (await answer.json())["items"] == [{"index": 0, "id": "e-1", "status": "accepted"}]
    assert service.log == [body(event(partitionkey="p"))]


async def test_batch_answers_for_each_event() -> None:
    service = MemoryService()
    bad = event("e-2", specversion="0.3")
    async with serving(service) as client:
        answer = await client.post("/events", data=body([event("e-1"), bad, event("e-3")]), headers=BATCHED)
        assert answer.status == 207
        said = await answer.json()
    assert (said["success"], said["accepted"], said["rejected"]) == (False, 2, 1)
    assert [item["status"] for item in said["items"]] == ["accepted", "rejected", "accepted"]
    assert said["items"][1]["error"]["reason"] == "bad_specversion"


async def test_rejected_event_reaches_the_stage_as_rejection_with_its_bytes() -> None:
    service = MemoryService()
    bad = event("e-2", specversion="0.3")
    async with serving(service) as client:
        await client.post("/events", data=body([event(), bad]), headers=BATCHED)
    taken = service.taken()
    assert isinstance(taken[0], Event)
    assert isinstance(taken[1], Rejection)
    assert taken[1].reason == "bad_specversion"
    assert json.loads(taken[1].body or b"") == bad


async def test_binary_event_becomes_the_canonical_record() -> None:
    service = MemoryService()
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "shop",
        "ce-type": "cart.updated",
        "ce-subject": "c%C3%A9",
        "ce-time": "2026-03-07T06:59:00Z",
    }
    async with serving(service) as client:
        assert (await client.post("/events", data=b'{"channel":"web"}', headers=headers)).status == 202
    assert (only(service).id, only(service).subject, only(service).data) == ("e-1", "cé", {"channel": "web"})


async def test_segment_call_becomes_the_canonical_record() -> None:
    service = MemoryService()
    async with serving(service, KEYS) as client:
        answer = await client.post("/v1/track", json=track(), headers={"Authorization": "Basic d2stc2VjcmV0LTE6"})
        assert answer.status == 200
        assert await answer.json() == {
            "success": True,
            "accepted": 1,
            "rejected": 0,
            "items": [{"index": 0, "messageId": "m-1", "status": "accepted"}],
        }
    assert (only(service).source, only(service).type, only(service).subject) == ("shop", "order.completed", "c-17")


@pytest.mark.parametrize("call", ["batch", "import"])
async def test_segment_batch_answers_for_each_call(call: str) -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post(f"/v1/{call}", json={"batch": [track("m-1"), {"type": "sing", "messageId": "m-2"}]})
        assert answer.status == 207
        items = (await answer.json())["items"]
    assert [(item["messageId"], item["status"]) for item in items] == [("m-1", "accepted"), ("m-2", "rejected")]
    assert len(service.log) == 2


async def test_segment_call_without_message_id_gets_one() -> None:
    service = MemoryService()
    async with serving(service) as client:
        for _ in range(2):
            assert (await client.post("/v1/page", json={"userId": "c-17", "name": "Home"})).status == 200
    ids = {taken.id for taken in service.taken() if isinstance(taken, Event)}
    assert len(ids) == 2


async def test_all_rejected_is_a_problem_with_the_items() -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post("/v1/batch", json={"batch": [{"type": "sing"}, 7]})
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
    assert problem["type"] == "urn:touchline:problem:all_rejected"
    assert [item["error"]["reason"] for item in problem["items"]] == ["unknown_type", "not_an_object"]
    assert len(service.log) == 2


async def test_single_rejected_event_is_a_problem_that_names_the_reason() -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post("/events", data=body(event(type="touchline.time.advanced")), headers=STRUCTURED)
        assert answer.status == 400
        assert (await answer.json())["type"] == "urn:touchline:problem:reserved_type"


async def test_reserved_types_never_reach_the_stage_as_its_own() -> None:
    service = MemoryService()
    async with serving(service) as client:
        own = event(type="touchline.time.advanced", time="2099-01-01T00:00:00Z")
        await client.post("/events", data=body(own), headers=STRUCTURED)
        await client.post("/events", data=body([own, event(type="touchline.event.refused")]), headers=BATCHED)
        await client.post("/v1/track", json=track(event="Touchline Time Advanced"))
    assert [taken.reason for taken in service.taken() if isinstance(taken, Rejection)] == ["reserved_type"] * 4


@pytest.mark.parametrize(
    ("path", "headers"), [("/events", STRUCTURED), ("/events", BATCHED), ("/v1/track", None), ("/v1/batch", None)]
)
async def test_undecodable_body_is_refused_and_kept(path: str, headers: dict[str, str] | None) -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post(path, data=b'{"half', headers=headers or {"Content-Type": "application/json"})
        assert answer.status == 400
        assert (await answer.json())["type"] == "urn:touchline:problem:not_json"
    (taken,) = service.taken()
    assert isinstance(taken, Rejection)
    assert taken.body == b'{"half'


async def test_empty_batch_is_nothing_to_take() -> None:
    service = MemoryService()
    async with serving(service) as client:
        answer = await client.post("/v1/batch", json={"batch": []})
        assert answer.status == 200
        assert (await answer.json())["items"] == []
    assert service.log == []


async def test_answer_waits_until_the_event_is_durable() -> None:
    service = MemoryService()
    service.durable.clear()
    async with serving(service) as client:
        asked = asyncio.ensure_future(client.post("/events", data=body(event()), headers=STRUCTURED))
        await service.waiting.wait()
        assert (await client.get("/livez")).status == 200
        assert not asked.done()
        service.durable.set()
        assert (await asked).status == 202
    assert len(service.log) == 1


async def test_item_over_its_limit_is_told_and_kept() -> None:
    service = MemoryService()
    large = track("m-2", properties={"text": "x" * 33_000})
    async with serving(service) as client:
        answer = await client.post("/v1/batch", json={"batch": [track("m-1"), large]})
        assert answer.status == 207
        assert (await answer.json())["items"][1]["error"]["reason"] == "too_large"
    taken = service.taken()[1]
    assert isinstance(taken, Rejection)
    assert json.loads(taken.body or b"")["messageId"] == "m-2"


async def test_body_over_the_limit_is_413_and_nothing_is_taken() -> None:
    service = MemoryService()
    async with serving(service) as client:
        for data in (b" " * (MAX_BODY_BYTES + 1), _chunks()):
            answer = await client.post("/v1/batch", data=data, headers={"Content-Type": "application/json"})
            assert answer.status == 413
            assert (await answer.json())["status"] == 413
    assert service.log == []


async def _chunks() -> Any:
    for _ in range(MAX_BODY_BYTES // 50_000 + 1):
        yield b" " * 50_000


async def test_announced_size_over_the_limit_is_refused_before_it_is_sent() -> None:
    service = MemoryService()
    async with serving(service):
        host, _, port = service.address.rpartition("/")[2].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/batch HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
        writer.write(head.encode())
        assert b" 413 " in await reader.readline()
        writer.close()


async def test_wrong_key_is_refused_before_the_body_is_read() -> None:
    async with serving(MemoryService(), KEYS) as client:
        headers = {"Authorization": "Bearer wrong", "Content-Type": "application/json"}
        assert (await client.post("/v1/batch", data=b" " * (MAX_BODY_BYTES + 1), headers=headers)).status == 401


async def test_gzip_body_is_inflated() -> None:
    service = MemoryService()
    async with serving(service) as client:
        headers = {**STRUCTURED, "Content-Encoding": "gzip"}
        assert (await client.post("/events", data=gzip.compress(body(event())), headers=headers)).status == 202
    assert only(service).id == "e-1"


async def test_gzip_bomb_is_413() -> None:
    service = MemoryService()
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < MAX_BODY_BYTES
    async with serving(service) as client:
        answer = await client.post("/events", data=bomb, headers={**STRUCTURED, "Content-Encoding": "gzip"})
        assert answer.status == 413


def test_inflating_stops_at_the_limit() -> None:
    assert inflate(gzip.compress(b"x" * 10), 10) == b"x" * 10
    with pytest.raises(Problem) as raised:
        inflate(gzip.compress(b"x" * 11), 10)
    assert raised.value.status == 413


@pytest.mark.parametrize(
    "broken",
    [b"no gzip", gzip.compress(b"x" * 1000)[:-9], gzip.compress(b"x") + b"more"],
    ids=["none", "cut", "more behind it"],
)
def test_broken_gzip_is_400(broken: bytes) -> None:
    with pytest.raises(Problem) as raised:
        inflate(broken, 10_000)
    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/events", {"Content-Type": "application/json"}),
        ("/events", {"Content-Type": "text/csv"}),
        ("/v1/track", {"Content-Type": "text/csv"}),
        ("/v1/track", {"Content-Type": "application/json", "Content-Encoding": "br"}),
    ],
)
async def test_what_no_door_reads_is_415(path: str, headers: dict[str, str]) -> None:
    service = MemoryService()
    async with serving(service) as client:
        assert (await client.post(path, data=body(event()), headers=headers)).status == 415
    assert service.log == []


async def test_back_pressure_is_429_with_retry_after() -> None:
    service = MemoryService()
    service.refuses = Busy(3)
    async with serving(service) as client:
        answer = await client.post("/v1/track", json=track())
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert (await answer.json())["type"] == "urn:touchline:problem:busy"


async def test_stopped_service_is_503_with_its_reason() -> None:
    service = MemoryService()
    service.refuses = Stopped("almost everything that arrives is invalid")
    async with serving(service) as client:
        answer = await client.post("/v1/track", json=track())
        assert answer.status == 503
        assert "almost everything" in (await answer.json())["detail"]


async def test_traceparent_header_passes_into_the_record() -> None:
    service = MemoryService()
    async with serving(service) as client:
        await client.post("/events", data=body(event()), headers={**STRUCTURED, "traceparent": TRACE})
        await client.post("/v1/track", json=track(), headers={"traceparent": TRACE})
        await client.post("/v1/track", json=track(), headers={"traceparent": 'x"}'})
    traces = [json.loads(record).get("traceparent") for record in service.log]
    assert traces == [TRACE, TRACE, None]


def test_own_traceparent_of_a_record_stands() -> None:
    record = body(event(traceparent="00-own"))
    assert traced(record, TRACE) == record


async def test_door_with_write_keys_asks_for_one() -> None:
    service = MemoryService()
    async with serving(service, KEYS) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}):
            answer = await client.post("/v1/track", json=track(), headers=headers)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert service.log == []
        answer = await client.post("/v1/track", json=track(), headers={"Authorization": "Bearer wk-secret-1"})
        assert answer.status == 200
    assert only(service).source == "shop"


async def test_browser_library_sends_its_key_in_the_body() -> None:
    service = MemoryService()
    plain = {"Content-Type": "text/plain"}
    async with serving(service, KEYS) as client:
        for key, status in (("wk-secret-1", 200), ("wrong", 401), (None, 401), (7, 401)):
            answer = await client.post("/v1/t", data=body(track(writeKey=key)), headers=plain)
            assert answer.status == status
        assert (await client.post("/v1/t", data=b"{broken", headers=plain)).status == 401
        wrong_header = {**plain, "Authorization": "Bearer wrong"}
        answer = await client.post("/v1/t", data=body(track(writeKey="wk-secret-1")), headers=wrong_header)
        assert answer.status == 401
    assert (only(service).source, only(service).type) == ("shop", "order.completed")


async def test_body_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "BODY_SECONDS", 0.01)
    never = asyncio.Event()

    async def stalled() -> Any:
        yield b"{"
        await never.wait()

    async with serving(MemoryService()) as client:
        answer = await client.post("/v1/track", data=stalled(), headers={"Content-Type": "application/json"})
        assert answer.status == 408


async def test_console_token_does_not_open_the_door() -> None:
    service = MemoryService()
    async with serving(service, KEYS) as client:
        answer = await client.post("/v1/track", json=track(), headers={"Authorization": "Bearer ct-1"})
        assert answer.status == 401


async def test_pages_elsewhere_may_send_with_a_write_key_only() -> None:
    async with serving(MemoryService(), KEYS) as client:
        answer = await client.options("/v1/batch", headers={"Origin": "https://shop.example"})
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Origin" not in (await client.get("/api/v1/health")).headers
    async with serving(MemoryService()) as client:
        answer = await client.options("/v1/batch", headers={"Origin": "https://shop.example"})
        assert answer.status == 405
        assert "Access-Control-Allow-Origin" not in answer.headers
