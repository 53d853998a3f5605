"""Asks, cases and promises come out the same whatever the batches, the crashes, the order within the lateness."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams import customer as customers
from streams.codec import encode as encode_event
from streams.decisions import encode, sort_key
from streams.effects import Decision, Partial
from streams.model import Event, Record
from streams.stages.journey import STOOD, JourneyStage
from tests.build import event, log, rules
from tests.partition import Partition

FILE = """
version: 1
feedback:
  nps: {ask: nps, after: order.delivered, wait: 30s, requires: [product.used], cancel_on: [order.cancelled],
        channels: [email, sms], priority: 3, sample: 0.9}
  csat: {ask: csat, after: [call.ended, chat.ended], wait: 5s, channels: [ivr, sms],
         channel_rules: {ivr: {unless: {on: call.ended, where: {duration_s: {gt: 600}}}}}}
  again: {ask: csat, after: order.delivered, then: {on: order.completed, within: 30s}, unless: [call.started]}
  slow: {ask: ces, after: product.used, when: {signal: calls, value: "> 3"}}
  trouble: {ask: ces, after: payment.failed, count: 2 within 1m, absent: {on: chat.started, within: 1m}}
  ces: {ask: ces, after: case.closed, wait: 2s}
signals:
  calls: {on: call.started}
fatigue: {any: 40s, nps: 2m, per_year: 4}
quiet_hours: {from: "00:01", to: "00:02"}
cases:
  complaint: {on: complaint.received, where: {severe: true}, contact: {warn: 20s, breach: 40s}, owner: support}
  late: {on: promise.broken}
  low: {on: survey.answered, where: {score: {lte: 2}}, priority: 2}
promises:
  on_time: {says: soon, from: order.completed, until: order.delivered, within: 20s, by: order}
offers:
  third: {on: order.completed, count: 3, once: true}
"""
RULES = rules(FILE)
KINDS = [
    "order.completed",
    "order.delivered",
    "order.cancelled",
    "product.used",
    "payment.failed",
    "call.started",
    "call.ended",
    "chat.started",
    "chat.ended",
    "complaint.received",
    "complaint.resolved",
    "case.contacted",
    "case.closed",
    "case.reopened",
    "survey.sent",
    "survey.answered",
    "customer.identified",
    "customer.merged",
]


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """Events of a few customers in event-time order, some of them at the same moment."""
    randomness = random.Random(draw(st.integers(0, 2**32)))
    length = draw(st.integers(1, 60))
    pace = draw(st.sampled_from([0.3, 2.0, 15.0]))
    now = 0.0
    events = []
    for number in range(length):
        now += randomness.choice([0.0, randomness.random() * pace])
        kind = randomness.choice(KINDS)
        data: dict[str, Any] = {}
        customer = f"c-{randomness.randrange(3)}"
        if kind.startswith("order"):
            data = {"order": randomness.randrange(3)}
        elif kind == "complaint.received":
            data = {"severe": randomness.random() < 0.5}
        elif kind == "call.ended":
            data = {"duration_s": randomness.choice([60, 1500])}
        elif kind == "case.closed":
            data = {"cause": "x", "disposition": "resolved", "communicated": randomness.random() < 0.7}
        elif kind.startswith("survey"):
            data = {"metric": randomness.choice(["nps", "csat"]), "score": randomness.randrange(1, 6)}
        elif kind == "customer.identified":
            data = {"consent": {"sms": randomness.random() < 0.5}, "timezone": randomness.choice(["UTC", "Asia/Tokyo"])}
        elif kind == "customer.merged":
            data = {"into": f"c-{(int(customer[2]) + 1) % 3}", "force": True}
        events.append(event(round(now, 3), kind, customer, id=f"e-{number}", **data))
    return events


def logged(story: Sequence[Event], seed: int) -> list[Record]:
    """The story's log, with what the signals said in between, written by the owner of the partition."""
    randomness = random.Random(seed)
    records: list[Record] = []
    for one in story:
        if randomness.random() < 0.2:
            named = randomness.choice([[], ["slow"]])
            said = Event(id=f"s-{len(records)}", source="touchline", type=STOOD, time=one.time, data={"rules": named})
            records.append(Record(len(records), None, encode_event(said), internal=True))
        records.append(Record(len(records), None, encode_event(one)))
    return records


def told(decisions: Sequence[Decision]) -> list[bytes]:
    return [encode(decision) for decision in sorted(decisions, key=sort_key)]


def counted(partials: Sequence[Partial]) -> Counter[tuple[str, str, str]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for partial in partials:
        for one in partial.care:
            counts[one.what, one.rule, one.detail] += one.count
    return counts


@given(stories(), st.data())
@settings(max_examples=150, deadline=None)
def test_how_the_log_is_cut_into_batches_changes_no_decision(story: list[Event], data: st.DataObject) -> None:
    records = logged(story, data.draw(st.integers(0, 2**32)))
    whole = JourneyStage(RULES, resident=True)
    first, last = whole.process(records), whole.finish()
    pieces = JourneyStage(RULES, resident=True)
    decisions: list[Decision] = []
    while records:
        size = data.draw(st.integers(1, len(records)))
        decisions += pieces.process(records[:size]).decisions
        records = records[size:]
    decisions += pieces.finish().decisions
    # Not only the same ones: in the same order, so that they leave under the same numbers.
    assert decisions == first.decisions + last.decisions


@given(stories(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_crash_anywhere_loses_and_doubles_no_decision(story: list[Event], data: st.DataObject) -> None:
    records = logged(story, data.draw(st.integers(0, 2**32)))
    whole = JourneyStage(RULES, resident=True)
    effects = whole.process(records)
    shop = Partition(RULES, records)
    shop.live(data)
    assert shop.decisions == effects.decisions
    assert shop.partials == effects.partials
    assert shop.dead_letters == effects.dead_letters
    # To the byte: states that went to the store and back are no others than those that stayed in memory.
    known = {key: whole.find(key) for key in shop.states}
    assert shop.states == {key: customers.encode(state) for key, state in known.items() if state is not None}


@given(stories(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_arrival_order_within_the_allowed_lateness_decides_the_same(story: list[Event], seed: int) -> None:
    randomness = random.Random(seed)
    moments = {one.id: number for number, one in enumerate(story)}
    arrivals = {
        one.id: float(one.time[17:23]) + 60 * float(one.time[14:16]) + randomness.random() * 1.999
        for one in story
        if one.time
    }
    shuffled = sorted(story, key=lambda one: (arrivals[one.id], moments[one.id]))
    results = []
    for order in (story, shuffled):
        stage = JourneyStage(RULES, resident=True)
        first, last = stage.process(log(order)), stage.finish()
        results.append((told([*first.decisions, *last.decisions]), counted([*first.partials, *last.partials])))
    assert results[0] == results[1]


@given(stories(), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_copies_of_events_decide_nothing_twice(story: list[Event], seed: int) -> None:
    randomness = random.Random(seed)
    twice = [copy for one in story for copy in [one] * randomness.choice([1, 1, 2, 3])]
    results = []
    for events in (story, twice):
        stage = JourneyStage(RULES, resident=True)
        results.append(told([*stage.process(log(events)).decisions, *stage.finish().decisions]))
    assert results[0] == results[1]


@given(stories())
@settings(max_examples=150, deadline=None)
def test_nobody_is_asked_too_often_or_in_trouble_and_each_ask_has_one_end(story: list[Event]) -> None:
    stage = JourneyStage(RULES, resident=True)
    decisions = [*stage.process(log(story)).decisions, *stage.finish().decisions]
    assert len({decision.id for decision in decisions}) == len(decisions)
    merged = any(one.type == "customer.merged" for one in story)
    last: dict[str, int] = {}
    for decision in sorted(decisions, key=sort_key):
        if decision.type != "touchline.feedback.requested":
            continue
        assert decision.data["request"] == decision.id
        if decision.data["rule"] != "ces" and not merged:
            assert decision.time - last.get(decision.subject, -(10**18)) >= 40_000_000
            last[decision.subject] = decision.time
