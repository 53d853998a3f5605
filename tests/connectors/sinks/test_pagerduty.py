"""Events as PagerDuty's Events API v2 wants them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.sinks.contract import NotEquipped
from connectors.sinks.pagerduty import Sink, event_of
from streams.delivery.message import Message
from streams.delivery.outcome import Delivered, Refused, Retry
from tests.connectors.peers import batch, http, opening
from tests.streams.delivery.messages import alert, decision

KEY = "R0UTINGKEY0000000000000000000001"


def event(message: Message) -> dict[str, Any]:
    return event_of(message, KEY)


def case(kind: str, **data: Any) -> Message:
    return decision(f"case.{kind}", "c-1", case="k-1", state="open", due_at="2026-03-08T07:00:00.000Z", **data)


def test_an_alert_triggers_under_its_fingerprint() -> None:
    found = event(alert(severity="critical", explanation="It is everywhere."))
    details = found["payload"].pop("custom_details")
    assert found == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "f-1",
        "client": "touchline",
        "payload": {
            "summary": "CRITICAL purchase: fewer than expected go from checkout to paid, fires",
            "source": "purchase/checkout",
            "severity": "critical",
            "timestamp": "2026-03-07T07:00:00.000Z",
            "class": "conversion",
            "component": "checkout",
            "group": "purchase",
        },
        "links": [{"href": "https://wiki.example/purchase", "text": "Runbook"}],
    }
    assert details["size"] == "50% less (41% to 60%)"
    assert details["explanation"] == "It is everywhere."
    assert details["incident"] == "i-1"
    assert details["decision"] == alert(severity="critical", explanation="It is everywhere.").id


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (alert("updated", severity="critical"), "trigger"),
        (alert("updated", acknowledged_by="olena"), "acknowledge"),
        (alert("resolved", acknowledged_by="olena"), "resolve"),
        (alert("rebaselined"), "resolve"),
        (case("breached"), "trigger"),
        (case("contacted"), "resolve"),
        (case("closed"), "resolve"),
    ],
    ids=lambda value: value.kind if isinstance(value, Message) else value,
)
def test_what_happens_to_the_incident_is_what_happened_here(message: Message, action: str) -> None:
    found = event(message)
    assert found["event_action"] == action
    assert found["dedup_key"] == ("f-1" if message.family == "alert" else "k-1")
    assert ("payload" in found) == (action == "trigger")


@pytest.mark.parametrize(
    ("said", "meant"), [("info", "info"), ("warning", "warning"), ("critical", "critical"), ("", "warning")]
)
def test_severities_are_pagerdutys(said: str, meant: str) -> None:
    assert event(alert(severity=said))["payload"]["severity"] == meant


def test_a_breach_is_worse_than_a_warning_and_says_when_it_was_due() -> None:
    payload = event(case("breached"))["payload"]
    assert payload["severity"] == "error"
    assert payload["custom_details"]["due_at"] == "2026-03-08T07:00:00.000Z"


def test_what_is_no_link_is_not_sent_as_one_and_a_long_summary_is_cut() -> None:
    found = event(alert(runbook="see the wiki", journey="j" * 3_000))
    assert "links" not in found
    assert len(found["payload"]["summary"]) == 1_024


async def test_it_is_posted_to_the_region_that_the_environment_names() -> None:
    async with http() as peer:
        peer.status = 202
        sink = Sink(opening(KEY, allow_private=False, TOUCHLINE_PAGERDUTY_URL=f"{peer.url}/"))
        assert await sink.send(batch(alert())) == Delivered()
        await sink.close()
        ((method, path, headers, body),) = peer.requests
    assert (method, path, headers["content-type"]) == ("POST", "/v2/enqueue", "application/json")
    assert msgspec.json.decode(body) == event(alert())


@pytest.mark.parametrize("status", [400, 429, 500, 503])
async def test_what_it_does_not_take_has_failed_and_what_it_cannot_take_now_comes_again(status: int) -> None:
    async with http() as peer:
        peer.status, peer.headers = status, {"Retry-After": "30"}
        sink = Sink(opening(KEY, TOUCHLINE_PAGERDUTY_URL=peer.url))
        outcome = await sink.send(batch(alert()))
        await sink.close()
    if status == 400:
        assert isinstance(outcome, Refused)
        assert "routing key" in outcome.reason
        assert KEY not in outcome.reason
    else:
        assert outcome == Retry(f"HTTP {status}", 30_000_000, status != 500)


def test_a_region_that_is_no_address_is_this_machines_trouble() -> None:
    with pytest.raises(NotEquipped, match="TOUCHLINE_PAGERDUTY_URL"):
        Sink(opening(KEY, TOUCHLINE_PAGERDUTY_URL="events.eu.pagerduty.com"))
