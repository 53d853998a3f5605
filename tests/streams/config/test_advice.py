"""Warnings: one line for what is not acted upon yet, and for what was probably overlooked."""

from __future__ import annotations

import msgspec
import pytest

from streams.config import advice
from streams.config.structs import Config
from tests.streams.config.files import GOOD, load

STEPS = (
    "journeys:\n  buy:\n    steps:\n      - {name: cart, on: cart.updated}\n      - {name: paid, on: order.completed}\n"
)


def lines(text: str) -> list[str]:
    return [str(warning) for warning in load(text).warnings]


def test_receivers_are_acted_upon() -> None:
    assert lines("subscriptions: [{to: 'slack:https://hooks.example/x'}]\nasks: {to: 'ndjson:asks.ndjson'}\n") == []


SIGNED = "secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("subscriptions: [{to: 'webhook:https://example.org/x'%s}]\n", "subscriptions[0]"),
        ("asks: {to: 'webhook:https://example.org/x'%s}\n", "asks"),
    ],
)
def test_webhooks_that_nobody_can_verify_are_pointed_out(text: str, path: str) -> None:
    (line,) = lines(text % "")
    assert line.startswith(path)
    assert "not signed" in line
    assert lines(text % f", {SIGNED}") == []


def test_nothing_is_said_about_keys_that_are_not_there() -> None:
    assert lines("version: 1\nalerts:\n") == []


def test_what_is_not_acted_upon_is_named_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, "NOT_BUILT", frozenset({"journeys.*.steps.*.calendar"}))
    told = lines(STEPS.replace("order.completed}", "order.completed, within: 1h, calendar: office}") + OFFICE)
    assert "journeys.buy.steps[1].calendar: valid, not acted upon yet" in told


OFFICE = 'calendars: {office: {open: {mon: ["09:00", "18:00"]}}}\n'


@pytest.mark.parametrize(
    ("steps", "path", "message"),
    [
        ("{name: a, on: a.a, calendar: office}, {name: b, on: b.b}", "steps[0]", "nobody waits for the first step"),
        (
            "{name: a, on: a.a}, {name: b, on: b.b, optional: true, calendar: office}, {name: c, on: c.c}",
            "steps[1]",
            "'c', which names none: this one says nothing",
        ),
        (
            "{name: a, on: a.a}, {name: b, on: b.b, calendar: office}",
            "steps[1]",
            "without `within` there are 30 days of open time, 80 weeks",
        ),
    ],
)
def test_a_calendar_that_is_not_meant_so_is_pointed_out(steps: str, path: str, message: str) -> None:
    told = [line for line in lines(f"journeys: {{j: {{steps: [{steps}]}}}}\n{OFFICE}") if "calendar" in line]
    (line,) = told
    assert line.startswith(f"journeys.j.{path}.calendar: ")
    assert message in line


def test_a_calendar_with_its_time_is_nothing_to_warn_of() -> None:
    steps = "{name: a, on: a.a}, {name: b, on: b.b, optional: true, calendar: office}"
    text = f"journeys: {{j: {{steps: [{steps}, {{name: c, on: c.c, within: 5h, calendar: office}}]}}}}\n{OFFICE}"
    assert not [line for line in lines(text) if "calendar" in line]


def test_rises_of_a_conversion_are_acted_upon() -> None:
    both = STEPS.replace("journeys:\n  buy:\n", "journeys:\n  buy:\n    watch: both\n")
    assert both != STEPS
    assert not [line for line in lines(both) if "watch" in line]


def test_the_budget_and_what_is_watched_are_acted_upon() -> None:
    watched = "signals:\n  calls: {on: call.ended, watch: up, severity: critical, detector: page_hinkley}\n"
    alerts = "alerts: {false_alarms: 2 per month, page_above: 100, false_share: 10%}\n"
    assert lines(alerts + watched) == []


def test_the_file_with_every_key_warns_of_everything_not_built() -> None:
    told = {str(warning) for warning in load((GOOD / "everything.yml").read_text(encoding="utf-8")).warnings}
    assert not [line for line in told if "not acted upon" in line and line.split(":")[0] not in advice.NOT_BUILT]


def test_not_built_names_real_keys() -> None:
    keys = {field.encode_name for field in msgspec.structs.fields(Config)}
    assert {pattern.split(".")[0] for pattern in advice.NOT_BUILT} <= keys


def test_a_step_without_a_signal_is_pointed_out() -> None:
    assert lines(STEPS + "signals: {csat: {on: survey.answered, journey: buy, step: paid}}\n") == [
        "journeys.buy: no signal measures cart; place one with `journey: buy` and `step:`, or give a step an `expect`"
    ]


def test_an_expectation_is_a_signal_on_its_step() -> None:
    text = STEPS.replace("cart.updated}", 'cart.updated, expect: {conversion: ">= 50%"}}')
    assert lines(text) == [
        "journeys.buy: no signal measures paid; place one with `journey: buy` and `step:`, or give a step an `expect`"
    ]


def test_asks_that_nobody_receives_are_pointed_out() -> None:
    rule = "feedback:\n  nps: {ask: nps, after: order.delivered}\n"
    alone = "feedback.nps: its asks are only recorded: add `to` here, or `asks: {to: […]}`"
    assert alone in lines(rule)
    assert alone not in lines(rule + "asks: {to: 'webhook:https://example.org'}\n")


def test_a_near_miss_of_a_shared_type_is_pointed_out() -> None:
    signals = "signals: {calls: {on: [call.ended, call.end, call.queued]}, orders: {on: order.complete}}\n"
    assert lines(signals) == [
        "signals.orders.on: 'order.complete' is a type of your own; did you mean 'order.completed'?"
    ]


def test_a_type_that_a_source_makes_is_no_slip() -> None:
    source = "sources: {shop: {time: at, type: order.complete}}\n"
    assert lines(source + "signals: {orders: {on: order.complete}}\n") == []


def test_a_dimension_that_subscriptions_cannot_match_is_pointed_out() -> None:
    assert lines("segments: [reason]\n") == [
        "segments[0]: subscriptions cannot match it: `reason` means the decision's own there"
    ]
