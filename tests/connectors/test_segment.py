"""Segment's calls at the door: names, ids, times and data of the canonical record."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from connectors import segment
from connectors.item import Item
from streams import reasons
from streams.codec import Rejection, decode
from streams.model import Event
from streams.units import parse_time

WEBHOOKS = Path(__file__).parents[3] / "shared" / "data" / "webhooks"
RECEIVED = parse_time("2026-11-22T10:00:10Z")


def read(call: str, message: Any) -> list[Item]:
    ids = (f"made-{n}" for n in count())
    found = segment.read_http(
        call, json.dumps(message).encode(), source="web", received=RECEIVED, new_id=lambda: next(ids)
    )
    assert isinstance(found, list), found
    return found


def events(item: Item) -> list[Event]:
    assert item.rejection is None, item.rejection
    found = [decode(body) for body in item.bodies]
    assert all(isinstance(one, Event) for one in found)
    return [one for one in found if isinstance(one, Event)]


def event(call: str, message: Any) -> Event:
    (item,) = read(call, message)
    (found,) = events(item)
    return found


def refused(call: str, message: Any) -> Rejection:
    (item,) = read(call, message)
    assert item.rejection is not None
    (body,) = item.bodies
    again = decode(body)
    assert isinstance(again, Rejection)
    assert again.reason == item.rejection.reason
    assert again.body == json.dumps(message).encode()
    return item.rejection


def real(name: str) -> Any:
    path = WEBHOOKS / f"segment_{name}.json"
    if not path.exists():
        pytest.skip(f"the real webhook bodies are not here: {path}")
    return json.loads(path.read_text())["payload"]


def track(**changes: Any) -> dict[str, Any]:
    return {"messageId": "m-1", "userId": "c-1", "event": "Order Completed", **changes}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Order Completed", "order.completed"),
        ("Product Added", "cart.updated"),
        ("Product Removed", "cart.updated"),
        ("Checkout Started", "checkout.started"),
        ("Signed Up", "account.created"),
        ("Live Chat Conversation Started", "live.chat.conversation.started"),
        ("order_completed", "order.completed"),
        ("  Survey -- Opened! ", "survey.opened"),
        ("payment.failed", "payment.failed"),
        ("Замовлення Нове", "замовлення.нове"),
    ],
)
def test_a_tracked_name_becomes_a_type_and_stays_in_the_data(name: str, kind: str) -> None:
    found = event("track", track(event=name, properties={"amount": 5}))
    assert found.type == kind
    assert found.data == {"amount": 5, "event": name}


def test_a_track_call_becomes_a_canonical_record() -> None:
    (item,) = read("track", track(timestamp="2026-11-22T10:00:00Z", properties={"amount": 129.0}))
    assert item.bodies == (
        b'{"specversion":"1.0","id":"m-1","source":"web","type":"order.completed","time":"2026-11-22T10:00:00Z",'
        b'"subject":"c-1","data":{"amount":129.0,"event":"Order Completed"}}',
    )
    assert (item.id, item.subject) == ("m-1", "c-1")


def test_the_user_goes_before_the_anonymous_id() -> None:
    assert event("track", track(anonymousId="a-1")).subject == "c-1"
    assert event("track", track(userId=None, anonymousId="a-1")).subject == "a-1"
    assert event("track", track(userId=17)).subject == "17"


def test_a_call_without_message_id_gets_one_from_the_door() -> None:
    assert event("track", track(messageId=None)).id == "made-0"


def test_the_address_is_dropped_and_the_rest_of_the_context_kept() -> None:
    context = {"ip": "8.8.8.8", "campaign": {"source": "social"}, "timezone": "Europe/Kyiv"}
    found = event("track", track(context=context))
    assert found.data is not None
    assert found.data["context"] == {"campaign": {"source": "social"}, "timezone": "Europe/Kyiv"}


def test_a_property_named_like_the_context_gives_way() -> None:
    found = event("track", track(properties={"event": "x", "context": 5}, context={"locale": "uk"}))
    assert found.data == {"event": "Order Completed", "context": {"locale": "uk"}}


@pytest.mark.parametrize("call", ["page", "screen"])
def test_pages_and_screens_are_viewed(call: str) -> None:
    message = {"messageId": "m", "userId": "c", "name": "Home", "category": "Docs", "properties": {"url": "u"}}
    found = event(call, message)
    assert found.type == "page.viewed"
    assert found.data == {"url": "u", "category": "Docs", "name": "Home", "event": "Home"}


def test_identify_carries_traits_with_zone_and_locale_from_the_context() -> None:
    message = {
        "messageId": "m",
        "userId": "c",
        "traits": {"email": "a@example.com", "locale": "uk"},
        "context": {"timezone": "Europe/Kyiv", "locale": "en"},
    }
    found = event("identify", message)
    assert found.type == "customer.identified"
    assert found.data is not None
    assert {name: found.data.get(name) for name in ("email", "locale", "timezone")} == {
        "email": "a@example.com",
        "locale": "uk",
        "timezone": "Europe/Kyiv",
    }


def test_who_says_who_they_are_brings_along_what_they_did_before() -> None:
    (item,) = read("identify", {"messageId": "m", "userId": "c", "anonymousId": "a", "traits": {"plan": "gold"}})
    merged, identified = events(item)
    assert (merged.id, merged.type, merged.subject, merged.data) == ("m:merged", "customer.merged", "a", {"into": "c"})
    assert (identified.id, identified.type, identified.subject) == ("m", "customer.identified", "c")
    assert merged.time == identified.time
    assert item.subject == "c"


@pytest.mark.parametrize("anonymous", [None, "c", " c "])
def test_nothing_merges_where_there_is_one_id(anonymous: str | None) -> None:
    (item,) = read("identify", {"messageId": "m", "userId": "c", "anonymousId": anonymous})
    assert [one.type for one in events(item)] == ["customer.identified"]


def test_an_anonymous_visitor_can_be_identified_by_traits_alone() -> None:
    assert event("identify", {"messageId": "m", "anonymousId": "a", "traits": {"plan": "x"}}).subject == "a"


def test_alias_ends_the_previous_id() -> None:
    found = event("alias", {"messageId": "m", "previousId": "a", "userId": "c"})
    assert (found.type, found.subject, found.data) == ("customer.merged", "a", {"into": "c"})
    assert event("alias", {"messageId": "m", "anonymousId": "a", "userId": "c"}).subject == "a"


def test_group_says_which_group() -> None:
    found = event("group", {"messageId": "m", "userId": "c", "groupId": "g", "traits": {"plan": "x"}})
    assert (found.type, found.data) == ("customer.grouped", {"plan": "x", "group": "g"})


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, "2026-11-22T10:00:10.000Z"),
        ({"timestamp": "2026-11-22T09:00:00+02:00"}, "2026-11-22T09:00:00+02:00"),
        ({"timestamp": "2026-11-22T11:00:00Z", "sentAt": "2026-11-22T11:00:04Z"}, "2026-11-22T10:00:06.000Z"),
        ({"originalTimestamp": "2026-11-22T11:00:00Z", "sentAt": "2026-11-22T11:00:04.5Z"}, "2026-11-22T10:00:05.500Z"),
        (
            {
                "timestamp": "2015-12-12T19:11:01.249Z",
                "originalTimestamp": "2015-12-12T19:11:01.152Z",
                "sentAt": "2015-12-12T19:11:01.169Z",
                "receivedAt": "2015-12-12T19:11:01.266Z",
            },
            "2015-12-12T19:11:01.249Z",
        ),
        (
            {
                "timestamp": "2015-02-23T22:28:54Z",
                "sentAt": "2015-02-23T22:28:55.111Z",
                "receivedAt": "2015-02-23T22:28:55.387Z",
            },
            "2015-02-23T22:28:54Z",
        ),
        ({"sentAt": "2026-11-22T11:00:04Z"}, "2026-11-22T10:00:10.000Z"),
    ],
)
def test_the_senders_clock_is_set_right(times: dict[str, str], expected: str) -> None:
    assert event("track", track(**times)).time == expected


def test_a_batch_shares_its_context_and_its_time_of_sending() -> None:
    items = read(
        "batch",
        {
            "batch": [
                {"type": "track", **track(timestamp="2026-11-22T11:00:00Z", context={"locale": "uk"})},
                {"type": "page", "messageId": "m-2", "anonymousId": "a"},
            ],
            "sentAt": "2026-11-22T11:00:10Z",
            "context": {"locale": "en", "ip": "8.8.8.8", "app": {"name": "shop"}},
        },
    )
    first, second = (events(item)[0] for item in items)
    assert first.time == "2026-11-22T10:00:00.000Z"
    assert first.data is not None
    assert first.data["context"] == {"locale": "uk", "app": {"name": "shop"}}
    assert second.data == {"context": {"locale": "en", "app": {"name": "shop"}}}
    assert [item.index for item in items] == [0, 1]


def test_one_bad_call_of_a_batch_does_not_touch_the_others() -> None:
    items = read("batch", {"batch": [{"type": "track", **track()}, {"messageId": "m-2", "type": "nap"}, 5, []]})
    assert [item.rejection.reason if item.rejection else None for item in items] == [
        None,
        reasons.UNKNOWN_TYPE,
        reasons.NOT_AN_OBJECT,
        reasons.NOT_AN_OBJECT,
    ]
    assert [item.id for item in items] == ["m-1", "m-2", None, None]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"batch": 5}', b'{"batch": [', b"\xff"])
def test_a_batch_that_cannot_be_read_is_refused_whole(body: bytes) -> None:
    found = segment.read_http("batch", body, source="web", received=RECEIVED, new_id=str)
    assert isinstance(found, Rejection)


@pytest.mark.parametrize(
    ("call", "message", "reason"),
    [
        ("track", [track()], reasons.NOT_AN_OBJECT),
        ("track", track(userId=None), reasons.NO_SUBJECT),
        ("track", track(userId=""), reasons.BAD_SUBJECT),
        ("track", track(userId=True), reasons.BAD_SUBJECT),
        ("track", track(userId=10**400), reasons.BAD_SUBJECT),
        ("track", track(event=None), reasons.NO_TYPE),
        ("track", track(event=" - "), reasons.NO_TYPE),
        ("track", track(event="Touchline Config Activated"), reasons.RESERVED_TYPE),
        ("track", track(properties=[1]), reasons.BAD_DATA),
        ("track", track(context="web"), reasons.BAD_DATA),
        ("track", track(timestamp="abc"), reasons.BAD_TIME),
        ("track", track(timestamp=1700000000), reasons.BAD_TIME),
        ("track", track(timestamp="2026-11-22T10:00:00"), reasons.NO_ZONE),
        ("track", track(timestamp="2026-11-22T10:00:00Z", sentAt="soon"), reasons.BAD_TIME),
        ("track", track(properties={"text": "x" * 33_000}), reasons.TOO_LARGE),
        ("alias", {"messageId": "m", "userId": "c"}, reasons.NO_SUBJECT),
        ("alias", {"messageId": "m", "previousId": "a"}, reasons.NO_INTO),
        ("alias", {"messageId": "m", "previousId": "c", "userId": "c"}, reasons.MERGE_CYCLE),
    ],
)
def test_each_fault_has_its_reason(call: str, message: Any, reason: str) -> None:
    assert refused(call, message).reason == reason


def test_a_survey_answer_sent_as_a_track_call_is_checked_like_any_other() -> None:
    message = track(event="Survey Answered", properties={"metric": "nps", "score": 12})
    assert refused("track", message).reason == reasons.SCORE_OUT_OF_SCALE


@pytest.mark.parametrize(
    ("name", "call", "kind", "subject"),
    [
        ("track_02_course_clicked", "track", "course.clicked", "AiUGstSDIg"),
        ("common_01_report_submitted", "track", "report.submitted", "97980cfea0067"),
        ("page_02_page", "page", "page.viewed", "97980cfea0067"),
        ("group_02_group", "group", "customer.grouped", "97980cfea0067"),
        ("b2b-saas_03_signed_up", "track", "account.created", "019mr8mf4r"),
        ("live-chat_01_live_chat_conversation_started", "track", "live.chat.conversation.started", "019mr8mf4r"),
    ],
)
def test_real_calls_are_taken_without_their_address(name: str, call: str, kind: str, subject: str) -> None:
    (item,) = read(call, real(name))
    found = events(item)[-1]
    assert (found.type, found.subject) == (kind, subject)
    assert b"8.8.8.8" not in item.bodies[-1]
    assert b"108.0.78.21" not in item.bodies[-1]


def test_a_real_identify_merges_the_visitor_and_names_the_customer() -> None:
    (item,) = read("identify", real("identify_02_identify"))
    merged, identified = events(item)
    assert (merged.subject, merged.data) == ("507f191e810c19729de860ea", {"into": "97980cfea0067"})
    assert identified.data is not None
    assert identified.data["email"] == "peter@example.com"
    assert identified.time == "2015-02-23T22:28:55.111Z"


def test_a_real_call_without_anyone_is_refused() -> None:
    assert refused("track", real("track_01_user_registered")).reason == reasons.NO_SUBJECT


def test_every_real_segment_body_is_taken_or_refused_with_a_reason() -> None:
    paths = sorted(WEBHOOKS.glob("segment_*.json"))
    if not paths:
        pytest.skip(f"the real webhook bodies are not here: {WEBHOOKS}")
    taken = 0
    for path in paths:
        message = json.loads(path.read_text())["payload"]
        call = next((name for name in segment.CALLS if path.name.endswith(f"_{name}.json")), "track")
        (item,) = read(call, message)
        taken += item.rejection is None
        assert item.rejection is None or item.rejection.reason == reasons.NO_SUBJECT, path.name
    assert taken >= 20
