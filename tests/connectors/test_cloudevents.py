"""CloudEvents at the door: three HTTP modes and the Kafka binding give the same canonical record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors import cloudevents
from connectors.item import Item
from streams import reasons
from streams.codec import Rejection, decode
from streams.model import Event

WEBHOOKS = Path(__file__).parents[3] / "shared" / "data" / "webhooks"
RECORD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "shop",
    "type": "order.completed",
    "time": "2026-11-22T10:15:00.250Z",
    "subject": "Zo\u00eb 17",
    "data": {"amount": 129.0},
}
BODY = json.dumps(RECORD).encode()
HEADERS = {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "CE-Id": "e-1",
    "ce-source": "shop",
    "ce-type": "order.completed",
    "ce-time": "2026-11-22T10:15:00.250Z",
    "ce-subject": "Zo%C3%AB%2017",
}


def one(content_type: str, headers: dict[str, str], body: bytes) -> Item:
    items = cloudevents.read_http(content_type, headers, body)
    assert isinstance(items, list)
    (item,) = items
    return item


def event(item: Item) -> Event:
    assert item.rejection is None, item.rejection
    (body,) = item.bodies
    found = decode(body)
    assert isinstance(found, Event)
    return found


def reason(item: Item) -> str:
    assert item.rejection is not None
    (body,) = item.bodies
    found = decode(body)
    assert isinstance(found, Rejection)
    assert found.reason == item.rejection.reason
    return found.reason


def webhook(number: int) -> Any:
    path = WEBHOOKS / f"cloudevents_{number}.json"
    if not path.exists():
        pytest.skip(f"the real webhook bodies are not here: {path}")
    return json.loads(path.read_text())["payload"]


def test_every_route_gives_the_same_record() -> None:
    expected = decode(BODY)
    structured = one("application/cloudevents+json; charset=UTF-8", {}, BODY)
    batched = one("application/cloudevents-batch+json", {}, b"[" + BODY + b"]")
    binary = one("application/json", HEADERS, b'{"amount":129.0}')
    assert event(structured) == event(batched) == event(binary) == expected
    kafka_structured = cloudevents.from_kafka([("content-type", b"Application/CloudEvents+json; charset=UTF-8")], BODY)
    kafka_binary = cloudevents.from_kafka(
        [(f"ce_{name}", value.encode()) for name, value in RECORD.items() if name != "data"]
        + [("content-type", b"application/json")],
        b'{"amount":129.0}',
    )
    assert decode(kafka_structured) == decode(kafka_binary) == decode(cloudevents.from_kafka([], BODY)) == expected


def test_a_canonical_record_passes_as_its_own_bytes() -> None:
    body = json.dumps({**RECORD, "comexampleextension": 5}).encode()
    assert one("application/cloudevents+json", {}, body).bodies == (body,)


def test_a_pretty_printed_record_goes_on_one_line() -> None:
    item = one("application/cloudevents+json", {}, json.dumps(RECORD, indent=2).encode())
    assert event(item) == decode(BODY)
    assert b"\n" not in item.bodies[0]


def test_the_item_says_whose_event_it_is() -> None:
    item = one("application/cloudevents+json", {}, BODY)
    assert (item.index, item.id, item.subject) == (0, "e-1", "Zo\u00eb 17")


def test_binary_headers_are_unquoted_and_percent_decoded() -> None:
    item = one("application/json", {**HEADERS, "ce-subject": '"a \\"b\\" %E2%82%AC"'}, b"{}")
    assert event(item).subject == 'a "b" \u20ac'


def test_a_percent_sign_that_is_no_encoding_stays() -> None:
    assert event(one("application/json", {**HEADERS, "ce-subject": "100%FF"}, b"{}")).subject == "100%FF"


def test_binary_mode_without_a_body_has_no_data() -> None:
    assert event(one("", HEADERS, b"")).data is None


def test_extensions_of_binary_mode_stay_in_the_record() -> None:
    headers = {**HEADERS, "ce-traceparent": "00-1-2-01", "ce-sequence": "7"}
    item = one("application/json", headers, b"{}")
    assert event(item).sequence == "7"
    assert json.loads(item.bodies[0])["traceparent"] == "00-1-2-01"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml"])
def test_binary_data_that_is_not_json_is_refused(content_type: str) -> None:
    assert reason(one(content_type, HEADERS, b"<a/>")) == reasons.BAD_DATA


@pytest.mark.parametrize("body", [b"5", b"[]", b"{", b'"text"'])
def test_binary_data_that_is_no_object_is_refused(body: bytes) -> None:
    assert reason(one("application/json", HEADERS, body)) == reasons.BAD_DATA


def test_one_bad_event_of_a_batch_does_not_touch_the_others() -> None:
    items = cloudevents.read_http(
        cloudevents.BATCHED, {}, b"[" + BODY + b', {"id": "e-2"}, 7, ' + BODY.replace(b"e-1", b"e-3") + b"]"
    )
    assert isinstance(items, list)
    assert [item.index for item in items] == [0, 1, 2, 3]
    assert [item.id for item in items] == ["e-1", "e-2", None, "e-3"]
    said = [item.rejection.reason if item.rejection else None for item in items]
    assert said == [None, reasons.BAD_SPECVERSION, reasons.NOT_AN_OBJECT, None]


def test_a_refused_event_keeps_its_own_bytes() -> None:
    item = one("application/cloudevents+json", {}, b'{"id": "e-2"}')
    found = decode(item.bodies[0])
    assert isinstance(found, Rejection)
    assert found.body == b'{"id": "e-2"}'


def test_a_batch_that_is_no_array_is_refused_whole() -> None:
    for body in (b"{}", b"[", b"", b"\xff"):
        found = cloudevents.read_http(cloudevents.BATCHED, {}, body)
        assert isinstance(found, Rejection)
        assert found.reason == reasons.NOT_JSON


def test_an_event_beyond_the_limit_is_refused() -> None:
    body = BODY.replace(b"129.0", b'"' + b"9" * 70_000 + b'"')
    assert reason(one("application/cloudevents+json", {}, body)) == reasons.TOO_LARGE


def test_touchlines_own_types_are_refused_at_the_door() -> None:
    for kind in ("touchline.config.activated", "touchline.event.refused"):
        assert reason(one(cloudevents.STRUCTURED, {}, json.dumps({**RECORD, "type": kind}).encode()))
        assert reason(one("", {**HEADERS, "ce-type": kind}, b"{}"))


def test_kafka_values_that_cannot_be_read_become_rejections_with_their_bytes() -> None:
    for headers, value in (([], None), ([], b"x"), ([("ce_id", b"\xff")], b"x"), ([("ce_id", b"1")], b"x")):
        found = decode(cloudevents.from_kafka(headers, value))
        assert isinstance(found, Rejection)


def test_other_kafka_headers_do_not_make_a_message_binary() -> None:
    headers = [("trace", b"1"), ("content-type", b"application/json")]
    assert decode(cloudevents.from_kafka(headers, BODY)) == decode(BODY)


def test_what_speaks_cloudevents_is_told_by_type_or_headers() -> None:
    assert cloudevents.is_cloudevents("application/cloudevents+json", {})
    assert cloudevents.is_cloudevents("application/json", HEADERS | {"CE-Specversion": "1.0"})
    assert not cloudevents.is_cloudevents("application/json", {"Accept": "*/*"})


@pytest.mark.parametrize(("number", "said"), [(1, "bad_data"), (2, "bad_data"), (4, "bad_data"), (5, "bad_data")])
def test_real_events_whose_data_is_no_object_are_refused(number: int, said: str) -> None:
    assert reason(one(cloudevents.STRUCTURED, {}, json.dumps(webhook(number)).encode())) == said


def test_real_events_with_json_data_are_taken() -> None:
    third = event(one(cloudevents.STRUCTURED, {}, json.dumps(webhook(3)).encode()))
    assert third.subject is None
    assert third.data == {"appinfoA": "abc", "appinfoB": 123, "appinfoC": True}
    eighth = event(one(cloudevents.STRUCTURED, {}, json.dumps(webhook(8)).encode()))
    assert (eighth.id, eighth.time) == ("order-123", None)


def test_json_in_base64_is_unpacked() -> None:
    record = {**webhook(6), "specversion": "1.0", "source": "s", "type": "t.u"}
    assert event(one(cloudevents.STRUCTURED, {}, json.dumps(record).encode())).data == {"xyz": 123}


def test_a_real_batch_is_answered_item_by_item() -> None:
    items = cloudevents.read_http(cloudevents.BATCHED, {}, json.dumps(webhook(7)).encode())
    assert isinstance(items, list)
    taken = [(item.id, item.rejection is None) for item in items]
    assert taken == [("B234-1234-1234", False), ("C234-1234-1234", True)]
