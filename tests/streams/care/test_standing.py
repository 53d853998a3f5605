"""`when:` of a rule, as the log says where it holds: numbered records that come twice, or late, are heard once."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.row import Row
from streams.codec import encode as encode_event
from streams.config.load import load_text
from streams.decisions import encode
from streams.model import Event, Record
from streams.runtime.replay import Replay
from streams.stages.head import head_config
from streams.stages.journey import STOOD, JourneyStage
from streams.units import parse_time
from tests.build import event, rules

FILE = """
version: 1
allowed_lateness: 0s
feedback:
  slow: {ask: ces, after: product.used, when: {signal: waiting, value: "> 60"}}
signals:
  waiting: {on: call.ended, value: waited, min_n: 1}
"""
RULES = rules(FILE)


def said(number: int | None, *named: str) -> Event:
    """Which rules hold, as SignalStage's owner writes it."""
    data: dict[str, object] = {"rules": list(named)}
    if number is not None:
        data["number"] = number
    return Event(id=f"stood-{number}", source="touchline", type=STOOD, time="2026-01-01T00:00:00Z", data=data)


def records(*events: Event) -> list[Record]:
    return [
        Record(offset, None, encode_event(one), internal=one.type.startswith("touchline."))
        for offset, one in enumerate(events)
    ]


def test_a_standing_with_an_older_number_is_not_heard_again() -> None:
    stage = JourneyStage(RULES, resident=True)
    stage.process(records(said(0, "slow"), said(1), said(0, "slow"), said(1)))
    assert stage.standing == frozenset()


def test_one_without_a_number_always_holds() -> None:
    stage = JourneyStage(RULES, resident=True)
    stage.process(records(said(5, "slow"), said(None)))
    assert stage.standing == frozenset()


def test_what_was_heard_is_known_after_a_restart() -> None:
    before = JourneyStage(RULES)
    before.process(records(said(0, "slow"), said(1)))
    head = before.changes().head
    assert head_config(head) == RULES.hash
    after = JourneyStage.restore(RULES, head, [])
    again = [Record(2, None, encode_event(said(0, "slow")), internal=True)]
    after.process(again)
    assert after.standing == frozenset()


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_repeats_as_a_sender_in_doubt_makes_them_change_no_decision(seed: int) -> None:
    dice = random.Random(seed)
    log: list[Event] = []
    sent: list[Event] = []
    for number in range(40):
        if dice.random() < 0.3:
            sent.append(said(len(sent), *dice.choice([(), ("slow",)])))
            log.append(sent[-1])
        log.append(event(number, "product.used", f"c-{number}", id=f"e-{number}"))
    repeated: list[Event] = []
    heard: list[Event] = []
    for one in log:
        repeated.append(one)
        if one.type == STOOD:
            heard.append(one)
        if heard and dice.random() < 0.3:
            repeated += heard[dice.randrange(len(heard)) :]
    once = JourneyStage(RULES, resident=True)
    often = JourneyStage(RULES, resident=True)
    made = [encode(one) for one in once.process(records(*log)).decisions + once.finish().decisions]
    assert made == [encode(one) for one in often.process(records(*repeated)).decisions + often.finish().decisions]


def test_a_recorded_log_says_itself_where_the_rule_held() -> None:
    story = [
        event(0, "call.ended", "c-1", id="e-1", waited=90),
        event(10, "product.used", "c-2", id="e-2"),
        event(20, "product.used", "c-3", id="e-3"),
        said(0, "slow"),
        event(30, "product.used", "c-4", id="e-4"),
    ]
    asked = {}
    for recorded in (False, True):
        replay = Replay(load_text(FILE), recorded=recorded)
        for letters in replay.feed(Row(one, parse_time(one.time or "")) for one in story):
            assert not letters
        replay.finish()
        asked[recorded] = [one.subject for one in replay.decisions if one.type.startswith("touchline.feedback")]
    assert asked == {False: ["c-2", "c-3", "c-4"], True: ["c-3", "c-4"]}
