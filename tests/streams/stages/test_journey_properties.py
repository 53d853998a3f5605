"""What must hold whatever the batches, the order within the allowed lateness, the crashes and the copies."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.effects import Partial
from streams.model import Event
from streams.stages.journey import JourneyStage
from tests.build import door, event, log, rules, run, steps
from tests.partition import Partition

FILE = """
version: 1
segments: [device]
journeys:
  purchase:
    value: amount
    keep: 40s
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 20s, optional: true}
      - {name: paid, on: order.completed, within: 30s}
  delivery:
    by: order
    keep: 1m
    steps:
      - {name: ordered, on: order.completed}
      - {name: delivered, on: order.delivered, within: 25s}
  answer:
    keep: 1m
    steps:
      - {name: called, on: page.viewed}
      - {name: answered, on: survey.answered, within: 2m, calendar: desk}
calendars: {desk: {open: {thu: [["00:00", "00:01"], ["00:02", "00:04"], ["00:07", "24:00"]]}}}
signals:
  csat: {on: survey.answered, where: {metric: csat}}
  amount: {on: order.completed, value: amount, as: p90}
  visits: {on: page.viewed, as: session}
  stars: {on: page.viewed, value: stars, scale: [0, 5]}
"""
RULES = rules(FILE)
KINDS = [
    "cart.updated",
    "checkout.started",
    "order.completed",
    "order.delivered",
    "survey.answered",
    "page.viewed",
    "customer.identified",
    "change.deployed",
    "alert.acknowledged",
    "alert.snoozed",
    "customer.merged",
]


@st.composite
def stories(draw: st.DrawFn, *, merges: bool = True) -> list[Event]:
    """Events of a few customers in event-time order, some of them at the same moment."""
    randomness = random.Random(draw(st.integers(0, 2**32)))
    length = draw(st.integers(1, 60))
    pace = draw(st.sampled_from([0.3, 2.0, 15.0, 90.0]))
    now = 0.0
    events = []
    for number in range(length):
        now += randomness.choice([0.0, randomness.random() * pace])
        kind = randomness.choice(KINDS if merges else KINDS[:-1])
        customer = f"c-{randomness.randrange(4)}"
        data: dict[str, Any] = {"device": randomness.choice(["mobile", "desktop"])}
        if kind.startswith("order"):
            data |= {"order": randomness.randrange(3), "amount": randomness.randrange(1000) / 10}
        if kind == "survey.answered":
            data |= {"metric": "csat", "score": randomness.randrange(0, 7)}
        if kind == "page.viewed":
            data |= {"stars": randomness.random() * 5}
        if kind == "alert.snoozed":
            data |= {"for": randomness.choice(["2h", "soon"]), "by": "anna"}
        if kind == "customer.merged":
            data = {"into": f"c-{(int(customer[2]) + 1) % 4}"}
        events.append(event(round(now, 3), kind, customer, id=f"e-{number}", **data))
    return events


def content(partials: Sequence[Partial]) -> dict[int, tuple[Any, ...]]:
    """What was counted per tick; the door and the cut of empty ticks left out."""
    return {
        p.tick: (p.entered, p.outcomes, p.marks, p.measured, p.types, p.changes, p.commands, p.commands_left)
        for p in partials
        if p.entered or p.outcomes or p.marks or p.measured or p.types
    }


@given(stories(), st.data())
@settings(max_examples=150, deadline=None)
def test_how_the_log_is_cut_into_batches_changes_nothing(story: list[Event], data: st.DataObject) -> None:
    whole = JourneyStage(RULES, resident=True)
    expected = whole.process(log(story)).partials + whole.finish().partials
    pieces = JourneyStage(RULES, resident=True)
    records = log(story)
    partials: list[Partial] = []
    while records:
        size = data.draw(st.integers(1, len(records)))
        partials += pieces.process(records[:size]).partials
        records = records[size:]
    assert partials + pieces.finish().partials == expected


@given(stories(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_arrival_order_within_the_allowed_lateness_gives_the_same_result(story: list[Event], seed: int) -> None:
    randomness = random.Random(seed)
    moments = {one.id: number for number, one in enumerate(story)}
    arrivals = {one.id: _seconds(one) + randomness.random() * 1.999 for one in story}
    shuffled = sorted(story, key=lambda one: (arrivals[one.id], moments[one.id]))
    expected, partials = run(story, FILE), run(shuffled, FILE)
    assert content(partials) == content(expected)
    assert door(partials) == door(expected)


@given(stories(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_crash_anywhere_leaves_no_trace(story: list[Event], data: st.DataObject) -> None:
    records = log(_with_trouble(story, data.draw(st.integers(0, 2**32))))
    whole = JourneyStage(RULES, resident=True)
    effects = whole.process(records)
    shop = Partition(RULES, records)
    shop.live(data)
    assert shop.partials == effects.partials
    assert shop.dead_letters == effects.dead_letters
    while shop.step(5):
        pass
    assert shop.stage.position == whole.position


@given(stories(), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_copies_change_nothing_but_their_own_count(story: list[Event], seed: int) -> None:
    randomness = random.Random(seed)
    twice = [copy for one in story for copy in [one] * randomness.choice([1, 1, 2, 3])]
    expected, partials = run(story, FILE), run(twice, FILE)
    assert content(partials) == content(expected)
    counts, before = door(partials), door(expected)
    added = len(twice) - len(story)
    refused_copies = counts.get("invalid", 0) - before.get("invalid", 0)
    assert counts.get("duplicate", 0) + refused_copies == added
    assert counts.get("accepted", 0) == before.get("accepted", 0)


@given(stories(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_every_customer_who_entered_a_step_is_accounted_for(story: list[Event], seed: int) -> None:
    partials = run(_with_trouble(story, seed), FILE)
    counts = door(partials)
    assert counts["read"] == sum(counts.get(name, 0) for name in ("accepted", "duplicate", "invalid"))
    for place, step in steps(partials).items():
        in_flight = step.get("entered", 0) - sum(step.get(name, 0) for name in ("completed", "abandoned", "merged"))
        assert in_flight >= 0, place
        assert step.get("recovered", 0) <= step.get("abandoned", 0), place
    for goal in ("purchase/paid", "delivery/delivered"):
        step = steps(partials).get(goal, {})
        assert step.get("entered", 0) == step.get("completed", 0)


@given(stories())
@settings(max_examples=100, deadline=None)
def test_long_after_the_last_event_nobody_is_in_flight(story: list[Event]) -> None:
    partials = run(story, FILE, until=_seconds(story[-1]) + 40 * 86400)
    for place, step in steps(partials).items():
        settled = sum(step.get(name, 0) for name in ("completed", "abandoned", "merged"))
        assert step.get("entered", 0) == settled, place


def _seconds(one: Event) -> float:
    return float(one.time[11:13]) * 3600 + float(one.time[14:16]) * 60 + float(one.time[17:23]) if one.time else 0.0


def _with_trouble(story: list[Event], seed: int) -> list[Event | bytes]:
    """The story out of order beyond the allowed lateness, with copies and garbage in it."""
    randomness = random.Random(seed)
    troubled: list[Event | bytes] = list(story)
    for _ in range(len(story) // 4):
        troubled.insert(randomness.randrange(len(troubled) + 1), randomness.choice(story))
    for _ in range(len(story) // 6):
        troubled.insert(randomness.randrange(len(troubled) + 1), b"garbage")
    for _ in range(len(story) // 3):
        first, second = randomness.randrange(len(troubled)), randomness.randrange(len(troubled))
        troubled[first], troubled[second] = troubled[second], troubled[first]
    return troubled
