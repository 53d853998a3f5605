"""What a viewer sees: what happened, never to whom or by whom."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.decisions import encode
from streams.runtime.access import Role
from streams.runtime.redaction import alerts_for, decision_for
from streams.runtime.service import Published
from streams.view import AlertView, TimelineEntry
from tests.streams.care.caring import Story
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import MemoryService, serving
from tests.streams.runtime.test_access import TOKENS, bearer

CASES = """
cases:
  complaint: {on: complaint.received, owner: olena}
"""


def known_alert() -> AlertView:
    """An alert that Olha has seen, with customers as examples and a change with its author."""
    alert = alarm_views.alert()
    (change,) = alert.changes
    return msgspec.structs.replace(
        alert,
        acknowledged_by="Olha",
        changes=[msgspec.structs.replace(change, data={**change.data, "author": "Olha"})],
        timeline=[*alert.timeline, TimelineEntry("2026-03-07T07:00:00Z", "acknowledged", "by Olha")],
    )


def seen(role: Role, record: dict[str, Any]) -> dict[str, Any]:
    """A decision as this role sees it."""
    return msgspec.json.decode(decision_for(role, msgspec.json.encode(record)), type=dict[str, Any])


def test_a_viewer_sees_an_alert_without_customers_and_without_who_took_it() -> None:
    alert = known_alert()
    (shown,) = alerts_for(Role.VIEWER, [alert])
    text = msgspec.json.encode(shown).decode()
    for person in ("Olha", "c-1071", "c-88"):
        assert person not in text
    assert (shown.acknowledged_by, shown.examples) == ("", [])  # taken, by somebody
    assert shown.changes[0].data == {"service": "payments-mobile", "version": "2.41.0"}
    assert [entry.what for entry in shown.timeline] == ["change", "since", "firing", "acknowledged"]
    assert alerts_for(Role.AGENT, [alert]) == [alert]


def test_a_viewer_sees_that_something_was_decided_about_a_customer_and_why_not_about_whom() -> None:
    story = Story(CASES)
    story.say(0, "complaint.received")
    opened = msgspec.json.decode(encode(story.decisions[0]), type=dict[str, Any])
    assert opened["subject"]
    shown = seen(Role.VIEWER, opened)
    assert (shown["type"], shown["time"], shown["subject"]) == (opened["type"], opened["time"], "")
    assert shown["data"]["rule"] == "complaint"
    assert not {"case", "because", "owner", "customer"} & set(shown["data"])
    assert seen(Role.AGENT, opened) == opened


def test_a_field_added_later_to_a_decision_about_a_customer_stays_hidden() -> None:
    record = {"type": "touchline.feedback.requested", "subject": "ann", "data": {"metric": "nps", "email": "a@b.c"}}
    assert seen(Role.VIEWER, record) == {
        "type": "touchline.feedback.requested",
        "subject": "",
        "data": {"metric": "nps"},
    }


def test_decisions_about_places_are_seen_whole_except_for_people() -> None:
    signal = {"type": "touchline.signal.breached", "subject": "csat", "data": {"rule": "csat", "value": 0.1}}
    assert seen(Role.VIEWER, signal) == signal
    alert = {"type": "touchline.alert.firing", "subject": "a/b", "data": msgspec.to_builtins(known_alert())}
    shown = seen(Role.VIEWER, alert)
    assert shown["subject"] == "a/b"
    assert shown["data"] == msgspec.to_builtins(alerts_for(Role.VIEWER, [known_alert()])[0])


async def test_over_http_the_role_decides_what_lists_and_the_stream_show() -> None:
    service = MemoryService()
    service.alarm_view = alarm_views.alarms(known_alert())
    record = {"id": "d-1", "type": "touchline.case.opened", "subject": "ann", "data": {"rule": "x", "case": "c"}}
    service.published.append(Published("d-0", b'{"id":"d-0","type":"touchline.case.opened","subject":"ann","data":{}}'))
    service.published.append(Published("d-1", msgspec.json.encode(record)))
    async with serving(service, TOKENS) as client:
        for token, personal in (("t-viewer", False), ("t-agent", True)):
            login = bearer(token)
            for path in ("/api/v1/alerts", "/api/v1/decisions"):
                text = await (await client.get(path, headers=login)).text()
                assert ("Olha" in text or "ann" in text) is personal, path
            stream = await client.get("/api/v1/stream?last_event_id=d-0", headers=login)
            got = b""
            while b"event: view" not in got or b"event: decision" not in got:
                got += await stream.content.readany()
            stream.close()
            assert (b"Olha" in got and b"ann" in got) is personal
            assert (b"Olha" in got or b"ann" in got) is personal
