"""formats.md section 2 "Journeys": every sentence, through `touchline replay`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.replayed import Outcome, event, replay, walk

HEAD = "version: 1\njourneys:\n  j:\n"
STEPS = """
    steps:
      - {name: a, on: a.a}
      - {name: b, on: b.b, within: 30m}
      - {name: c, on: c.c, within: 30m}
      - {name: d, on: d.d, within: 30m}
"""
ABCD = HEAD + STEPS
BY = HEAD + "    by: order\n" + STEPS


def identities_hold(outcome: Outcome, journey: str = "j") -> None:
    steps = outcome.summary["journeys"][journey]["steps"]
    for counts in steps.values():
        assert counts["entered"] == counts["completed"] + counts["abandoned"] + counts["in_flight"] + counts["merged"]
        assert counts["recovered"] <= counts["abandoned"]
    goal = list(steps.values())[-1]
    assert goal["completed"] == goal["entered"]


def test_a_step_has_exactly_these_totals_in_this_order(tmp_path: Path) -> None:
    outcome = replay(tmp_path, ABCD, [])
    assert list(outcome.summary["journeys"]["j"]["steps"]) == ["a", "b", "c", "d"]
    assert list(outcome.summary["journeys"]["j"]["steps"]["a"].items()) == [
        ("entered", 0),
        ("completed", 0),
        ("abandoned", 0),
        ("recovered", 0),
        ("skipped", 0),
        ("repeated", 0),
        ("unattributed", 0),
        ("merged", 0),
        ("in_flight", 0),
    ]


def test_no_instance_and_the_first_step_is_a_new_instance(tmp_path: Path) -> None:
    """No instance: k = 0 -> new instance."""
    assert replay(tmp_path, ABCD, walk(("a.a", "10:00:00"))).step("a") == {"entered": 1, "in_flight": 1}


def test_no_instance_and_a_later_step_is_unattributed_and_starts_nothing(tmp_path: Path) -> None:
    """k > 0 -> `unattributed`, starts nothing."""
    outcome = replay(tmp_path, ABCD, walk(("b.b", "10:00:00"), ("c.c", "10:00:01"), ("d.d", "10:00:02")))
    assert [outcome.step(name) for name in "abcd"] == [{}, *[{"unattributed": 1}] * 3]


def test_start_any_lets_it_enter(tmp_path: Path) -> None:
    """`start: any` lets it enter."""
    outcome = replay(tmp_path, HEAD + "    start: any\n" + STEPS, walk(("c.c", "10:00:00"), ("d.d", "10:00:01")))
    assert outcome.step("b") == {}
    assert outcome.step("c") == {"entered": 1, "completed": 1}
    assert outcome.step("d") == {"entered": 1, "completed": 1}


def test_start_any_at_the_goal_enters_and_completes_it(tmp_path: Path) -> None:
    """At the goal `completed = entered`."""
    outcome = replay(tmp_path, HEAD + "    start: any\n" + STEPS, walk(("d.d", "10:00:00"), ("d.d", "10:00:01")))
    assert outcome.step("d") == {"entered": 2, "completed": 2}


@pytest.mark.parametrize(
    ("clock", "a"),
    [
        ("10:30:00", {"entered": 1, "completed": 1}),
        ("10:30:00.001", {"entered": 1, "abandoned": 1, "recovered": 1}),
    ],
)
def test_within_is_the_longest_time_and_its_end_is_in_time(tmp_path: Path, clock: str, a: dict[str, int]) -> None:
    """`within` on step k is the longest time from entering the previous one (<= is in time)."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("b.b", clock)))
    assert outcome.step("a") == a
    assert outcome.step("b") == {"entered": 1, "in_flight": 1}


def test_within_absent_is_thirty_days(tmp_path: Path) -> None:
    """Absent: 30 d."""
    config = HEAD + "    steps: [{name: a, on: a.a}, {name: b, on: b.b}]\n"
    at_last = walk(("a.a", "2026-03-01T00:00:00Z"), ("b.b", "2026-03-31T00:00:00Z"))
    assert replay(tmp_path, config, at_last).step("a") == {"entered": 1, "completed": 1}
    after = walk(("a.a", "2026-03-01T00:00:00Z"), ("b.b", "2026-03-31T00:00:00.001Z"))
    assert replay(tmp_path, config, after).step("a") == {"entered": 1, "abandoned": 1, "recovered": 1}


def test_each_non_optional_step_between_is_skipped(tmp_path: Path) -> None:
    """k > j in time -> `completed` (j), `entered` (k); each non-optional step between -> `skipped`."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("d.d", "10:00:01")))
    assert [outcome.step(name) for name in "abcd"] == [
        {"entered": 1, "completed": 1},
        {"skipped": 1},
        {"skipped": 1},
        {"entered": 1, "completed": 1},
    ]


def test_an_optional_step_between_is_not_skipped(tmp_path: Path) -> None:
    """Each non-optional step between -> `skipped`."""
    config = ABCD.replace("on: b.b,", "on: b.b, optional: true,")
    outcome = replay(tmp_path, config, walk(("a.a", "10:00:00"), ("d.d", "10:00:01")))
    assert [outcome.step(name) for name in "bc"] == [{}, {"skipped": 1}]


def test_after_the_deadline_it_is_recovered_and_the_steps_between_are_skipped(tmp_path: Path) -> None:
    """After the deadline -> `recovered` (j), `entered` (k); each non-optional step between -> `skipped`."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("c.c", "11:00:00")))
    assert [outcome.step(name) for name in "abc"] == [
        {"entered": 1, "abandoned": 1, "recovered": 1},
        {"skipped": 1},
        {"entered": 1, "in_flight": 1},
    ]
    identities_hold(outcome)


def test_a_step_that_was_entered_is_repeated_and_the_first_entry_stands(tmp_path: Path) -> None:
    """k <= j -> `repeated`, the first entry stands: the deadline still counts from 10:00."""
    outcome = replay(
        tmp_path,
        ABCD,
        walk(("a.a", "10:00:00"), ("a.a", "10:20:00"), ("b.b", "10:30:01"), ("a.a", "10:31:00"), ("b.b", "10:32:00")),
    )
    assert outcome.step("a") == {"entered": 1, "abandoned": 1, "recovered": 1, "repeated": 2}
    assert outcome.step("b") == {"entered": 1, "in_flight": 1, "repeated": 1}


def test_abandoned_and_the_first_step_is_a_new_instance(tmp_path: Path) -> None:
    """Abandoned at j and k = 0 -> new instance, the old one ends."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("a.a", "11:00:00"), ("b.b", "11:10:00")))
    assert outcome.step("a") == {"entered": 2, "completed": 1, "abandoned": 1}


def test_abandoned_and_an_earlier_later_step_is_repeated(tmp_path: Path) -> None:
    """k <= j -> `repeated` also when abandoned, unless k = 0."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("b.b", "10:01:00"), ("b.b", "11:00:00")))
    assert outcome.step("b") == {"entered": 1, "abandoned": 1, "repeated": 1}


def test_after_the_goal_a_new_instance_begins(tmp_path: Path) -> None:
    """No instance, or it reached its goal: k = 0 -> new instance; k > 0 -> `unattributed`."""
    whole = [("a.a", "10:00:00"), ("d.d", "10:00:01"), ("d.d", "10:00:02"), ("a.a", "10:00:03"), ("b.b", "10:00:04")]
    outcome = replay(tmp_path, ABCD, walk(*whole))
    assert outcome.step("a") == {"entered": 2, "completed": 2}
    assert outcome.step("d") == {"entered": 1, "completed": 1, "unattributed": 1}


def test_forgotten_after_keep(tmp_path: Path) -> None:
    """Lives until `keep` (7 d) after its abandonment; then it is forgotten: k > 0 -> `unattributed`."""
    abandoned_at = "2026-03-01T10:30:00Z"
    within = walk(("a.a", "2026-03-01T10:00:00Z"), ("b.b", "2026-03-08T10:29:59Z"))
    assert replay(tmp_path, ABCD, within).step("a") == {"entered": 1, "abandoned": 1, "recovered": 1}, abandoned_at
    beyond = walk(("a.a", "2026-03-01T10:00:00Z"), ("b.b", "2026-03-08T10:30:01Z"))
    outcome = replay(tmp_path, ABCD, beyond)
    assert outcome.step("a") == {"entered": 1, "abandoned": 1}
    assert outcome.step("b") == {"unattributed": 1}


def test_keep_is_the_files(tmp_path: Path) -> None:
    """`keep`."""
    config = HEAD + "    keep: 1h\n" + STEPS
    outcome = replay(tmp_path, config, walk(("a.a", "10:00:00"), ("b.b", "11:30:01")))
    assert outcome.step("b") == {"unattributed": 1}


def test_an_abandonment_is_counted_once_at_its_deadline(tmp_path: Path) -> None:
    """The deadline passing abandons it, once."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00")), "--until", "2026-03-20T00:00:00Z")
    assert outcome.step("a") == {"entered": 1, "abandoned": 1}


def test_timers_due_at_the_end_fire(tmp_path: Path) -> None:
    """At the end of input W becomes the later of the last event's time and `--until`, timers due <= W fire."""
    before = replay(tmp_path, ABCD, walk(("a.a", "10:00:00")), "--until", "2026-03-02T10:29:59.999Z")
    assert before.step("a") == {"entered": 1, "in_flight": 1}
    exactly = replay(tmp_path, ABCD, walk(("a.a", "10:00:00")), "--until", "2026-03-02T10:30:00Z")
    assert exactly.step("a") == {"entered": 1, "abandoned": 1}
    assert exactly.summary["until"] == "2026-03-02T10:30:00.000Z"


def test_events_come_before_timers_at_equal_times(tmp_path: Path) -> None:
    """Events before timers at equal times: the last event at the very deadline is in time."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("b.b", "10:30:00")))
    assert outcome.step("a") == {"entered": 1, "completed": 1}


def test_until_before_the_last_event_changes_nothing(tmp_path: Path) -> None:
    """The later of the last event's time and `--until`."""
    outcome = replay(tmp_path, ABCD, walk(("a.a", "10:00:00"), ("b.b", "10:10:00")), "--until", "2026-03-01T00:00:00Z")
    assert outcome.summary["until"] == "2026-03-02T10:10:00.000Z"


def test_before_an_optional_step_the_deadline_is_the_largest_within_up_to_the_next_one(tmp_path: Path) -> None:
    """Before an optional step the deadline is the largest `within` up to and including the next non-optional one."""
    config = (
        HEAD
        + """
    steps:
      - {name: a, on: a.a}
      - {name: b, on: b.b, within: 50m, optional: true}
      - {name: c, on: c.c, within: 30m}
      - {name: d, on: d.d, within: 24h}
"""
    )
    assert replay(tmp_path, config, walk(("a.a", "10:00:00"), ("c.c", "10:50:00"))).step("a")["completed"] == 1
    late = replay(tmp_path, config, walk(("a.a", "10:00:00"), ("c.c", "10:50:01")))
    assert late.step("a") == {"entered": 1, "abandoned": 1, "recovered": 1}


def test_by_keeps_one_instance_per_value(tmp_path: Path) -> None:
    """An instance belongs to (customer, `by` value as text)."""
    events = [
        event("1", "a.a", "10:00:00", data={"order": 17}),
        event("2", "a.a", "10:00:01", data={"order": "18"}),
        event("3", "b.b", "10:00:02", data={"order": "17"}),
        event("4", "a.a", "10:00:03", data={"order": 18}),
    ]
    outcome = replay(tmp_path, BY, events)
    assert outcome.step("a") == {"entered": 2, "completed": 1, "in_flight": 1, "repeated": 1}


def test_an_event_without_the_by_value_is_unattributed(tmp_path: Path) -> None:
    """An event without it is `unattributed`."""
    outcome = replay(tmp_path, BY, [event("1", "a.a", "10:00:00"), event("2", "b.b", "10:00:01", data={"order": None})])
    assert [outcome.step(name) for name in "ab"] == [{"unattributed": 1}] * 2


def test_a_by_value_whose_goal_was_reached_stays_closed_for_keep(tmp_path: Path) -> None:
    """A `by` value whose goal was reached stays closed for `keep`."""
    done = walk(("a.a", "2026-03-01T10:00:00Z"), ("d.d", "2026-03-01T10:01:00Z"), order=1)
    again = [*done, event("x", "a.a", "2026-03-08T10:01:00Z", data={"order": 1})]
    outcome = replay(tmp_path, BY, again)
    assert outcome.step("a") == {"entered": 1, "completed": 1, "repeated": 1}
    later = [*done, event("x", "a.a", "2026-03-08T10:01:01Z", data={"order": 1})]
    assert replay(tmp_path, BY, later).step("a") == {"entered": 2, "completed": 1, "in_flight": 1}


def test_an_event_may_serve_several_journeys(tmp_path: Path) -> None:
    """An event may serve several journeys; one customer in both at once, neither closes the other."""
    config = """
version: 1
journeys:
  signup: {steps: [{name: a, on: a.a}, {name: b, on: b.b, within: 1h}]}
  support: {steps: [{name: x, on: a.a}, {name: y, on: y.y, within: 1h}]}
"""
    outcome = replay(tmp_path, config, walk(("a.a", "10:00:00"), ("b.b", "10:00:01")))
    assert outcome.step("a", "signup") == {"entered": 1, "completed": 1}
    assert outcome.step("x", "support") == {"entered": 1, "in_flight": 1}


def test_the_first_step_that_moves_the_instance_forward_takes_the_event(tmp_path: Path) -> None:
    """In each, the first step that moves the instance forward."""
    config = (
        HEAD
        + """
    steps:
      - {name: one, on: page.viewed}
      - {name: two, on: page.viewed, within: 1h}
      - {name: three, on: page.viewed, within: 1h}
"""
    )
    outcome = replay(tmp_path, config, walk(*[("page.viewed", f"10:00:0{n}") for n in range(4)]))
    assert outcome.step("one") == {"entered": 2, "completed": 1, "in_flight": 1}
    assert outcome.step("two") == {"entered": 1, "completed": 1}
    assert outcome.step("three") == {"entered": 1, "completed": 1}


def test_a_step_takes_a_list_of_types_and_a_where(tmp_path: Path) -> None:
    """`on` is a type or a list of types; `where` on a step."""
    config = (
        HEAD
        + """
    steps:
      - {name: a, on: [a.a, x.x], where: {kind: good}}
      - {name: b, on: b.b, within: 1h}
"""
    )
    events = [
        event("1", "a.a", "10:00:00", "p", {"kind": "good"}),
        event("2", "x.x", "10:00:00", "q", {"kind": "good"}),
        event("3", "x.x", "10:00:00", "r", {"kind": "bad"}),
        event("4", "a.a", "10:00:00", "s"),
    ]
    assert replay(tmp_path, config, events).step("a") == {"entered": 2, "in_flight": 2}


def test_customers_do_not_share_an_instance_and_events_without_subject_have_none(tmp_path: Path) -> None:
    """An instance belongs to the customer."""
    events = [
        event("1", "a.a", "10:00:00", "p"),
        event("2", "b.b", "10:00:01", "q"),
        event("3", "a.a", "10:00:02", None),
    ]
    outcome = replay(tmp_path, ABCD, events)
    assert outcome.step("a") == {"entered": 1, "in_flight": 1}
    assert outcome.step("b") == {"unattributed": 1}


def test_a_late_event_that_was_in_time_is_recovered_when_the_abandonment_was_counted(tmp_path: Path) -> None:
    """An abandonment is not undone."""
    events = [
        event("1", "a.a", "10:00:00"),
        event("2", "a.a", "12:00:00", "d"),
        event("3", "b.b", "10:10:00"),
    ]
    outcome = replay(tmp_path, ABCD, events)
    assert outcome.step("a") == {"entered": 2, "abandoned": 1, "recovered": 1, "in_flight": 1}
    identities_hold(outcome)


def test_any_arrival_order_within_the_allowed_lateness_gives_the_same_result(tmp_path: Path) -> None:
    """Any arrival order within the allowed lateness (default 2 s) gives the same result."""
    events = walk(("a.a", "10:00:00"), ("b.b", "10:00:00.700"), ("c.c", "10:00:01.200"), ("d.d", "10:00:02"))
    (tmp_path / "x").mkdir()
    texts = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        summary = replay(tmp_path / "x", ABCD, [events[at] for at in order]).summary
        summary.pop("events_per_second")
        texts.append(summary)
    assert texts[0] == texts[1] == texts[2]
    assert texts[0]["journeys"]["j"]["steps"]["d"]["completed"] == 1


def test_one_customer_with_a_hundred_thousand_events(tmp_path: Path) -> None:
    """Nothing about one busy customer is special."""
    events = [event(str(n), "a.a", f"{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}") for n in range(86_400)]
    outcome = replay(tmp_path, ABCD, events)
    assert outcome.events["accepted"] == 86_400
    # every 30 min and one tick: abandoned, the next event begins anew
    assert outcome.step("a") == {"entered": 48, "abandoned": 47, "repeated": 86_352, "in_flight": 1}


@pytest.mark.parametrize("value", ["[1, 2]", '{"x": 1}', "true", "1.50", '""', '"' + "x" * 5000 + '"'])
def test_strange_by_values_never_stop_the_stream(tmp_path: Path, value: str) -> None:
    """Bad input never stops the stream and is never lost."""
    line = (
        '{"specversion":"1.0","id":"1","source":"s","type":"a.a","time":"2026-03-02T00:00:00Z","subject":"c",'
        f'"data":{{"order":{value}}}}}\n'
    )
    outcome = replay(tmp_path, BY, line)
    counts = outcome.step("a")
    assert counts.get("entered", 0) + counts.get("unattributed", 0) == 1


def test_long_by_values_that_differ_at_the_end_are_two(tmp_path: Path) -> None:
    """An instance belongs to (customer, `by` value as text): the whole of it."""
    long = "https://shop.example/orders/" + "x" * 300
    events = [event(str(n), "a.a", "10:00:00", data={"order": f"{long}{n}"}) for n in range(2)]
    assert replay(tmp_path, BY, events).step("a") == {"entered": 2, "in_flight": 2}
