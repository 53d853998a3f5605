"""What waits for its time is applied as if it had come in order, under the rules that hold then."""

from __future__ import annotations

from streams.codec import encode
from streams.model import Event, Record
from streams.stages.journey import JourneyStage
from tests.build import event, log, rules, steps

FILE = """
version: 1
segments: [device]
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
"""
OTHER = """
version: 1
segments: [channel, device]
journeys:
  browsing:
    value: amount
    steps:
      - {name: cart, on: cart.updated}
      - {name: gone, on: page.left, within: 1m}
"""


def test_an_event_that_waits_when_other_rules_are_activated_is_applied_under_those() -> None:
    stage = JourneyStage(rules(FILE), resident=True, rules_by_hash=lambda _: rules(OTHER))
    before = event(0, "cart.updated", "c-1", device="mobile", channel="web", amount=1)
    waits = event(11, "cart.updated", "c-2", device="mobile", channel="web", amount=2)
    activation = event(12, "touchline.config.activated", None, hash=rules(OTHER).hash)
    partials = stage.process([*log([before, waits]), Record(2, None, encode(activation), True)]).partials
    partials += stage.finish().partials
    assert steps(partials) == {"browsing/cart": {"entered": 1}, "purchase/cart": {"entered": 1}}
    (entered,) = [entered for partial in partials for entered in partial.entered if entered.journey == "browsing"]
    assert (entered.cell, entered.value) == (("web", "mobile"), 2_000_000)


def test_dead_letters_are_in_the_order_of_the_log_whether_refused_on_arrival_or_when_applied() -> None:
    story: list[Event | bytes] = [
        event(0, "customer.identified", "c-1"),
        event(0, "customer.identified", "c-2"),
        event(1, "customer.merged", "c-1", into="c-2"),
        event(5, "page.viewed", "c-3"),
        b"garbage",
    ]
    whole = JourneyStage(rules(FILE), resident=True).process(log(story)).dead_letters
    one_by_one = JourneyStage(rules(FILE), resident=True)
    assert [letter.offset for letter in whole] == [2, 4]
    assert [letter for record in log(story) for letter in one_by_one.process([record]).dead_letters] == whole


def test_events_of_the_same_moment_are_applied_by_sequence_then_source_then_id() -> None:
    story = [
        event(0, "cart.updated", "c-1", id="b", sequence=2, device="second"),
        event(0, "cart.updated", "c-1", id="z", sequence=1, device="first"),
        event(0, "cart.updated", "c-1", id="a", sequence=2, source="a shop", device="third"),
    ]
    stage = JourneyStage(rules(FILE), resident=True)
    partials = stage.process(log(story)).partials + stage.finish().partials
    assert [entered.cell for partial in partials for entered in partial.entered] == [("first",)]
    assert steps(partials)["purchase/cart"] == {"entered": 1, "repeated": 2}
