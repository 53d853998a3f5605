"""Quotas over partitions that crash, repeat themselves and exchange customers: every ask gets its one answer."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.row import Row
from streams.config.load import load_text
from streams.decisions import encode
from streams.effects import Decision, Nominee
from streams.model import Event
from streams.rules import Rules
from streams.runtime.replay import Replay
from streams.units import HOUR, format_time, parse_time
from tests.build import START, at, event
from tests.cluster_of_stages import Cluster
from tests.cluster_quotas import Judge
from tests.streams.stages.test_transit import apart

FILE = load_text(
    """
version: 1
idle_after: 52w
feedback:
  call_csat: {ask: csat, after: call.ended, wait: 3s, quota: 2 per hour, priority: 2}
  order_nps: {ask: nps, after: order.delivered, quota: 5 per hour, requires: [product.used]}
  chat_ces: {ask: ces, after: chat.ended, cancel_on: [order.cancelled]}
cases:
  complaint: {on: complaint.received, owner: support}
fatigue: {any: 1m}
""",
    "quotas.yml",
)
RULES = Rules.of(FILE)
MOST = {"call_csat": 2, "order_nps": 5}
KINDS = ["call.ended"] * 4 + ["order.delivered", "product.used"] * 2 + ["chat.ended", "complaint.received"]
KINDS += ["case.closed", "order.cancelled"]


def story(dice: random.Random, count: int, *, merges: bool) -> list[Event]:
    """What some customers do within about an hour and a half."""
    moment, found = 0.0, []
    for number in range(count):
        moment += dice.choice([0.1, 0.3, 2, 60])
        kind, subject = dice.choice(KINDS + ["customer.merged"] * 2 * merges), f"c-{dice.randrange(30)}"
        data: dict[str, Any] = {}
        if kind == "case.closed":
            data = {"cause": "x", "disposition": "resolved", "communicated": True}
        elif kind == "customer.merged":
            data = {"into": f"c-{dice.randrange(30)}", "force": True}
        found.append(event(moment, kind, subject, id=f"e-{number}", **data))
    return found


def nominees(cluster: Cluster) -> list[Nominee]:
    return [nominee for partial in cluster.partials for nominee in partial.nominees]


def answered(decisions: Iterable[Decision]) -> list[Decision]:
    """Asks of rules with a quota that left, or were withheld for want of a place."""
    return [
        one
        for one in decisions
        if one.data["rule"] in MOST
        and (one.type == "touchline.feedback.requested" or one.data.get("reason") == "quota")
    ]


def end(cluster: Cluster, judge: Judge, time: int, dice: random.Random) -> None:
    """Everything is read, judged and told."""
    for moment in range(time, time + 20_000_000, 1_000_000):
        cluster.advance(moment)
        cluster.settle()
        judge.read(dice)
        judge.commit()
        cluster.settle()


@given(st.integers(0, 2**32), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_through_crashes_repeats_and_merges_every_ask_has_one_answer_and_no_quota_is_passed(
    seed: int, partitions: int
) -> None:
    dice = random.Random(seed)
    cluster = Cluster(RULES, partitions, seed)
    judge = Judge(cluster, FILE)
    told = story(dice, 80, merges=True)
    for one in told:
        cluster.produce(one)
        if dice.random() < 0.3:
            cluster.advance(parse_time(one.time or "") + 3_000_000)
        for _ in range(dice.randrange(2 * partitions)):
            cluster.step(
                dice.randrange(partitions), dice.randrange(1, 6), crash=dice.random() < 0.2, again=dice.random() < 0.2
            )
        if dice.random() < 0.4:
            judge.read(dice)
            judge.crash() if dice.random() < 0.3 else judge.commit()
        if dice.random() < 0.1:
            judge.send_again(dice)
    end(cluster, judge, parse_time(told[-1].time or "") + 60_000_000, dice)
    ends = answered(cluster.decisions)
    assert len(ends) == len(nominees(cluster))
    assert sorted((one.data["rule"], one.time) for one in ends) == sorted(
        (one.rule, one.due) for one in nominees(cluster)
    )
    for rule, most in MOST.items():
        times = sorted(one.time for one in ends if one.data["rule"] == rule and "requested" in one.type)
        for time in times:
            assert sum(time - HOUR < other <= time for other in times) <= most
    assert not any(one.care is not None and one.care.nominees for one in cluster.everyone().values())
    assert not any(node.stage.unheard for node in cluster.nodes)


@pytest.mark.parametrize("partitions", [1, 4, 12])
@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_partitions_decides_as_replay_does(partitions: int, seed: int) -> None:
    dice = random.Random(seed)
    told = story(dice, 120, merges=False)
    replay = Replay(FILE)
    for _ in replay.feed(Row(one, parse_time(one.time or "")) for one in told):
        pass
    last = parse_time(told[-1].time or "") + 60_000_000
    replay.finish(last + 19_000_000, silent=True)
    cluster = Cluster(RULES, partitions)
    judge = Judge(cluster, FILE)
    moment = START
    for one in told:
        while moment + 1_000_000 < parse_time(one.time or ""):
            moment += 1_000_000
            cluster.advance(moment + 2_000_000)
            cluster.settle()
            judge.read(dice)
            judge.commit()
        cluster.produce(one)
    end(cluster, judge, last, dice)
    kinds = ("touchline.feedback", "touchline.case")
    expected = {encode(one) for one in replay.decisions if one.type.startswith(kinds)}
    assert {encode(one) for one in cluster.decisions} == expected
    ends = answered(cluster.decisions)
    assert {one.type for one in ends} == {"touchline.feedback.requested", "touchline.feedback.withheld"}


@pytest.mark.parametrize("refused", [False, True])
def test_an_answer_follows_the_customer_into_another_partition_and_back(refused: bool) -> None:
    old, new = apart(4)
    cluster = Cluster(RULES, 4)
    judge = Judge(cluster, FILE)
    if refused:
        cluster.produce(event(0, "customer.identified", old))
        cluster.produce(event(0, "customer.identified", new))
    cluster.produce(event(1, "call.ended", old))
    cluster.advance(at(20))
    cluster.settle()
    judge.read(random.Random(1))
    cluster.produce(event(21, "customer.merged", old, into=new))
    cluster.advance(at(30))
    cluster.settle()
    judge.commit()
    end(cluster, judge, at(40), random.Random(1))
    (asked,) = answered(cluster.decisions)
    assert (asked.type, asked.time) == ("touchline.feedback.requested", at(4))
    assert asked.subject == (old if refused else new)
    assert len(cluster.dead_letters) == refused
    assert format_time(asked.time)
