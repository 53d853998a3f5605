"""Which decisions a subscription takes, by its `match`."""

from __future__ import annotations

import pytest

from streams.config.load import load_text
from streams.delivery.matching import matches
from streams.delivery.message import Message
from tests.streams.delivery.messages import alert, decision

FILE = """
version: 1
segments: [device, region]
journeys:
  purchase: {{steps: [{{name: checkout, on: checkout.started}}, {{name: paid, on: order.completed}}]}}
  returns: {{steps: [{{name: checkout, on: a.b}}, {{name: paid, on: b.c}}]}}
signals: {{csat: {{on: survey.answered}}}}
cases: {{detractor: {{on: survey.answered}}}}
feedback: {{nps_rule: {{ask: nps, after: order.delivered}}}}
subscriptions: [{{match: {match}, to: "ndjson:x"}}]
"""
MOBILE = [{"device": "mobile"}]
MOBILE_IN_KYIV_OR_TABLET = [{"device": "mobile", "region": "kyiv"}, {"device": "tablet"}]
FIRING = alert(segments=MOBILE)
ASKED = decision("feedback.requested", rule="nps_rule", metric="nps", channel="email")
WITHHELD = decision("feedback.withheld", rule="nps_rule", metric="nps", reason="open_case", reasons=["open_case"])
OPENED = decision("case.opened", rule="detractor", case="k-1", state="open", owner="support")
BREACHED = decision("signal.breached", "csat", rule="csat", signal="csat", segment={}, quantity="value")
BREACHED_MOBILE = decision("signal.breached", "csat", rule="csat", signal="csat", segment={"device": "mobile"})


@pytest.mark.parametrize(
    ("match", "message", "taken"),
    [
        ("{}", FIRING, True),
        ("{}", alert("updated"), True),
        ("{}", ASKED, False),
        ("{}", BREACHED, False),
        ("{type: alert}", FIRING, True),
        ("{type: alert.firing}", FIRING, True),
        ("{type: alert.resolved}", FIRING, False),
        ("{type: touchline.alert.firing}", FIRING, True),
        ("{type: feedback}", ASKED, True),
        ("{type: feedback.requested}", ASKED, True),
        ("{type: feedback.requested}", WITHHELD, False),
        ("{type: [case, signal]}", OPENED, True),
        ("{type: [case, signal]}", BREACHED, True),
        ("{type: [case, signal]}", FIRING, False),
        ("{journey: purchase}", FIRING, True),
        ("{journey: returns}", FIRING, False),
        ("{journey: [returns, purchase]}", FIRING, True),
        ("{type: feedback, journey: purchase}", ASKED, False),
        ("{step: checkout}", FIRING, True),
        ("{step: paid}", FIRING, False),
        ("{signal: conversion}", FIRING, True),
        ("{signal: csat}", FIRING, False),
        ("{type: signal, signal: csat}", BREACHED, True),
        ("{type: feedback, rule: nps_rule}", ASKED, True),
        ("{type: [feedback, case], rule: detractor}", ASKED, False),
        ("{type: [feedback, case], rule: detractor}", OPENED, True),
        ("{owner: checkout-team}", FIRING, True),
        ("{owner: nobody}", FIRING, False),
        ("{owner: nobody}", alert(owner=None), False),
        ("{type: case, owner: support}", OPENED, True),
        ("{severity: critical}", FIRING, False),
        ("{severity: [warning, critical]}", FIRING, True),
        ("{type: feedback, reason: open_case}", WITHHELD, True),
        ("{type: feedback, reason: fatigue}", WITHHELD, False),
        ("{type: feedback, reason: fatigue}", ASKED, False),
        ("{journey: purchase, severity: critical}", FIRING, False),
        ("{device: mobile}", FIRING, True),
        ("{device: [web, mobile]}", FIRING, True),
        ("{device: web}", FIRING, False),
        ("{region: kyiv}", FIRING, False),
        ("{device: tablet}", alert(segments=MOBILE_IN_KYIV_OR_TABLET), True),
        ("{region: kyiv}", alert(segments=MOBILE_IN_KYIV_OR_TABLET), True),
        ("{region: lviv}", alert(segments=MOBILE_IN_KYIV_OR_TABLET), False),
        ("{device: web}", alert(segments=[]), True),
        ("{device: web}", alert(segments=None), True),
        ("{type: signal, device: web}", BREACHED, True),
        ("{type: signal, device: web}", BREACHED_MOBILE, False),
        ("{type: signal, device: mobile}", BREACHED_MOBILE, True),
        ("{type: feedback, device: mobile}", ASKED, False),
    ],
)
def test_all_keys_must_hold_each_by_one_of_its_values(match: str, message: Message, taken: bool) -> None:
    (subscription,) = load_text(FILE.format(match=match)).config.subscriptions
    assert matches(subscription.match, message) is taken
