"""Journeys, letter by letter formats.md section 2."""

from __future__ import annotations

import msgspec
import pytest

from streams.effects import Partial
from streams.model import Event
from streams.stages.journey import JourneyStage
from tests.build import DAY, MINUTE, SECOND, SHOP, at, door, event, log, rules, run, steps

BY_ORDER = """
version: 1
journeys:
  delivery:
    by: order
    keep: 1d
    steps:
      - {name: ordered, on: order.completed}
      - {name: delivered, on: order.delivered, within: 3d}
"""

OPTIONAL = """
version: 1
journeys:
  signup:
    steps:
      - {name: visit, on: page.viewed, where: {page: landing}}
      - {name: tour, on: tour.taken, within: 2h, optional: true}
      - {name: account, on: account.created, within: 1h}
      - {name: used, on: product.used, within: 1d}
"""


def test_a_customer_who_goes_all_the_way_completes_each_step() -> None:
    partials = run([event(0, "cart.updated"), event(60, "checkout.started"), event(120, "order.completed")])
    assert steps(partials) == {
        "purchase/cart": {"entered": 1, "completed": 1},
        "purchase/checkout": {"entered": 1, "completed": 1},
        "purchase/paid": {"entered": 1, "completed": 1},
    }


def test_an_event_exactly_at_its_deadline_is_in_time() -> None:
    partials = run([event(0, "cart.updated"), event(1800, "checkout.started")], until=1900)
    assert steps(partials)["purchase/cart"] == {"entered": 1, "completed": 1}


def test_a_step_not_completed_within_its_time_is_abandoned_once_and_a_late_completion_recovers_it() -> None:
    partials = run([event(0, "cart.updated"), event(1800.001, "checkout.started")])
    assert steps(partials)["purchase/cart"] == {"entered": 1, "abandoned": 1, "recovered": 1}
    assert steps(partials)["purchase/checkout"] == {"entered": 1}


def test_the_entry_tick_of_an_outcome_is_the_second_its_step_was_entered() -> None:
    partials = run([event(10.7, "cart.updated"), event(60, "checkout.started")])
    outcomes = [outcome for partial in partials for outcome in partial.outcomes]
    assert [(o.step, o.entry_tick, o.completed) for o in outcomes] == [("cart", at(10) // SECOND, 1)]


def test_without_an_instance_a_later_step_is_unattributed_and_starts_nothing() -> None:
    partials = run([event(0, "checkout.started"), event(5, "order.completed")])
    assert steps(partials) == {"purchase/checkout": {"unattributed": 1}, "purchase/paid": {"unattributed": 1}}


def test_start_any_lets_a_later_step_enter() -> None:
    file = SHOP.replace("value: amount", "value: amount\n    start: any")
    assert steps(run([event(0, "checkout.started")], file)) == {"purchase/checkout": {"entered": 1}}


def test_a_step_that_is_jumped_over_is_skipped() -> None:
    partials = run([event(0, "cart.updated"), event(60, "order.completed")])
    assert steps(partials) == {
        "purchase/cart": {"entered": 1, "completed": 1},
        "purchase/checkout": {"skipped": 1},
        "purchase/paid": {"entered": 1, "completed": 1},
    }


def test_the_same_or_an_earlier_step_again_is_repeated_and_the_first_entry_stands() -> None:
    partials = run(
        [
            event(0, "cart.updated"),
            event(60, "checkout.started"),
            event(90, "cart.updated"),
            event(95, "checkout.started"),
        ],
        until=1861,
    )
    assert steps(partials)["purchase/cart"] == {"entered": 1, "completed": 1, "repeated": 1}
    assert steps(partials)["purchase/checkout"] == {"entered": 1, "repeated": 1, "abandoned": 1}


def test_after_the_goal_the_first_step_begins_a_new_instance_and_later_ones_are_unattributed() -> None:
    partials = run(
        [event(0, "cart.updated"), event(1, "order.completed"), event(2, "order.completed"), event(3, "cart.updated")]
    )
    assert steps(partials)["purchase/cart"] == {"entered": 2, "completed": 1}
    assert steps(partials)["purchase/paid"] == {"entered": 1, "completed": 1, "unattributed": 1}


def test_an_abandoned_instance_ends_when_the_first_step_comes_again() -> None:
    partials = run([event(0, "cart.updated"), event(4000, "cart.updated"), event(4060, "checkout.started")])
    assert steps(partials)["purchase/cart"] == {"entered": 2, "completed": 1, "abandoned": 1}


def test_an_abandoned_instance_is_forgotten_after_keep() -> None:
    week = 7 * 86400 + 1800
    inside = run([event(0, "cart.updated"), event(week, "checkout.started")])
    beyond = run([event(0, "cart.updated"), event(week + 0.001, "checkout.started")])
    assert steps(inside)["purchase/cart"] == {"entered": 1, "abandoned": 1, "recovered": 1}
    assert steps(beyond)["purchase/checkout"] == {"unattributed": 1}


def test_an_optional_step_stretches_the_deadline_to_the_next_one_that_is_not() -> None:
    partials = run(
        [event(0, "page.viewed", page="landing"), event(7200, "account.created"), event(7300, "product.used")], OPTIONAL
    )
    assert steps(partials) == {
        "signup/account": {"entered": 1, "completed": 1},
        "signup/used": {"entered": 1, "completed": 1},
        "signup/visit": {"entered": 1, "completed": 1},
    }


def test_instances_are_told_apart_by_their_entity() -> None:
    partials = run(
        [
            event(0, "order.completed", order=17),
            event(1, "order.completed", order="18"),
            event(2, "order.delivered", order="17"),
            event(3, "order.delivered"),
        ],
        BY_ORDER,
    )
    assert steps(partials) == {
        "delivery/delivered": {"entered": 1, "completed": 1, "unattributed": 1},
        "delivery/ordered": {"entered": 2, "completed": 1},
    }


def test_an_entity_whose_goal_was_reached_stays_closed_for_keep() -> None:
    story = [event(0, "order.completed", order="17"), event(1, "order.delivered", order="17")]
    inside = run([*story, event(86401, "order.completed", order="17")], BY_ORDER)
    beyond = run([*story, event(86401.001, "order.completed", order="17")], BY_ORDER)
    assert steps(inside)["delivery/ordered"] == {"entered": 1, "completed": 1, "repeated": 1}
    assert steps(beyond)["delivery/ordered"] == {"entered": 2, "completed": 1}


def test_one_event_may_serve_several_journeys() -> None:
    file = SHOP + "  # nothing\n"
    both = file.replace("signals:", "  other:\n    steps: [{name: first, on: checkout.started}]\nsignals:")
    partials = run([event(0, "cart.updated"), event(1, "checkout.started")], both)
    assert steps(partials)["other/first"] == {"entered": 1, "completed": 1}
    assert steps(partials)["purchase/checkout"] == {"entered": 1}


def test_segment_values_come_from_the_event_else_the_instance_else_the_trait_else_unknown() -> None:
    partials = run(
        [
            event(0, "customer.identified", device="tablet"),
            event(1, "cart.updated", channel="web"),
            event(2, "checkout.started", device="mobile"),
            event(3, "order.completed"),
            event(4, "cart.updated", "c-2"),
        ]
    )
    entered = [(e.step, e.cell) for partial in partials for e in partial.entered]
    assert entered == [
        ("cart", ("web", "tablet")),
        ("checkout", ("web", "mobile")),
        ("paid", ("web", "mobile")),
        ("cart", ("unknown", "unknown")),
    ]


def test_the_value_of_an_entry_is_kept_as_an_integer_of_millionths() -> None:
    partials = run([event(0, "cart.updated", amount=0.1), event(1, "checkout.started", amount=12.345678)])
    assert [e.value for partial in partials for e in partial.entered] == [100_000, 12_345_678]


def test_a_late_event_counts_with_its_own_age_in_the_open_tick() -> None:
    stage = JourneyStage(rules(), resident=True)
    partials = stage.process(
        log(
            [
                event(0, "cart.updated"),
                event(100, "page.viewed", "c-9"),
                event(50, "checkout.started"),
                event(200, "page.viewed", "c-9"),
            ]
        )
    ).partials
    late = [partial for partial in partials if partial.outcomes]
    assert door(partials)["late"] == 1
    assert [(partial.tick, partial.outcomes[0].completed) for partial in late] == [(at(98) // SECOND, 1)]
    assert [(e.step, partial.tick - e.ticks_late) for partial in late for e in partial.entered] == [
        ("checkout", at(50) // SECOND)
    ]


def test_a_duplicate_is_counted_and_changes_nothing() -> None:
    twice = [
        event(0, "cart.updated", id="e-1"),
        event(1, "cart.updated", id="e-1"),
        event(1, "cart.updated", id="e-1", source="other"),
    ]
    partials = run(twice)
    assert door(partials) == {"read": 3, "accepted": 2, "duplicate": 1}
    assert steps(partials)["purchase/cart"] == {"entered": 1, "repeated": 1}


def test_a_duplicate_is_only_a_duplicate_however_late() -> None:
    partials = run(
        [event(0, "cart.updated", id="e-1"), event(100, "page.viewed", "c-2"), event(0, "cart.updated", id="e-1")]
    )
    assert door(partials) == {"read": 3, "accepted": 2, "duplicate": 1}


def test_a_copy_is_found_for_24_hours_of_event_time() -> None:
    first = event(0, "page.viewed", id="e-1")
    for seconds, duplicates in ((86399, 1), (3 * 86400, 0)):
        copy = event(seconds, "page.viewed", id="e-1")
        assert door(run([first, event(1, "page.viewed"), copy])).get("duplicate", 0) == duplicates


def test_ids_beyond_the_limit_per_customer_fall_out_oldest_first_and_are_counted() -> None:
    file = SHOP + "dedup: {max_ids_per_key: 3}\n"
    events = [event(n, "page.viewed", id=f"e-{n}") for n in range(5)]
    partials = run([*events, event(5, "page.viewed", id="e-0"), event(6, "page.viewed", id="e-4")], file)
    assert door(partials) == {"read": 7, "accepted": 6, "duplicate": 1, "evicted": 3}


def test_a_time_far_ahead_of_its_reception_is_clamped_to_it_and_counted() -> None:
    stage = JourneyStage(rules(), resident=True)
    effects = stage.process(log([event(31, "cart.updated", "c-1")], log_time=at(0)))
    near = stage.process(log([event(30, "cart.updated", "c-2")], start=1, log_time=at(0)))
    partials = effects.partials + near.partials + stage.finish().partials
    assert door(partials)["future"] == 1
    assert [partial.tick for partial in partials if partial.entered] == [at(0) // SECOND, at(30) // SECOND]


def test_one_clock_far_ahead_does_not_make_the_others_late() -> None:
    stage = JourneyStage(rules(), resident=True)
    ahead = log([event(290, "page.viewed", "c-9")], log_time=at(0))
    others = [
        record for n in range(20) for record in log([event(n, "page.viewed", f"c-{n}")], start=1 + n, log_time=at(n))
    ]
    partials = stage.process(ahead + others).partials + stage.finish().partials
    assert door(partials) == {"read": 21, "accepted": 21, "future": 1}


def test_what_cannot_be_read_is_a_dead_letter_with_its_bytes() -> None:
    stage = JourneyStage(rules(), resident=True)
    effects = stage.process(log([b"{nonsense", event(0, "cart.updated"), b'{"specversion":"1.0"}']))
    assert [(letter.sequence, letter.offset, letter.reason, letter.body) for letter in effects.dead_letters] == [
        (0, 0, "not_json", b"{nonsense"),
        (1, 2, "no_id", b'{"specversion":"1.0"}'),
    ]
    partials = effects.partials + stage.finish().partials
    assert door(partials) == {"read": 3, "accepted": 1, "invalid": 2}


def test_only_the_log_can_say_that_a_record_is_our_own() -> None:
    stage = JourneyStage(rules(), resident=True)
    forged = event(1000, "touchline.time.advanced", None)
    effects = stage.process(log([event(0, "cart.updated"), forged]))
    assert [letter.reason for letter in effects.dead_letters] == ["reserved_type"]
    assert stage.position.watermark == at(-2)


def test_merged_customers_continue_as_one() -> None:
    partials = run(
        [
            event(0, "cart.updated", "anon"),
            event(5, "customer.merged", "anon", into="c-1"),
            event(10, "checkout.started", "c-1"),
            event(12, "order.completed", "anon"),
        ]
    )
    assert steps(partials)["purchase/cart"] == {"entered": 1, "completed": 1}
    assert steps(partials)["purchase/paid"] == {"entered": 1, "completed": 1}


def test_of_two_instances_the_one_further_along_stays_and_the_other_is_merged() -> None:
    partials = run(
        [
            event(0, "cart.updated", "anon"),
            event(1, "cart.updated", "c-1"),
            event(2, "checkout.started", "c-1"),
            event(5, "customer.merged", "anon", into="c-1"),
            event(10, "order.completed", "c-1"),
        ]
    )
    assert steps(partials)["purchase/cart"] == {"entered": 2, "completed": 1, "merged": 1}
    assert steps(partials)["purchase/checkout"] == {"entered": 1, "completed": 1}


def test_a_merge_of_two_identified_customers_is_refused_unless_forced() -> None:
    people = [event(0, "customer.identified", "c-1"), event(1, "customer.identified", "c-2")]
    refused = JourneyStage(rules(), resident=True)
    effects = refused.process(log([*people, event(2, "customer.merged", "c-1", into="c-2"), event(9, "page.viewed")]))
    assert [letter.reason for letter in effects.dead_letters] == ["merge_both_identified"]
    forced = JourneyStage(rules(), resident=True)
    effects = forced.process(
        log([*people, event(2, "customer.merged", "c-1", into="c-2", force=True), event(9, "page.viewed")])
    )
    assert effects.dead_letters == []


def test_a_merge_that_leads_back_is_refused_and_one_that_repeats_is_harmless() -> None:
    stage = JourneyStage(rules(), resident=True)
    effects = stage.process(
        log(
            [
                event(0, "customer.merged", "a", into="b"),
                event(1, "customer.merged", "b", into="c"),
                event(2, "customer.merged", "a", into="c"),
                event(3, "customer.merged", "c", into="a"),
                event(9, "page.viewed"),
            ]
        )
    )
    assert [letter.reason for letter in effects.dead_letters] == ["merge_cycle"]


def test_a_copy_sent_under_the_old_id_is_still_a_duplicate_after_the_merge() -> None:
    partials = run(
        [
            event(0, "page.viewed", "anon", id="e-1"),
            event(5, "customer.merged", "anon", into="c-1"),
            event(6, "page.viewed", "anon", id="e-1"),
            event(7, "page.viewed", "c-1", id="e-1"),
        ]
    )
    assert door(partials) == {"read": 4, "accepted": 2, "duplicate": 2}


def test_at_the_end_of_input_events_come_before_timers_of_the_same_time() -> None:
    overdue = run([event(0, "cart.updated"), event(1800, "page.viewed", "c-2")], until=1800)
    assert steps(overdue)["purchase/cart"] == {"entered": 1, "abandoned": 1}
    completed = run([event(0, "cart.updated"), event(1800, "checkout.started")], until=1800)
    assert steps(completed)["purchase/cart"] == {"entered": 1, "completed": 1}


def test_ticks_are_declared_without_gaps_and_in_order() -> None:
    partials = run([event(0, "cart.updated"), event(5000, "page.viewed"), event(5000.5, "page.viewed", "c-2")])
    assert [partial.sequence for partial in partials] == list(range(len(partials)))
    for before, after in zip(partials, partials[1:], strict=False):
        assert after.first_tick == before.tick + 1
    assert partials[-1].tick == at(5000) // SECOND


def test_a_session_lasts_from_its_first_to_its_last_event_and_single_events_are_left_out() -> None:
    file = "version: 1\nsignals:\n  on_site: {on: page.viewed, as: session}\n"
    partials = run(
        [event(0, "page.viewed"), event(60, "page.viewed"), event(150, "page.viewed"), event(8000, "page.viewed")],
        file,
        until=99999,
    )
    measured = [m for partial in partials for m in partial.measured]
    assert [(m.signal, m.n, m.total) for m in measured] == [("on_site", 1, 150_000_000)]


def test_an_answer_without_a_score_does_not_count_in_n() -> None:
    partials = run(
        [
            event(0, "survey.answered", metric="csat", score=5),
            event(1, "survey.answered", metric="csat"),
            event(2, "survey.answered", metric="nps", score=3),
        ]
    )
    measured = [m for partial in partials for m in partial.measured if m.signal == "csat"]
    assert [(m.n, m.top) for m in measured] == [(1, 1)]


def test_other_rules_hold_from_the_record_that_activates_them() -> None:
    shorter = rules(SHOP.replace("30m", "10m").replace("segments: [channel, device]", "segments: [device]"))
    stage = JourneyStage(rules(), resident=True, rules_by_hash=lambda _: shorter)
    effects = stage.process(log([event(0, "cart.updated", device="mobile"), event(10, "page.viewed", "c-2")]))
    activation = event(11, "touchline.config.activated", None, hash=shorter.hash)
    own = log([activation], start=2)[0]
    own = type(own)(own.offset, own.log_time, own.body, True)
    after = stage.process([own, *log([event(20, "checkout.started"), event(21, "page.viewed", "c-2")], start=3)])
    partials = effects.partials + after.partials + stage.finish(at(700)).partials
    assert {partial.config for partial in partials} == {rules().hash, shorter.hash}
    assert steps(partials)["purchase/cart"] == {"entered": 1, "completed": 1}
    assert steps(partials)["purchase/checkout"] == {"entered": 1, "abandoned": 1}
    cells = [(e.step, e.cell) for partial in partials for e in partial.entered]
    assert cells == [("cart", ("unknown", "mobile")), ("checkout", ("mobile",))]


@pytest.mark.parametrize("gap", [MINUTE, DAY])
def test_customers_without_anything_pending_are_forgotten_in_time(gap: int) -> None:
    stage = JourneyStage(rules(), resident=True)
    stage.process(log([event(0, "page.viewed", "c-1")]))
    stage.process(
        log(
            [event(gap / SECOND, "page.viewed", "c-2"), event(gap / SECOND + 2.5 * 86400, "page.viewed", "c-3")],
            start=1,
        )
    )
    assert stage.find("c-1") is None


def test_an_input_of_nothing_but_garbage_is_still_counted() -> None:
    assert door(run([b"garbage", b"{}"])) == {"read": 2, "invalid": 2}


def test_numbers_no_sum_could_hold_are_not_counted_and_stop_nothing() -> None:
    file = SHOP.replace("  pages:", "  amount: {on: order.completed, value: amount}\n  pages:")
    amounts = (1e300, 1e14, -1e13, 2**70, 1e12, 1e12, 1e12, 1e12, 1e12, 1e12, 1e12, 1e12, 1e12, 1e12, 1e12, 7)
    partials = run([event(0, "order.completed", f"c-{n}", amount=amount) for n, amount in enumerate(amounts)], file)
    measured = [m for partial in partials for m in partial.measured]
    assert [(m.n, m.total) for m in measured] == [(12, 2**63 - 1)]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(partials), type=list[Partial]) == partials


def test_scores_are_counted_by_value_in_each_cell() -> None:
    answers = [
        event(n / 10, "survey.answered", f"c-{n}", metric="csat", score=score) for n, score in enumerate((5, 5, 2))
    ]
    (measured,) = [m for partial in run(answers) for m in partial.measured]
    assert measured.scores == {5_000_000: 2, 2_000_000: 1}


def test_signals_without_a_scale_count_no_scores() -> None:
    (measured,) = [m for partial in run([event(0, "page.viewed", score=3)]) for m in partial.measured]
    assert measured.scores == {}


def test_what_was_deployed_travels_with_the_tick_and_still_counts_as_an_event() -> None:
    (partial,) = run([event(0, "change.deployed", None, id="d-1", source="ci", service="checkout", files=["a"])])
    assert [(c.time, c.source, c.id, c.data) for c in partial.changes] == [
        (at(0), "ci", "d-1", {"service": "checkout"})
    ]
    assert partial.types == {"change.deployed": 1}


def test_a_change_may_be_a_step_and_a_signal_like_any_event() -> None:
    file = "version: 1\njourneys:\n  release: {steps: [{name: out, on: change.deployed}]}\n"
    partials = run([event(0, "change.deployed", "app")], file)
    assert steps(partials) == {"release/out": {"entered": 1, "completed": 1}}
    assert sum(len(partial.changes) for partial in partials) == 1


def snoozed(duration: str, id: str) -> Event:
    said = event(1, "alert.snoozed", "print-1", id=id, by="anna")
    assert said.data is not None
    said.data["for"] = duration
    return said


def test_what_to_do_with_an_alert_travels_by_time_and_fingerprint() -> None:
    said = [
        event(2, "alert.accepted", "print-2"),
        snoozed("2h", "e-2"),
        event(1, "alert.acknowledged", "print-1", by="anna"),
        snoozed("a while", "e-3"),
    ]
    partials = run(said)
    assert [(c.time, c.kind, c.fingerprint, c.by, c.duration) for partial in partials for c in partial.commands] == [
        (at(1), "alert.acknowledged", "print-1", "anna", 0),
        (at(1), "alert.snoozed", "print-1", "anna", 2 * 3600 * SECOND),
        (at(2), "alert.accepted", "print-2", "", 0),
    ]
    assert sum(partial.commands_left for partial in partials) == 1
    assert door(partials) == {"read": 4, "accepted": 4}


def test_a_word_about_an_alert_without_its_fingerprint_is_a_dead_letter() -> None:
    effects = JourneyStage(rules(), resident=True).process(log([event(0, "alert.acknowledged", None)]))
    assert [letter.reason for letter in effects.dead_letters] == ["no_subject"]


def test_a_word_about_an_alert_said_twice_is_a_duplicate() -> None:
    partials = run(
        [event(1, "alert.acknowledged", "print-1", id="e-1"), event(2, "alert.acknowledged", "print-1", id="e-1")]
    )
    assert [len(partial.commands) for partial in partials if partial.commands] == [1]


DESK = """
version: 1
calendars:
  desk: {open: {thu: [["00:00", "00:30"], ["01:00", "02:00"]], fri: ["00:00", "02:00"]}, closed: [2026-01-08]}
journeys:
  loan:
    steps:
      - {name: applied, on: loan.applied}
      - {name: checked, on: loan.checked, within: 10m, optional: true}
      - {name: decided, on: loan.decided, within: 40m, calendar: desk}
      - {name: paid, on: loan.paid, within: 40m}
"""


@pytest.mark.parametrize(
    ("applied", "decided", "outcome"),
    [
        (0, 70 * 60, "completed"),  # 30 minutes until it closes, ten more from one o'clock on
        (0, 70 * 60 + 0.001, "recovered"),
        (29 * 60, 99 * 60, "completed"),
        (29 * 60, 99 * 60 + 0.001, "recovered"),
        (45 * 60, 100 * 60, "completed"),  # applied for while it is closed
        (90 * 60, 24 * 3600 + 10 * 60, "completed"),  # half an hour today, ten minutes tomorrow
        (90 * 60, 24 * 3600 + 10 * 60 + 0.001, "recovered"),
        (80 * 60, 2 * 3600, "completed"),  # what runs out at closing time is over at closing time
        (80 * 60, 2 * 3600 + 0.001, "recovered"),
        # A week later it is closed on Thursday.
        (25.5 * 3600, 8 * 24 * 3600 + 10 * 60, "completed"),
        (25.5 * 3600, 8 * 24 * 3600 + 10 * 60 + 0.001, "recovered"),
    ],
)
def test_the_time_of_a_step_with_a_calendar_runs_in_opening_hours(applied: float, decided: float, outcome: str) -> None:
    events = [event(applied, "loan.applied"), event(decided, "loan.decided")]
    counts = steps(run(events, DESK))["loan/applied"]
    expected = {"completed": 1} if outcome == "completed" else {"abandoned": 1, "recovered": 1}
    assert counts == {"entered": 1, **expected}


def test_a_step_that_may_be_left_out_is_waited_for_by_the_hours_of_the_next_that_may_not() -> None:
    events = [event(0, "loan.applied"), event(69 * 60, "loan.checked"), event(100 * 60, "loan.decided")]
    assert steps(run(events, DESK))["loan/applied"] == {"entered": 1, "completed": 1}
    # What follows names no calendar: forty minutes are forty minutes.
    told = steps(run([*events, event(140 * 60, "loan.paid")], DESK))
    assert told["loan/decided"] == {"entered": 1, "completed": 1}
    late = steps(run([*events, event(140 * 60 + 1, "loan.paid")], DESK))
    assert late["loan/decided"] == {"entered": 1, "abandoned": 1, "recovered": 1}
