"""Every door: one event by any route is one record, and nothing a sender can write raises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import cloudevents, segment
from connectors.item import Item
from streams import reasons
from streams.codec import Rejection, decode, encode
from streams.model import Event

PROPERTIES = {"amount": 129.0, "device": "mobile", "note": "\u0434\u044f\u043a\u0443\u044e"}
RECORD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "web",
    "type": "order.completed",
    "time": "2026-11-22T10:15:00.250Z",
    "subject": "c-17",
    "data": {**PROPERTIES, "event": "Order Completed"},
}
CALL = {
    "type": "track",
    "messageId": "m-1",
    "userId": "c-17",
    "event": "Order Completed",
    "timestamp": "2026-11-22T10:15:00.250Z",
    "properties": PROPERTIES,
}


def body_of(found: Sequence[Item] | Rejection) -> bytes:
    assert not isinstance(found, Rejection)
    (item,) = found
    (body,) = item.bodies
    return body


def by_segment() -> bytes:
    raw = json.dumps({"batch": [CALL]}).encode()
    return body_of(segment.read_http("batch", raw, source="web", received=0, new_id=str))


def by_http_structured() -> bytes:
    return body_of(cloudevents.read_http(cloudevents.STRUCTURED, {}, json.dumps(RECORD, indent=1).encode()))


def by_http_binary() -> bytes:
    headers = {f"Ce-{name}": value for name, value in RECORD.items() if name != "data"}
    return body_of(cloudevents.read_http("application/json", headers, json.dumps(RECORD["data"]).encode()))


def by_kafka_structured() -> bytes:
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    return cloudevents.from_kafka(headers, json.dumps(RECORD).encode())


def by_kafka_binary() -> bytes:
    headers = [(f"ce_{name}", value.encode()) for name, value in RECORD.items() if name != "data"]
    return cloudevents.from_kafka(
        [*headers, ("content-type", b"application/json")], json.dumps(RECORD["data"]).encode()
    )


@pytest.mark.parametrize(
    "route", [by_segment, by_http_structured, by_http_binary, by_kafka_structured, by_kafka_binary]
)
def test_one_event_by_any_route_is_one_record_to_the_byte(route: Any) -> None:
    event = decode(route())
    assert isinstance(event, Event)
    assert encode(event) == json.dumps(RECORD, separators=(",", ":"), ensure_ascii=False).encode()


texts = st.text(st.characters(codec="utf-8"), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
times = st.sampled_from(["2026-11-22T10:15:00Z", "2026-11-22T10:15:00", "0001-01-01T00:00:00+14:00", "x", 5])
calls = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("messageId", "userId", "anonymousId", "previousId", "event", "channel", "name"), values),
        **dict.fromkeys(("properties", "traits", "context"), values | st.dictionaries(texts, values, max_size=2)),
        **dict.fromkeys(("timestamp", "originalTimestamp", "sentAt", "receivedAt"), times | values),
        "type": st.sampled_from([*segment.CALLS, "nap"]) | values,
    },
)


def assert_answered(found: Sequence[Item] | Rejection) -> None:
    """Each item is taken whole or refused with a known reason, and the log says the same as the sender was told."""
    assert not isinstance(found, Rejection)
    for item in found:
        records = [decode(body) for body in item.bodies]
        if item.rejection is None:
            assert all(isinstance(record, Event) for record in records)
        else:
            assert item.rejection.reason in reasons.INVALID
            (record,) = records
            assert isinstance(record, Rejection)
            assert (record.reason, record.message) == (item.rejection.reason, item.rejection.message)


@given(st.sampled_from(segment.CALLS), calls | values)
def test_no_segment_call_raises(call: str, message: Any) -> None:
    raw = json.dumps(message).encode()
    assert_answered(segment.read_http(call, raw, source="web", received=0, new_id=lambda: "made"))


@given(st.lists(calls | values, max_size=3), times | values, values | st.dictionaries(texts, values, max_size=2))
def test_no_segment_batch_raises(batch: list[Any], sent: Any, context: Any) -> None:
    raw = json.dumps({"batch": batch, "sentAt": sent, "context": context}).encode()
    assert_answered(segment.read_http("batch", raw, source="web", received=0, new_id=lambda: "made"))


@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys([*RECORD, "data_base64", "sequence"], values)) | values)
)
def test_no_batch_of_cloudevents_raises(batch: list[Any]) -> None:
    assert_answered(cloudevents.read_http(cloudevents.BATCHED, {}, json.dumps(batch).encode()))


@given(st.dictionaries(st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-time", "ce-specversion", "ce-x"]), texts),
       texts, st.binary(max_size=20) | values.map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_binary_request_raises(headers: dict[str, str], media: str, body: bytes) -> None:
    if not media.lower().strip().startswith("application/cloudevents"):
        assert_answered(cloudevents.read_http(media, headers, body))
    decode(cloudevents.from_kafka([(name.replace("-", "_"), value.encode()) for name, value in headers.items()], body))


@given(st.binary(max_size=40))
def test_no_bytes_raise_at_any_door(raw: bytes) -> None:
    assert_answered(cloudevents.read_http(cloudevents.STRUCTURED, {}, raw))
    assert_answered(segment.read_http("track", raw, source="web", received=0, new_id=lambda: "made"))
    cloudevents.read_http(cloudevents.BATCHED, {}, raw)
    segment.read_http("batch", raw, source="web", received=0, new_id=lambda: "made")
    decode(cloudevents.from_kafka([], raw))
