"""Customers who merge across partitions, and records in the wrong one: nothing lost, nothing counted twice."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codec import encode
from streams.model import Event
from streams.partitioner import partition_of
from streams.units import parse_time
from tests.build import SECOND, at, door, event, rules
from tests.cluster_of_stages import Cluster, balance, events_of, in_flight
from tests.streams.stages.test_journey_properties import FILE, stories


def apart(partitions: int) -> tuple[str, str]:
    """Two customers of different partitions."""
    first = "c-0"
    other = next(
        name
        for name in (f"c-{number}" for number in range(1, 100))
        if partition_of(name.encode(), partitions) != partition_of(first.encode(), partitions)
    )
    return first, other


def told(file: str, *events: Event, partitions: int = 4, until: float = 7200) -> Cluster:
    """A cluster that has read these events one by one, each with all it brings about."""
    cluster = Cluster(rules(file), partitions)
    for one in events:
        cluster.produce(one)
        for hop in range(3):
            cluster.settle()
            cluster.advance(parse_time(one.time or "") + (201 + hop) * SECOND // 100)
    cluster.end(at(until))
    return cluster


@given(stories(), st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_whatever_the_order_of_things_nothing_is_lost_or_counted_twice(
    story: list[Event], partitions: int, seed: int
) -> None:
    cluster = Cluster(rules(FILE), partitions, seed)
    dice = random.Random(seed)
    for one in story:
        for _ in range(dice.choice([1, 1, 1, 2])):
            cluster.produce(one, misplace=dice.random() < 0.1)
        for _ in range(dice.randrange(4)):
            cluster.step(
                dice.randrange(partitions),
                dice.randrange(1, 4),
                crash=dice.random() < 0.2,
                again=dice.random() < 0.2,
            )
    cluster.end(at(24 * 3600))
    counts = door(cluster.partials)
    read = sum(not record.internal for log in cluster.logs for record in log)
    assert counts.get("read", 0) == read
    assert counts.get("accepted", 0) + counts.get("duplicate", 0) + counts.get("invalid", 0) == read
    dead = events_of(cluster.dead_letters)
    accepted: Counter[str] = Counter()
    for partial in cluster.partials:
        accepted.update(partial.types)
    assert accepted.total() == counts.get("accepted", 0)
    merges = accepted.pop("customer.merged", 0)
    assert merges <= sum(one.type == "customer.merged" for one in story)
    assert accepted == Counter(
        one.type for one in story if one.type != "customer.merged" and dead[one.id] < copies(one, cluster)
    )
    assert balance(cluster.partials) == in_flight(cluster.everyone())


def copies(one: Event, cluster: Cluster) -> int:
    """How often an event was produced."""
    return sum(encode(one) == record.body for log in cluster.logs for record in log)


@given(stories(merges=True), st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_where_no_merge_is_on_its_way_several_partitions_count_like_one(story: list[Event], partitions: int) -> None:
    # Whatever travels arrives before anything else happens: time moves on only just far enough to let it leave.
    cluster = Cluster(rules(FILE), partitions)
    expected: list[Event] = []
    moment = 0.0
    for one in story:
        moment += 37
        moved = event(moment, one.type, one.subject, id=one.id, **(one.data or {}))
        expected.append(moved)
        cluster.produce(moved)
        for hop in range(10):
            cluster.settle()
            cluster.advance(at(moment + 2.01 + hop / 100))
        cluster.settle()
    cluster.end(at(moment + 24 * 3600))
    one_log = Cluster(rules(FILE), 1)
    for moved in expected:
        one_log.produce(moved)
    one_log.end(at(moment + 24 * 3600))
    assert door(cluster.partials) == door(one_log.partials)
    assert cluster.everyone().keys() == one_log.everyone().keys()
    assert sums(cluster) == sums(one_log)
    assert Counter(letter.reason for letter in cluster.dead_letters) == Counter(
        letter.reason for letter in one_log.dead_letters
    )


def sums(cluster: Cluster) -> Counter[tuple[str, ...]]:
    """What was counted over all time."""
    found: Counter[tuple[str, ...]] = Counter()
    for partial in cluster.partials:
        for entered in partial.entered:
            found["entered", entered.journey, entered.step, *entered.cell] += entered.count
        for outcome in partial.outcomes:
            key = (outcome.journey, outcome.step, *outcome.cell, str(outcome.entry_tick))
            found["completed", *key] += outcome.completed
            found["abandoned", *key] += outcome.abandoned
            found["recovered", *key] += outcome.recovered
            found["merged", *key] += outcome.merged
        for measured in partial.measured:
            found["n", measured.signal, *measured.cell] += measured.n
            found["total", measured.signal, *measured.cell] += measured.total
        found.update({("type", kind): count for kind, count in partial.types.items()})
    return Counter({key: count for key, count in found.items() if count})


# -- one by one ------------------------------------------------------------------------------------------------------

ASKING = """
version: 1
feedback:
  nps:
    ask: nps
    after: order.completed
    wait: 10m
    channels: [email]
cases:
  trouble: {on: complaint.received, owner: support}
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
"""


def merge(seconds: float, ended: str, into: str, **data: Any) -> Event:
    """`customer.merged`."""
    return event(seconds, "customer.merged", ended, into=into, **data)


def test_a_customer_who_moves_takes_everything_along_and_is_asked_once() -> None:
    old, new = apart(4)
    cluster = told(
        ASKING,
        event(0, "cart.updated", old),
        event(10, "order.completed", old),
        event(20, "order.completed", new),
        event(30, "complaint.received", old),
        merge(40, old, new),
        event(50, "case.resolved", old),
        event(60, "case.closed", old, communicated=True, cause="x", disposition="resolved"),
    )
    state = cluster.state(old)
    assert state is not None
    assert state.into == new
    asked = [one for one in cluster.decisions if one.type.startswith("touchline.feedback")]
    assert {one.subject for one in asked} == {new}
    assert sum(one.type == "touchline.feedback.requested" for one in asked) == 1
    assert [one.type for one in cluster.decisions if one.type.startswith("touchline.case.")] == [
        "touchline.case.opened", "touchline.case.assigned", "touchline.case.resolved", "touchline.case.closed"
    ]  # fmt: skip
    assert cluster.dead_letters == []


def test_what_was_counted_for_the_old_id_is_a_duplicate_for_the_new_one() -> None:
    old, new = apart(3)
    cart = event(0, "cart.updated", old)
    cluster = told(ASKING, cart, merge(10, old, new), cart, merge(10, old, new), partitions=3)
    counts = door(cluster.partials)
    assert (counts["accepted"], counts["duplicate"]) == (2, 2)


def test_two_identified_customers_stay_two_and_the_record_becomes_a_dead_letter() -> None:
    old, new = apart(4)
    before = (event(0, "customer.identified", old, tier="gold"), event(1, "customer.identified", new))
    cluster = told(ASKING, *before, merge(10, old, new), event(20, "cart.updated", old))
    (letter,) = cluster.dead_letters
    assert letter.reason == "merge_both_identified"
    assert events_of([letter]) == {merge(10, old, new).id: 1}
    state = cluster.state(old)
    assert state is not None
    assert (state.into, state.traits["tier"]) == (None, "gold")
    assert set(state.instances) == {"purchase"}
    forced = told(ASKING, *before, merge(10, old, new, force=True))
    assert forced.dead_letters == []
    survivor = forced.state(new)
    assert survivor is not None
    assert survivor.traits["tier"] == "gold"


def test_a_refused_customer_comes_back_to_the_byte() -> None:
    old, new = apart(4)
    before = (
        event(0, "customer.identified", old), event(1, "customer.identified", new), event(5, "cart.updated", old),
    )  # fmt: skip
    alone = told(ASKING, *before, until=60)
    refused = told(ASKING, *before, merge(10, old, new), until=60)
    assert refused.state(old) == alone.state(old)


def test_a_ring_of_merges_ends_with_dead_letters_and_everybody_alive() -> None:
    names = ["c-0", apart(4)[1]]
    cluster = Cluster(rules(ASKING), 4)
    cluster.produce(event(0, "cart.updated", names[0]))
    cluster.produce(event(0, "cart.updated", names[1]))
    cluster.produce(merge(10, names[0], names[1]))
    cluster.produce(merge(10, names[1], names[0]))
    cluster.end(at(600))
    assert {letter.reason for letter in cluster.dead_letters} == {"merge_cycle"}
    assert balance(cluster.partials) == in_flight(cluster.everyone()) == {("purchase", "cart"): 2}


def test_a_misplaced_record_is_sent_on_once_and_counted() -> None:
    cluster = Cluster(rules(ASKING), 4)
    cluster.produce(event(0, "cart.updated", "c-0"), misplace=True)
    cluster.produce(event(1, "page.viewed", None), misplace=True)
    cluster.end(at(60))
    counts = door(cluster.partials)
    assert (counts["read"], counts["accepted"]) == (2, 2)
    assert sum(node.stage.misplaced for node in cluster.nodes) == 2
    assert cluster.everyone().keys() >= {"c-0"}


def test_an_event_later_than_its_merge_arrives_after_the_customer_even_when_late() -> None:
    old, new = apart(4)
    cart = event(0, "cart.updated", old)
    cluster = Cluster(rules(ASKING), 4)
    cluster.produce(cart)
    cluster.produce(merge(100, old, new))
    cluster.produce(event(200, "page.viewed", old))
    cluster.produce(cart)  # a copy, long after
    cluster.produce(event(1, "page.viewed", new))
    cluster.end(at(600))
    counts = door(cluster.partials)
    assert (counts["accepted"], counts["duplicate"]) == (4, 1)
