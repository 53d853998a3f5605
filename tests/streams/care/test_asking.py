"""Asks: when they are due, what holds them back, what ends them, and that each outcome says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.streams.care.story import short, tell

DELIVERY = """
feedback:
  delivery: {ask: csat, after: order.delivered, wait: 1d}
"""


def feedback(*lines: str) -> str:
    return "feedback:\n" + "".join(f"  {line}\n" for line in lines)


def asked(file: str, events: Sequence[tuple[Any, ...]], until: str = "100d") -> list[str]:
    return [line for line in short(tell(file, events, until)) if " case." not in line]


# When


def test_an_ask_is_made_when_its_time_has_come_and_says_everything_a_receiver_needs() -> None:
    (decision,) = tell(DELIVERY, [("2h", "order.delivered")], "2d")
    assert decision.type == "touchline.feedback.requested"
    assert decision.subject == "c-1"
    assert decision.data == {
        "rule": "delivery",
        "because": ["shop/e-0"],
        "metric": "csat",
        "channel": None,
        "scheduled_for": "2026-01-02T02:00:00.000Z",
        "attempt": 1,
        "request": decision.id,
    }
    assert list(decision.data) == ["rule", "because", "metric", "channel", "scheduled_for", "attempt", "request"]


def test_nobody_is_asked_before_the_time_has_come() -> None:
    assert asked(DELIVERY, [("2h", "order.delivered")], "1d1h") == []


def test_an_event_at_the_due_time_itself_still_counts() -> None:
    file = feedback("delivery: {ask: csat, after: order.delivered, wait: 1d, cancel_on: [order.cancelled]}")
    assert asked(file, [("0d", "order.delivered"), ("1d", "order.cancelled")]) == ["1d0h withheld csat cancelled"]


def test_a_second_event_while_the_ask_waits_makes_no_second_one_and_the_later_time_holds() -> None:
    events = [("0d", "order.delivered"), ("12h", "order.delivered")]
    assert asked(DELIVERY, events) == ["1d12h requested csat"]


def test_where_decides_which_events_count() -> None:
    file = feedback("dear: {ask: nps, after: order.completed, where: {amount: {gte: 100}}}")
    events = [("0d", "order.completed", {"amount": 99}), ("1d", "order.completed", {"amount": 100})]
    assert asked(file, events) == ["1d0h requested nps"]


def test_three_failed_payments_within_ten_minutes_and_no_chat_ask_once() -> None:
    file = feedback(
        "trouble: {ask: ces, after: payment.failed, count: 3 within 10m, absent: {on: chat.started, within: 10m}}"
    )
    failed = [(f"{minute}m", "payment.failed") for minute in (0, 4, 8, 9)]
    assert asked(file, failed) == ["0d0h requested ces"]
    assert asked(file, [(f"{minute}m", "payment.failed") for minute in (0, 6, 11)]) == []
    assert asked(file, [("1m", "chat.started"), ("2m", "chat.ended"), *failed[:3]]) == []


def test_counts_restart_when_the_rule_has_fired() -> None:
    file = feedback("third: {ask: ces, after: visit.made, count: 3}")
    assert asked(file, [(f"{day}d", "visit.made") for day in range(6)]) == [
        "2d0h requested ces",
        "5d0h requested ces",
    ]


def test_a_sequence_asks_only_when_the_second_event_follows_in_time() -> None:
    file = feedback("returned: {ask: ces, after: order.delivered, then: {on: return.sent, within: 7d}}")
    assert asked(file, [("0d", "order.delivered"), ("3d", "return.sent")]) == ["3d0h requested ces"]
    assert asked(file, [("0d", "order.delivered"), ("8d", "return.sent")]) == []
    assert asked(file, [("1d", "return.sent"), ("2d", "order.delivered")]) == []


def test_what_happens_between_the_two_events_of_a_sequence_counts() -> None:
    file = feedback(
        "returned: {ask: ces, after: order.delivered, then: {on: return.sent, within: 7d}, wait: 1h,"
        " cancel_on: [return.undone], requires: [label.printed]}"
    )
    begun, sent = ("0d", "order.delivered"), ("3d", "return.sent")
    assert asked(file, [begun, ("1d", "label.printed"), sent]) == ["3d1h requested ces"]
    cancelled = asked(file, [begun, ("1d", "label.printed"), ("2d", "return.undone"), sent])
    assert cancelled == ["3d1h withheld ces cancelled"]
    before = asked(file, [("0d", "label.printed"), ("1d", "order.delivered"), sent], "10d")
    assert before == ["3d1h withheld ces missing_requirement"]


def test_traits_choose_whom_a_rule_is_for() -> None:
    file = feedback("gold: {ask: nps, after: order.completed, traits: {tier: gold}}")
    known = ("0d", "customer.identified", {"tier": "gold"})
    assert asked(file, [known, ("1d", "order.completed")]) == ["1d0h requested nps"]
    assert asked(file, [("0d", "customer.identified", {"tier": "silver"}), ("1d", "order.completed")]) == []


def test_a_jitter_spreads_customers_and_is_the_same_on_every_run() -> None:
    file = feedback("spread: {ask: nps, after: order.completed, jitter: 1h}")
    events: list[tuple[Any, ...]] = [("0d", "order.completed", {}, f"c-{n}") for n in range(50)]
    times = [decision.time for decision in tell(file, events, "1d")]
    assert len(set(times)) > 40
    assert max(times) - min(times) < 3600 * 1_000_000
    assert times == [decision.time for decision in tell(file, events, "1d")]


# What holds it back

PROBLEM = feedback("delivery: {ask: nps, after: order.delivered, wait: 1d}")


def test_during_a_call_nobody_is_asked_and_after_it_the_wait_begins_anew() -> None:
    events = [("0d", "order.delivered"), ("23h", "call.started"), ("25h", "call.ended")]
    assert asked(PROBLEM, events) == ["1d0h withheld nps live_conversation", "2d1h requested nps"]


@pytest.mark.parametrize(("kind", "again"), [("call", "2d3h"), ("chat", "2d23h")])
def test_a_conversation_of_which_no_end_is_heard_is_over_some_day(kind: str, again: str) -> None:
    events = [("0d", "order.delivered"), ("23h", f"{kind}.started")]
    assert asked(PROBLEM, events) == ["1d0h withheld nps live_conversation", f"{again} requested nps"]


def test_a_complaint_that_no_rule_takes_is_a_defect_until_it_is_resolved() -> None:
    events = [("0d", "order.delivered"), ("1h", "complaint.received"), ("5d", "complaint.resolved")]
    assert asked(PROBLEM, events) == ["1d0h withheld nps unresolved_defect", "6d0h requested nps"]
    assert asked(PROBLEM, events[:2]) == ["1d0h withheld nps unresolved_defect", "31d1h requested nps"]


def test_a_problem_may_hold_an_ask_back_so_many_times_and_then_it_expires() -> None:
    events = [
        ("0d", "order.delivered"),
        ("20h", "call.started"),
        ("22h", "call.started"),
        ("25h", "call.ended"),
        ("48h", "call.started"),
        ("50h", "call.ended"),
    ]
    assert asked(PROBLEM, events) == ["1d0h withheld nps live_conversation", "2d1h withheld nps expired"]
    decisions = tell(PROBLEM, events, "100d")
    assert decisions[1].data["reasons"] == ["live_conversation", "expired"]
    assert decisions[1].data["final"] is True


def test_a_rule_may_drop_an_ask_at_the_first_problem_or_ask_in_spite_of_one() -> None:
    drop = feedback("delivery: {ask: nps, after: order.delivered, wait: 1d, on_problem: drop}")
    events = [("0d", "order.delivered"), ("23h", "call.started"), ("25h", "call.ended")]
    assert asked(drop, events) == ["1d0h withheld nps live_conversation"]
    bold = feedback("delivery: {ask: nps, after: order.delivered, wait: 1d, even_if: live_conversation}")
    assert asked(bold, events) == ["1d0h requested nps"]


def test_who_has_not_used_the_product_is_asked_once_they_have() -> None:
    file = feedback("bed: {ask: nps, after: order.delivered, wait: 3d, requires: [product.used]}")
    assert asked(file, [("0d", "order.delivered"), ("1d", "product.used")]) == ["3d0h requested nps"]
    assert asked(file, [("0d", "order.delivered"), ("5d", "product.used")]) == [
        "3d0h withheld nps missing_requirement",
        "5d0h requested nps",
    ]
    assert asked(file, [("0d", "order.delivered")]) == [
        "3d0h withheld nps missing_requirement",
        "33d0h withheld nps expired",
    ]
    assert asked(file, [("0d", "product.used"), ("1d", "order.delivered")], "5d") == [
        "4d0h withheld nps missing_requirement"
    ]


# What ends it


def test_excluding_events_and_cancellations_count_after_the_event_only() -> None:
    file = feedback("delivery: {ask: nps, after: order.delivered, wait: 1d, unless: [vip_call.planned]}")
    assert asked(file, [("0d", "order.delivered"), ("1h", "vip_call.planned")]) == ["1d0h withheld nps excluded"]
    assert asked(file, [("0d", "vip_call.planned"), ("1h", "order.delivered")]) == ["1d1h requested nps"]


def test_a_final_reason_is_given_first_and_all_that_fail_are_listed() -> None:
    file = feedback(
        "delivery: {ask: nps, after: order.delivered, wait: 1d, sample: 0,"
        " unless: [vip_call.planned], cancel_on: [order.cancelled]}"
    )
    events = [
        ("0d", "order.delivered"),
        ("1h", "vip_call.planned"),
        ("2h", "order.cancelled"),
        ("3h", "call.started"),
        ("23h", "call.started"),
    ]
    (decision,) = tell(file, events, "2d")
    assert decision.data["reason"] == "cancelled"
    assert decision.data["reasons"] == ["cancelled", "excluded", "live_conversation", "not_sampled"]
    assert decision.data["final"] is True


def test_a_share_of_customers_is_sampled_and_another_held_out() -> None:
    file = feedback("some: {ask: nps, after: order.completed, sample: 0.5}")
    events: list[tuple[Any, ...]] = [("0d", "order.completed", {}, f"c-{n}") for n in range(400)]
    lines = asked(file, events, "1d")
    assert 160 < sum("requested" in line for line in lines) < 240
    assert {line for line in lines if "withheld" in line} == {"0d0h withheld nps not_sampled"}
    few = feedback("few: {ask: nps, after: order.completed, holdout: 0.25}")
    lines = asked(few, events, "1d")
    assert 60 < lines.count("0d0h withheld nps held_out") < 140


# Fatigue

TWO = feedback("nps: {ask: nps, after: order.completed}", "csat: {ask: csat, after: chat.rated}")


def test_after_any_ask_a_customer_is_left_alone_whatever_the_device_or_the_channel() -> None:
    file = TWO + "fatigue: {any: 14d}\n"
    events = [
        ("0d", "order.completed", {"device": "phone"}),
        ("1d", "chat.rated", {"device": "laptop"}),
        ("13d", "order.completed"),
        ("14d", "chat.rated"),
    ]
    assert asked(file, events) == [
        "0d0h requested nps",
        "1d0h withheld csat fatigue",
        "13d0h withheld nps fatigue",
        "14d0h requested csat",
    ]


def test_each_metric_has_a_clock_of_its_own() -> None:
    file = TWO + "fatigue: {nps: 90d, csat: 30d}\n"
    hours = (("0h", "order.completed"), ("1h", "chat.rated"))
    events = [(f"{day}d{hour}", kind) for day in (0, 30, 89, 90) for hour, kind in hours]
    assert asked(file, events) == [
        "0d0h requested nps",
        "0d1h requested csat",
        "30d0h withheld nps fatigue",
        "30d1h requested csat",
        "89d0h withheld nps fatigue",
        "89d1h requested csat",
        "90d0h requested nps",
        "90d1h withheld csat fatigue",
    ]


def test_what_other_tools_asked_counts_and_our_own_mail_does_not_count_twice() -> None:
    file = TWO + "fatigue: {any: 14d}\n"
    assert asked(file, [("0d", "survey.sent", {"metric": "csat"}), ("1d", "order.completed")]) == [
        "1d0h withheld nps fatigue"
    ]
    (first,) = tell(file, [("0d", "order.completed")], "1d")
    events = [("0d", "order.completed"), ("1d", "survey.sent", {"request": first.id}), ("14d", "chat.rated")]
    assert asked(file, events) == ["0d0h requested nps", "14d0h requested csat"]


def test_the_last_slot_of_a_year_is_kept_for_nps() -> None:
    file = TWO + "fatigue: {per_year: 3}\n"
    events = [(f"{day}d", "chat.rated") for day in (0, 10, 20)] + [
        ("30d", "order.completed"),
        ("40d", "order.completed"),
    ]
    assert asked(file, events) == [
        "0d0h requested csat",
        "10d0h requested csat",
        "20d0h withheld csat yearly_cap",
        "30d0h requested nps",
        "40d0h withheld nps yearly_cap",
    ]
    assert asked(file, [*events, ("365d", "chat.rated"), ("396d", "chat.rated")], "400d")[-2:] == [
        "365d0h withheld csat yearly_cap",
        "396d0h requested csat",
    ]


def test_a_reopening_that_names_no_case_is_about_the_one_closed_last_and_asks_no_second_time() -> None:
    file = feedback("csat: {ask: csat, after: [case.closed, case.reopened], even_if: open_case}")
    closed = {"cause": "x", "disposition": "resolved", "communicated": True}
    events = [("0d", "case.opened"), ("1d", "case.closed", closed), ("2d", "case.reopened")]
    assert asked(file, events) == ["1d0h requested csat", "2d0h withheld csat case_already_asked"]


def test_the_ces_of_a_case_neither_waits_for_the_common_clock_nor_starts_it_and_comes_once_per_case() -> None:
    file = (
        feedback("ces: {ask: ces, after: case.closed}", "nps: {ask: nps, after: order.completed}")
        + "fatigue: {any: 14d}\n"
    )
    closed = {"case": "k-1", "cause": "x", "disposition": "resolved", "communicated": True}
    events = [
        ("0d", "order.completed"),
        ("1d", "case.opened", {"case": "k-1"}),
        ("2d", "case.closed", closed),
        ("14d", "order.completed"),
        ("15d", "case.reopened", {"case": "k-1"}),
        ("16d", "case.closed", closed),
    ]
    assert asked(file, events) == [
        "0d0h requested nps",
        "2d0h requested ces",
        "14d0h requested nps",
        "16d0h withheld ces case_already_asked",
    ]


# Arbitration


def test_of_two_asks_due_within_a_minute_the_one_of_higher_priority_is_made() -> None:
    file = feedback(
        "small: {ask: csat, after: chat.rated, priority: 1}", "large: {ask: nps, after: order.completed, priority: 5}"
    )
    assert asked(file, [("0s", "chat.rated"), ("10s", "order.completed")]) == [
        "0d0h withheld csat lost_arbitration",
        "0d0h requested nps",
    ] or asked(file, [("0s", "chat.rated"), ("10s", "order.completed")]) == [
        "0d0h requested csat",
        "0d0h requested nps",
    ]
    wait = file.replace("priority: 1", "priority: 1, wait: 1h").replace("priority: 5", "priority: 5, wait: 1h")
    assert asked(wait, [("0s", "chat.rated"), ("59s", "order.completed")]) == [
        "0d1h withheld csat lost_arbitration",
        "0d1h requested nps",
    ]
    assert asked(wait, [("0s", "chat.rated"), ("60s", "order.completed")]) == [
        "0d1h requested csat",
        "0d1h requested nps",
    ]


def test_at_equal_priority_the_smaller_name_is_made() -> None:
    file = feedback("b: {ask: csat, after: order.completed}", "a: {ask: nps, after: order.completed}")
    assert asked(file, [("0d", "order.completed")]) == ["0d0h requested nps", "0d0h withheld csat lost_arbitration"]


# Channels

CHANNELS = feedback(
    "call: {ask: csat, after: call.ended, wait: 30m, channels: [ivr, sms, email],"
    " channel_rules: {ivr: {unless: {on: call.ended, where: {duration_s: {gt: 600}}}}}}"
)


def channel_of(file: str, *events: tuple[Any, ...]) -> str:
    (decision,) = tell(file, events, "10d")
    return str(decision.data.get("channel", decision.data.get("reason")))


def test_after_a_long_call_no_machine_rings_again() -> None:
    assert channel_of(CHANNELS, ("0d", "call.ended", {"duration_s": 1500})) == "sms"
    assert channel_of(CHANNELS, ("0d", "call.ended", {"duration_s": 120})) == "ivr"


def test_the_stated_preference_comes_first_then_the_channel_last_answered() -> None:
    ended = ("1d", "call.ended", {"duration_s": 60})
    assert channel_of(CHANNELS, ("0d", "customer.identified", {"channel_preference": "email"}), ended) == "email"
    assert (
        channel_of(CHANNELS, ("0d", "survey.answered", {"metric": "csat", "score": 5, "channel": "sms"}), ended)
        == "sms"
    )


def test_a_refused_channel_is_not_used_and_without_any_nobody_is_asked() -> None:
    ended = ("1d", "call.ended", {"duration_s": 1500})
    consent = ("0d", "customer.identified", {"consent": {"sms": False}})
    assert channel_of(CHANNELS, consent, ended) == "email"
    refused = ("0d", "customer.identified", {"consent": {"sms": False, "email": False, "ivr": False}})
    assert channel_of(CHANNELS, refused, ended) == "no_consent"
    only_ivr = ("0d", "customer.identified", {"consent": {"sms": False, "email": False}})
    assert channel_of(CHANNELS, only_ivr, ended) == "no_channel"


def test_under_opt_in_only_what_was_granted_is_used() -> None:
    file = CHANNELS + "consent: opt_in\n"
    ended = ("1d", "call.ended", {"duration_s": 60})
    assert channel_of(file, ended) == "no_consent"
    assert channel_of(file, ("0d", "customer.identified", {"consent": {"email": True}}), ended) == "email"


# Quiet hours


def test_at_night_the_ask_moves_to_the_morning_of_the_customer_and_every_gate_runs_again() -> None:
    file = DELIVERY.replace("wait: 1d", "wait: 1d, cancel_on: [order.cancelled]") + (
        'quiet_hours: {from: "21:00", to: "09:00"}\ntimezone: Europe/Kyiv\n'
    )
    decisions = tell(file, [("20h30m", "order.delivered")], "10d")
    assert short(decisions) == ["1d20h deferred csat quiet_hours", "2d7h requested csat"]
    assert decisions[0].data["until"] == "2026-01-03T07:00:00.000Z"
    assert decisions[1].data["scheduled_for"] == "2026-01-02T20:30:00.000Z"
    assert decisions[1].data["attempt"] == 1
    newyork = ("0d", "customer.identified", {"timezone": "America/New_York"})
    assert asked(file, [newyork, ("20h30m", "order.delivered")]) == ["1d20h requested csat"]
    events = [("20h30m", "order.delivered"), ("2d", "order.cancelled")]
    assert asked(file, events) == ["1d20h deferred csat quiet_hours", "2d7h withheld csat cancelled"]


# Offers


def test_at_the_third_visit_something_is_offered_once() -> None:
    file = "offers:\n  third_visit: {on: order.completed, count: 3, once: true}\n"
    decisions = tell(file, [(f"{day}d", "order.completed") for day in range(9)], "10d")
    assert short(decisions) == ["2d0h offer.made third_visit"]
    assert decisions[0].data == {"rule": "third_visit", "because": ["shop/e-2"], "offer": "third_visit", "count": 3}


# Merging


def test_two_ids_that_turn_out_to_be_one_customer_are_asked_once_at_the_later_time() -> None:
    events = [
        ("0d", "order.delivered", {}, "old"),
        ("6h", "order.delivered", {}, "c-1"),
        ("12h", "customer.merged", {"into": "c-1"}, "old"),
    ]
    decisions = tell(DELIVERY, events, "10d")
    assert short(decisions) == ["1d6h requested csat"]
    assert decisions[0].subject == "c-1"
    other = [("6h", "order.delivered", {}, "old"), ("0d", "order.delivered", {}, "c-1"), events[2]]
    assert short(tell(DELIVERY, sorted(other, key=lambda e: e[0] != "0d"), "10d")) == ["1d6h requested csat"]


def test_what_was_asked_of_the_old_id_counts_for_the_new_one() -> None:
    file = TWO + "fatigue: {any: 14d}\n"
    events = [
        ("0d", "order.completed", {}, "old"),
        ("1d", "customer.merged", {"into": "c-1"}, "old"),
        ("2d", "chat.rated"),
    ]
    assert asked(file, events) == ["0d0h requested nps", "2d0h withheld csat fatigue"]
