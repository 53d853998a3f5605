"""Rules that learn, customer by customer: what is drawn, when it is due, and when its answer counts."""

from __future__ import annotations

from typing import Any

from streams.care.arms import ASKED, SETTLED
from streams.effects import Decision
from streams.runtime.replay import Replay
from tests.streams.care.story import moment, replayed, short

LEARNS = """
feedback:
  csat: {ask: csat, after: order.delivered, channels: [email, sms, web], learn: {channel: true, within: 2d}}
"""
TIMED = """
feedback:
  csat: {ask: csat, after: order.delivered, learn: {times: ["10:00", "18:00"]}}
"""


def orders(count: int, **traits: Any) -> list[tuple[Any, ...]]:
    """Customers of whom each gets an order, one a minute, once they have said who they are."""
    told = [("0s", "customer.identified", dict(traits), f"c-{at}") for at in range(count) if traits]
    return [*told, *((f"{at + 1}m", "order.delivered", {}, f"c-{at}") for at in range(count))]


def counts(replay: Replay, what: str) -> dict[str, list[int]]:
    """Arm -> [count, sum of millionths]."""
    found = {}
    for key, counted in replay.signals.totals().care.items():
        named, _, arm = key.split("\0")
        if named == what:
            found[arm] = counted
    return found


def asked(replay: Replay) -> list[Decision]:
    return [one for one in replay.decisions if one.type == "touchline.feedback.requested"]


def test_a_rule_that_does_not_learn_asks_as_before_and_says_nothing_of_it() -> None:
    replay = replayed(LEARNS.replace(", learn: {channel: true, within: 2d}", ""), orders(20))
    assert {one.data["channel"] for one in replay.decisions} == {"email"}
    assert not any("learnt" in one.data for one in replay.decisions)
    assert counts(replay, ASKED) == {}


def test_while_nothing_is_known_every_channel_has_the_same_chance_and_the_record_says_so() -> None:
    replay = replayed(LEARNS, orders(120))
    channels = [one.data["channel"] for one in asked(replay)]
    assert all(channels.count(name) > 20 for name in ("email", "sms", "web"))
    for one in asked(replay):
        assert one.data["learnt"] == {
            "channel": {"arm": one.data["channel"], "share": 0.333333, "explored": True},
        }


def test_who_states_a_preference_gets_it_and_is_not_learnt_from() -> None:
    replay = replayed(LEARNS, orders(20, channel_preference="web"))
    assert {one.data["channel"] for one in asked(replay)} == {"web"}
    assert not any("learnt" in one.data for one in asked(replay))
    assert counts(replay, ASKED) == {}


def test_only_channels_that_are_allowed_are_drawn_and_one_alone_is_no_choice() -> None:
    two = replayed(LEARNS, orders(60, consent={"sms": False}))
    assert {one.data["channel"] for one in asked(two)} == {"email", "web"}
    assert {one.data["learnt"]["channel"]["share"] for one in asked(two)} == {0.5}
    one = replayed(LEARNS, orders(20, consent={"sms": False, "web": False}))
    assert {ask.data["channel"] for ask in asked(one)} == {"email"}
    assert not any("learnt" in ask.data for ask in asked(one))


def test_an_ask_counts_once_its_time_is_over_as_answered_or_not() -> None:
    def story(answered: str) -> Replay:
        first = replayed(LEARNS, orders(1))
        request = asked(first)[0].data["request"]
        said = (answered, "survey.answered", {"metric": "csat", "score": 5, "request": request}, "c-0")
        return replayed(LEARNS, [*orders(1), said], until="5d")

    arm = f"channel={asked(replayed(LEARNS, orders(1)))[0].data['channel']}"
    assert counts(replayed(LEARNS, orders(1), until="2d"), SETTLED) == {}
    assert counts(replayed(LEARNS, orders(1), until="2d2m"), SETTLED) == {arm: [1, 0]}
    assert counts(story("1h"), SETTLED) == {arm: [1, 1_000_000]}
    assert counts(story("2d1m"), SETTLED) == {arm: [1, 1_000_000]}  # at the very end of its two days
    assert counts(story("2d2m"), SETTLED) == {arm: [1, 0]}
    assert counts(story("1h"), ASKED) == {arm: [1, 0]}


def test_the_hour_is_by_the_clock_where_the_customer_lives() -> None:
    for zone, ahead in (("UTC", 0), ("Asia/Tokyo", 9), ("America/New_York", -5)):
        replay = replayed(TIMED, orders(30, timezone=zone), until="3d")
        hours = {(one.time - moment("0h")) % 86_400_000_000 // 3_600_000_000 for one in asked(replay)}
        assert hours == {(10 - ahead) % 24, (18 - ahead) % 24}
        for one in asked(replay):
            local = (one.time - moment("0h")) // 3_600_000_000 + ahead
            assert one.data["learnt"]["time"]["arm"] == f"{local % 24}:00"


def test_an_ask_whose_hour_has_passed_for_the_day_comes_on_the_next() -> None:
    events: list[tuple[Any, ...]] = [(f"19h{at}m", "order.delivered", {}, f"c-{at}") for at in range(20)]
    replay = replayed(TIMED, events, until="3d")
    assert set(short(replay.decisions)) == {"1d10h requested csat", "1d18h requested csat"}


def test_a_wait_is_drawn_in_place_of_the_rules_and_holds_after_a_problem_too() -> None:
    file = """
feedback:
  csat: {ask: csat, after: order.delivered, learn: {waits: [1h, 3d]}}
cases:
  complaint: {on: complaint.received}
"""
    replay = replayed(file, orders(20), until="5d")
    waits = {one.subject: one.data["learnt"]["wait"]["arm"] for one in asked(replay)}
    assert set(waits.values()) == {"1h", "3d"}
    for one in asked(replay):
        assert one.time - moment(f"{int(one.subject[2:]) + 1}m") == moment(waits[one.subject]) - moment("0s")
    long = next(name for name, wait in waits.items() if wait == "3d")
    closed = {"cause": "x", "disposition": "resolved", "communicated": True}
    trouble = [("1h", "complaint.received", {}, long), ("4d", "case.closed", closed, long)]
    again = replayed(file, [*orders(20), *trouble], until="9d")
    assert short(one for one in again.decisions if one.subject == long and "feedback" in one.type) == [
        "3d0h withheld csat open_case",
        "7d0h requested csat",
    ]


def test_who_is_held_out_or_tired_is_not_asked_whatever_is_learnt() -> None:
    gates = ", holdout: 30%, sample: 60%"
    plain = LEARNS.replace(", learn: {channel: true, within: 2d}", gates) + "fatigue: {any: 1d}\n"
    learns = LEARNS.replace(", learn:", f"{gates}, learn:") + "fatigue: {any: 1d}\n"
    events = orders(60) + [(f"{at + 1}h", "order.delivered", {}, f"c-{at}") for at in range(0, 60, 3)]
    assert short(replayed(learns, events).decisions) == short(replayed(plain, events).decisions)


def test_of_merged_customers_each_ask_counts_once() -> None:
    events: list[tuple[Any, ...]] = [*orders(2), ("1h", "customer.merged", {"into": "c-1"}, "c-0")]
    settled = counts(replayed(LEARNS, events, until="5d"), SETTLED)
    assert sum(count for count, _ in settled.values()) == 2


def test_a_second_event_moves_an_ask_that_waits_and_draws_nothing_anew() -> None:
    events: list[tuple[Any, ...]] = [("9h", "order.delivered", {}, "c-0"), ("9h30m", "order.delivered", {}, "c-0")]
    (first,) = asked(replayed(TIMED, events[:1], until="2d"))
    (moved,) = asked(replayed(TIMED, events, until="2d"))
    assert moved.data["learnt"] == first.data["learnt"]
    assert moved.time == first.time
