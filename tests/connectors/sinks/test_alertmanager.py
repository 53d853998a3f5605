"""Alerts as Alertmanager's API v2 wants them."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.sinks.alertmanager import LASTS, REPEAT, Sink, alerts_of
from streams.delivery.message import Message
from streams.delivery.outcome import Delivered
from streams.units import MINUTE, parse_time
from tests.connectors.peers import batch, http, opening
from tests.streams.delivery.messages import TIME, alert, decision


def one(message: Message) -> dict[str, Any]:
    return alerts_of(message, TIME)[0]


def test_labels_say_which_alert_it_is_and_no_number_is_among_them() -> None:
    assert one(alert())["labels"] == {
        "alertname": "TouchlineConversion",
        "severity": "warning",
        "journey": "purchase",
        "step": "checkout",
        "signal": "conversion",
        "direction": "down",
        "team": "checkout-team",
        "fingerprint": "f-1",
    }


def test_labels_do_not_change_while_it_fires() -> None:
    later = alert("updated", observed=5.0, size=0.9, segments=[{"device": "mobile"}], examples=["c-9"])
    assert one(later)["labels"] == one(alert())["labels"]


def test_annotations_carry_what_a_person_needs() -> None:
    annotations = one(alert(explanation="It is everywhere."))["annotations"]
    assert annotations["summary"].startswith("WARNING purchase: fewer than expected")
    assert annotations["runbook_url"] == "https://wiki.example/purchase"
    assert annotations["description"].startswith("It is everywhere.\n")
    assert annotations["size"] == "50% less (41% to 60%)"
    assert all(isinstance(value, str) for value in annotations.values())


def test_a_firing_alert_would_end_by_itself_but_is_told_again_well_before() -> None:
    firing = one(alert())
    assert firing["startsAt"] == "2026-03-07T07:00:00.000Z"
    assert parse_time(firing["endsAt"]) == TIME + LASTS
    assert REPEAT < LASTS / 3
    assert Sink.abilities.repeats == REPEAT


def test_the_end_is_told_for_whatever_severity_it_was_told_under() -> None:
    ended = alerts_of(alert("resolved", severity="info"), TIME + 60 * MINUTE)
    assert {alert["labels"]["severity"]: alert["endsAt"] for alert in ended} == dict.fromkeys(
        ("info", "warning", "critical"), "2026-03-07T07:00:00.000Z"
    )


def test_a_worse_severity_ends_the_milder_one() -> None:
    worse, *ended = alerts_of(alert("updated", severity="critical"), TIME)
    assert parse_time(worse["endsAt"]) > TIME
    assert {alert["labels"]["severity"] for alert in ended} == {"info", "warning"}
    assert all(parse_time(alert["endsAt"]) <= TIME for alert in ended)


def test_a_missed_target_is_an_alert_of_its_signal() -> None:
    data: dict[str, Any] = {
        "rule": "csat",
        "signal": "csat",
        "segment": {},
        "quantity": "value",
        "target": 0.7,
        "value": 0.5,
        "n": 40,
    }
    breached = one(decision("signal.breached", "csat", **data))
    assert breached["labels"] == {
        "alertname": "TouchlineTarget",
        "severity": "warning",
        "signal": "csat",
        "quantity": "value",
    }
    recovered = one(decision("signal.recovered", "csat", **data))
    assert recovered["labels"] == breached["labels"]
    assert recovered["endsAt"] == "2026-03-07T07:00:00.000Z"


async def test_they_are_posted_to_the_api_whichever_way_the_address_is_written() -> None:
    async with http() as peer:
        for address in (peer.url, f"{peer.url}/am/", f"{peer.url}/api/v2/alerts"):
            sink = Sink(opening(address, allow_private=False))
            assert await sink.send(batch(alert())) == Delivered()
            assert await sink.repeat(batch(alert(), alert(fingerprint="f-2"))) == Delivered()
            await sink.close()
        paths = [path for _, path, _, _ in peer.requests]
        assert paths[::2] == ["/api/v2/alerts", "/am/api/v2/alerts", "/api/v2/alerts"]
        assert [len(msgspec.json.decode(body)) for _, _, _, body in peer.requests[:2]] == [1, 2]
