"""Cases: opened by rules and by other systems, moved forward, reminded of, closed, opened again."""

from __future__ import annotations

from typing import Any

import pytest

from streams.care.state import MOST_CLOSED, STATES
from tests.build import HOUR, START
from tests.streams.care.caring import Story

COMPLAINTS = """
cases:
  complaints: {on: complaint.received, owner: service}
"""
ANSWERS = """
cases:
  detractors: {on: survey.answered, where: {metric: nps, score: {lte: 6}}, owner: care, priority: 10}
  passives:
    on: survey.answered
    where: {metric: nps, score: {in: [7, 8]}}
    owner: success
    contact: {warn: 4d, breach: 5d}
  unhappy: {on: survey.answered, where: {metric: csat, score: {lte: 2}}, owner: care}
"""
END: dict[str, Any] = {"cause": "wrong part packed", "disposition": "resolved"}


def closed(story: Story, hours: float, **data: Any) -> None:
    story.say(hours, "case.closed", communicated=True, **END | data)


# Opening and routing


def test_a_complaint_opens_a_case_that_is_assigned_to_the_owner_of_its_rule_at_once() -> None:
    story = Story(COMPLAINTS)
    assert story.say(1, "complaint.received", text="the bed has no slats")
    opened, assigned = story.decisions
    assert opened.type == "touchline.case.opened"
    assert opened.subject == "ann"
    assert opened.time == START + HOUR
    assert list(opened.data.items()) == [
        ("rule", "complaints"),
        ("because", ["shop/e1"]),
        ("case", story.case.id),
        ("state", "open"),
        ("owner", "service"),
        ("opened_at", "2026-01-01T01:00:00.000Z"),
        ("due_at", "2026-01-03T01:00:00.000Z"),
    ]
    assert assigned.type == "touchline.case.assigned"
    assert assigned.time == opened.time
    assert assigned.data == opened.data | {"state": "assigned", "because": ["shop/e1", "routed=rule"]}
    assert story.state == "assigned"


def test_the_id_of_a_case_depends_on_what_opened_it_and_on_nothing_else() -> None:
    one, same, other = Story(COMPLAINTS), Story(COMPLAINTS), Story(COMPLAINTS)
    one.say(1, "complaint.received")
    same.say(1, "complaint.received", text="more words")
    other.say(2, "complaint.received")
    assert len(one.case.id) == 26
    assert one.case.id == same.case.id != other.case.id


def test_what_a_condition_read_is_given_as_the_reason() -> None:
    story = Story(ANSWERS)
    story.say(1, "survey.answered", metric="nps", score=3, text="never again")
    assert story.decisions[0].data["because"] == ["shop/e1", "metric=nps", "score=3"]


def test_an_event_that_does_not_meet_the_conditions_opens_nothing() -> None:
    story = Story(ANSWERS)
    assert not story.say(1, "survey.answered", metric="nps", score=9)
    assert story.care.cases == []
    assert story.decisions == []


def test_without_an_owner_in_the_rule_the_owner_of_the_touchpoints_journey_gets_the_case() -> None:
    story = Story("""
journeys:
  browsing: {steps: [{name: seen, on: page.viewed}, {name: paid, on: order.completed, within: 1d}]}
  delivery:
    owner: logistics
    steps:
      - {name: ordered, on: order.completed}
      - {name: delivered, on: order.delivered, where: {damaged: true}, within: 7d}
cases:
  damaged: {on: order.delivered}
""")
    story.say(1, "order.delivered", damaged=True)
    assert story.case.owner == "logistics"
    assert story.decisions[1].data["because"] == ["shop/e1", "routed=journey/delivery"]
    story.say(2, "case.closed")
    story.say(3, "order.delivered", damaged=False)
    assert story.care.cases[-1].owner is None


def test_a_case_that_nobody_owns_stays_open_and_is_counted_as_unrouted() -> None:
    story = Story("cases: {complaints: {on: complaint.received}}")
    story.say(1, "complaint.received", owner="not for the customer to say")
    assert story.told == ["opened"]
    assert story.decisions[0].data["owner"] is None
    assert story.state == "open"
    assert story.count("case_unrouted", "complaints") == 1


ROUTED = """
journeys:
  delivery: {owner: logistics, steps: [{name: delivered, on: order.delivered}]}
cases:
  damaged: {on: [order.delivered, complaint.received]}
  angry: {on: mention.posted, owner: press}
routing:
  routes:
    - {where: {trait.tier: gold}, owner: key_accounts}
    - {on: [complaint.received, mention.posted], where: {shop: [kyiv-1, kyiv-2]}, owner: kyiv}
  fallback: service
"""


@pytest.mark.parametrize(
    ("kind", "data", "traits", "owner", "by"),
    [
        ("complaint.received", {"shop": "kyiv-2"}, {"tier": "gold"}, "key_accounts", "route/1"),
        ("complaint.received", {"shop": "kyiv-2"}, {}, "kyiv", "route/2"),
        ("order.delivered", {"shop": "kyiv-2"}, {}, "logistics", "journey/delivery"),
        ("order.delivered", {}, {"tier": "gold"}, "key_accounts", "route/1"),
        ("complaint.received", {"shop": "lviv"}, {}, "service", "fallback"),
        ("mention.posted", {"shop": "kyiv-1"}, {"tier": "gold"}, "press", "rule"),
        ("case.opened", {"owner": "crm-7"}, {"tier": "gold"}, "crm-7", "event"),
        ("case.opened", {}, {}, "service", "fallback"),
    ],
)
def test_a_case_goes_to_the_first_who_is_known(
    kind: str, data: dict[str, Any], traits: dict[str, Any], owner: str, by: str
) -> None:
    story = Story(ROUTED, traits)
    story.say(1, kind, **data)
    assert story.told == ["opened", "assigned"]
    assert story.case.owner == owner
    assert story.state == "assigned"
    assert story.decisions[1].data["because"] == ["shop/e1", f"routed={by}"]
    assert story.count("case_unrouted", story.case.rule) == (by == "fallback")


def test_a_second_complaint_joins_the_open_case_and_opens_no_other() -> None:
    story = Story(COMPLAINTS)
    story.say(1, "complaint.received")
    assert story.say(2, "complaint.received")
    assert story.case.joined == 1
    assert story.told == ["opened", "assigned"]
    assert story.count("case_opened", "complaints") == story.count("case_joined", "complaints") == 1


def test_a_complaint_after_the_case_was_closed_opens_another() -> None:
    story = Story(COMPLAINTS)
    story.say(1, "complaint.received")
    closed(story, 2)
    story.say(3, "complaint.received")
    assert [STATES[case.state] for case in story.care.cases] == ["closed", "assigned"]
    assert len(story.cases.open(story.care)) == 1


def test_each_rule_that_matches_opens_a_case_of_its_own() -> None:
    story = Story(
        "cases: {complaints: {on: complaint.received}, safety: {on: complaint.received, where: {fire: true}}}"
    )
    story.say(1, "complaint.received", fire=True)
    assert [case.rule for case in story.care.cases] == ["complaints", "safety"]


@pytest.mark.parametrize(
    ("traits", "worth"),
    [
        ({"value": 1200, "risk": 0.5}, 600.0),
        ({"value": 1200}, 0.0),
        ({"value": "a lot", "risk": 0.5}, 0.0),
        ({"value": -3, "risk": -2}, 0.0),
        ({"value": True, "risk": 1}, 0.0),
    ],
)
def test_the_worth_of_a_case_is_value_times_risk_where_both_are_known(traits: dict[str, Any], worth: float) -> None:
    story = Story(ANSWERS, traits)
    story.say(1, "survey.answered", metric="nps", score=3)
    assert (story.case.priority, story.case.worth) == (10.0, worth)
    assert story.decisions[0].data["priority"] == 10.0
    assert story.decisions[0].data.get("worth", 0.0) == worth


# Clocks


def test_a_detractor_nobody_called_is_a_warning_after_24_hours_and_a_breach_after_48() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.wait(1000)
    assert story.times("warned", "breached") == [("warned", 24), ("breached", 48)]
    warned, breached = story.decisions[2:]
    assert warned.data["because"] == ["shop/e1", "waited=1d"]
    assert breached.data["because"] == ["shop/e1", "waited=2d"]
    assert (warned.data["state"], warned.data["owner"]) == ("assigned", "care")
    assert story.count("case_warned", "detractors") == story.count("case_breached", "detractors") == 1


def test_contact_after_23_hours_makes_neither_warning_nor_breach() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(23, "case.contacted")
    story.wait(1000)
    assert story.told == ["opened", "assigned", "contacted"]
    assert story.totals["case_contacted", "detractors", ""] == 23 * HOUR


def test_contact_at_the_very_deadline_is_in_time() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(24, "case.contacted")
    story.wait(1000)
    assert story.times("warned", "breached") == []


@pytest.mark.parametrize("kind", ["case.resolved", "case.communicated", "case.closed"])
def test_whatever_skips_the_contact_stops_the_clocks_too(kind: str) -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(1, kind)
    assert story.cases.next_due(story.care) is None


def test_being_assigned_does_not_stop_the_clocks() -> None:
    story = Story("cases: {complaints: {on: complaint.received}}")
    story.say(0, "complaint.received")
    story.say(1, "case.assigned", owner="eve")
    story.wait(100)
    assert story.times("assigned", "warned", "breached") == [("assigned", 1), ("warned", 24), ("breached", 48)]


def test_passives_have_a_rule_and_clocks_of_their_own() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=7)
    story.wait(1000)
    assert (story.case.rule, story.case.owner) == ("passives", "success")
    assert story.times("warned", "breached") == [("warned", 96), ("breached", 120)]


def test_a_case_opened_late_has_its_full_time_from_the_moment_it_is_known() -> None:
    story = Story(ANSWERS)
    story.say(10, "survey.answered", late_by=9, metric="nps", score=3)
    story.wait(1000)
    assert story.case.opened == START + 10 * HOUR
    assert story.times("warned", "breached") == [("warned", 34), ("breached", 58)]


def test_clocks_of_several_cases_run_out_in_the_order_of_time() -> None:
    story = Story("cases: {slow: {on: complaint.received, contact: {warn: 3h, breach: 9h}}, fast: {on: call.ended}}")
    story.say(0, "call.ended")
    story.say(16, "complaint.received")
    story.cases.fire(story.care, "ann", START + 100 * HOUR, story.out)
    assert [time for _, time in story.times("warned", "breached")] == [19, 24, 25, 48]


def test_business_hours_stretch_the_clocks_over_the_weekend() -> None:
    story = Story("""
calendars:
  office: {timezone: Europe/Kyiv, open: {mon: ["09:00", "18:00"], fri: ["09:00", "18:00"]}}
cases:
  complaints: {on: complaint.received, contact: {warn: 2h, breach: 4h}, calendar: office}
""")
    story.say(24 + 15, "complaint.received")  # Friday 2 January, 17:00 in Kyiv
    story.wait(1000)
    assert story.times("warned", "breached") == [("warned", 4 * 24 + 8), ("breached", 4 * 24 + 10)]


# Moving


def test_a_case_goes_forward_one_state_after_the_other() -> None:
    story = Story("cases: {complaints: {on: complaint.received}}")
    story.say(0, "complaint.received")
    for at, kind in enumerate(["assigned", "contacted", "resolved", "communicated"], start=1):
        story.say(at, f"case.{kind}", owner="eve", by="eve")
        assert story.state == kind
        assert story.decisions[-1].data["because"] == [f"shop/e{at + 1}", "by=eve"]
    story.say(5, "case.closed", **END)
    assert story.state == "closed"
    assert story.told == ["opened", "assigned", "contacted", "resolved", "communicated", "closed"]
    assert story.case.owner == "eve"
    assert not story.case.incomplete


def test_states_may_be_skipped() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.communicated")
    assert story.state == "communicated"
    assert story.count("case_contacted", "complaints") == 1


@pytest.mark.parametrize("kind", ["case.contacted", "case.assigned", "case.opened", "case.resolved"])
def test_the_same_state_or_an_earlier_one_is_repeated_and_decides_nothing(kind: str) -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.resolved")
    before = list(story.decisions)
    story.say(2, kind)
    assert story.decisions == before
    assert story.state == "resolved"
    assert story.count("case_repeated", "complaints", kind.removeprefix("case.")) == 1


def test_a_closed_case_stays_closed_whatever_comes() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    closed(story, 1)
    case = story.case.id
    for kind in ("case.opened", "case.assigned", "case.contacted", "case.closed"):
        story.say(2, kind, case=case, owner="eve")
    assert story.state == "closed"
    assert story.case.owner == "service"
    assert story.told[-1] == "closed"


def test_a_case_can_be_handed_to_another_owner_without_moving() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.contacted")
    story.say(2, "case.assigned", owner="eve", by="eve")
    assert (story.state, story.case.owner) == ("contacted", "eve")
    assert story.told[-1] == "assigned"
    assert story.decisions[-1].data["state"] == "contacted"
    assert story.count("case_handed_over", "complaints") == 1


# Which case is meant


def test_an_event_without_a_case_means_the_only_open_one() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    closed(story, 1)
    story.say(2, "complaint.received")
    story.say(3, "case.contacted")
    assert [STATES[case.state] for case in story.care.cases] == ["closed", "contacted"]


def test_with_several_open_cases_an_event_that_names_none_is_a_dead_letter() -> None:
    story = Story("cases: {complaints: {on: complaint.received}, calls: {on: call.ended}}")
    story.say(0, "complaint.received")
    story.say(1, "call.ended")
    for kind in ("case.opened", "case.contacted", "case.closed", "case.reopened"):
        story.say(2, kind)
    assert [reason for reason, _ in story.refused] == ["ambiguous_case"] * 4
    assert story.refused[0][1] == "data.case: expected, the customer has 2 open cases"
    story.say(3, "case.contacted", case=story.care.cases[1].id)
    assert [STATES[case.state] for case in story.care.cases] == ["open", "contacted"]


@pytest.mark.parametrize("kind", ["assigned", "contacted", "resolved", "communicated", "closed", "reopened"])
def test_an_event_about_no_case_is_unattributed(kind: str) -> None:
    story = Story(COMPLAINTS)
    assert not story.say(0, f"case.{kind}")
    story.say(0, f"case.{kind}", case="nobody knows it")
    assert story.count("case_unattributed", kind) == 2
    assert story.decisions == []


# Cases of other systems


def test_another_system_opens_a_case_with_its_own_id_and_owner() -> None:
    story = Story(COMPLAINTS)
    assert not story.say(0, "case.opened", case="CRM-17", owner="eve")
    assert (story.case.id, story.case.rule, story.case.owner) == ("CRM-17", "external", "eve")
    assert story.told == ["opened", "assigned"]
    assert story.decisions[0].data["rule"] == "external"
    story.wait(1000)
    assert story.times("warned", "breached") == [("warned", 24), ("breached", 48)]


def test_a_case_id_that_is_a_number_is_the_same_as_its_text() -> None:
    story = Story("")
    story.say(0, "case.opened", case=17)
    story.say(1, "case.contacted", case="17")
    assert story.state == "contacted"


def test_a_very_long_case_id_is_shortened_once_and_for_all() -> None:
    story = Story("")
    story.say(0, "case.opened", case="x" * 500)
    assert len(story.case.id) == 128
    story.say(1, "case.contacted", case=story.case.id)
    story.say(2, "case.resolved", case="x" * 500)
    assert story.state == "resolved"


def test_without_an_id_another_systems_case_gets_one_of_ours() -> None:
    story = Story("")
    story.say(0, "case.opened")
    assert len(story.case.id) == 26


def test_another_systems_case_takes_the_rule_it_names() -> None:
    story = Story(ANSWERS)
    story.say(0, "case.opened", case="CRM-17", rule="passives")
    assert (story.case.rule, story.case.owner) == ("passives", "success")
    story.wait(1000)
    assert story.times("warned", "breached") == [("warned", 96), ("breached", 120)]


def test_a_rule_on_opened_cases_gives_them_owner_and_clocks_and_opens_no_second_one() -> None:
    story = Story("cases: {crm: {on: case.opened, where: {team: b2b}, owner: desk, contact: {warn: 1h, breach: 2h}}}")
    story.say(0, "case.opened", case="CRM-17", team="b2b")
    assert (story.case.rule, story.case.owner) == ("crm", "desk")
    story.wait(10)
    assert story.times("warned", "breached") == [("warned", 1), ("breached", 2)]


def test_a_rule_may_be_on_what_happens_to_other_cases() -> None:
    story = Story("cases: {again: {on: case.reopened, owner: lead}}")
    story.say(0, "case.opened", case="CRM-17")
    story.say(1, "case.closed", case="CRM-17")
    assert story.say(2, "case.reopened", case="CRM-17")
    assert [(case.rule, STATES[case.state]) for case in story.care.cases] == [
        ("external", "assigned"),
        ("again", "assigned"),
    ]


def test_the_same_case_opened_twice_is_repeated() -> None:
    story = Story("")
    story.say(0, "case.opened", case="CRM-17")
    story.say(1, "case.opened", case="CRM-17")
    story.say(2, "case.opened")
    assert story.count("case_repeated", "external", "opened") == 2
    assert story.case.since == START


def test_two_cases_of_another_system_are_two() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "case.opened", case="CRM-17", rule="complaints")
    story.say(1, "case.opened", case="CRM-18", rule="complaints")
    assert [case.id for case in story.care.cases] == ["CRM-17", "CRM-18"]


# Closing


def test_a_complete_closing_says_cause_and_disposition() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    closed(story, 30)
    closing = story.decisions[-1]
    assert list(closing.data.items())[-2:] == [("cause", "wrong part packed"), ("disposition", "resolved")]
    assert closing.data["state"] == "closed"
    assert "incomplete" not in closing.data
    assert (story.case.root_cause, story.case.disposition) == ("wrong part packed", "resolved")
    assert story.count("case_closed", "complaints", "resolved") == 1
    assert story.count("case_incomplete", "complaints") == 0


INCOMPLETE = [
    {"cause": "late", "disposition": "resolved"},
    {"cause": "late", "communicated": True},
    {"disposition": "resolved", "communicated": True},
    {"cause": "late", "disposition": "done", "communicated": True},
    {"cause": "late", "disposition": ["resolved"], "communicated": True},
    {"cause": "", "disposition": "resolved", "communicated": True},
    {"cause": "late", "disposition": "resolved", "communicated": "yes"},
    {},
]


@pytest.mark.parametrize("data", INCOMPLETE)
def test_another_systems_incomplete_closing_is_accepted_marked_and_counted(data: dict[str, Any]) -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.closed", **data)
    assert story.state == "closed"
    assert story.decisions[-1].data["incomplete"] is True
    assert story.case.incomplete
    assert story.count("case_incomplete", "complaints") == 1


@pytest.mark.parametrize("data", INCOMPLETE)
def test_under_strict_closing_an_incomplete_one_is_a_dead_letter_and_changes_nothing(data: dict[str, Any]) -> None:
    story = Story("closing: strict" + COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.closed", **data)
    ((reason, message),) = story.refused
    assert reason == "case_incomplete"
    assert message.startswith("case.closed: expected ")
    assert story.state == "assigned"
    assert story.told == ["opened", "assigned"]


def test_strict_closing_names_what_is_missing() -> None:
    story = Story("closing: strict" + COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.closed", disposition="resolved")
    assert story.refused == [
        (
            "case_incomplete",
            "case.closed: expected data.cause and an earlier case.communicated or data.communicated: true",
        )
    ]


def test_strict_closing_takes_a_complete_one_a_repeated_one_and_one_about_no_case() -> None:
    story = Story("closing: strict" + COMPLAINTS)
    story.say(0, "case.closed")
    story.say(1, "complaint.received")
    story.say(2, "case.communicated")
    story.say(3, "case.closed", **END)
    story.say(4, "case.closed", case=story.case.id)
    assert story.refused == []
    assert story.told[-1] == "closed"
    assert story.count("case_repeated", "complaints", "closed") == 1


def test_word_to_the_customer_before_a_reopening_does_not_count_for_the_next_closing() -> None:
    story = Story("closing: strict" + COMPLAINTS)
    story.say(0, "complaint.received")
    closed(story, 1)
    story.say(2, "case.reopened")
    story.say(3, "case.closed", **END)
    assert [reason for reason, _ in story.refused] == ["case_incomplete"]


def test_the_latest_closed_cases_are_remembered_and_the_oldest_forgotten() -> None:
    story = Story("")
    for at in range(MOST_CLOSED + 4):
        story.say(at, "case.opened", case=f"CRM-{at}")
    for at in reversed(range(MOST_CLOSED + 3)):
        story.say(100 - at, "case.closed", case=f"CRM-{at}")
    assert [case.id for case in story.care.cases] == [
        *(f"CRM-{at}" for at in range(MOST_CLOSED)),
        f"CRM-{MOST_CLOSED + 3}",
    ]


# Reopening


def test_a_reopened_case_is_assigned_again_and_its_clocks_run_anew() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    closed(story, 30)
    story.say(40, "case.reopened", case=story.case.id, by="eve")
    assert story.state == "assigned"
    reopened = story.decisions[-1]
    assert (reopened.type, reopened.data["state"]) == ("touchline.case.reopened", "assigned")
    assert reopened.data["opened_at"] == "2026-01-01T00:00:00.000Z"
    assert reopened.data["due_at"] == "2026-01-04T16:00:00.000Z"
    story.wait(1000)
    assert story.times("warned", "breached") == [("warned", 24), ("warned", 64), ("breached", 88)]
    assert story.decisions[-1].data["because"] == ["shop/e1", "waited=2d"]


def test_reopening_without_a_name_means_the_case_closed_last() -> None:
    story = Story("")
    story.say(0, "case.opened", case="CRM-1")
    story.say(1, "case.opened", case="CRM-2")
    story.say(2, "case.closed", case="CRM-2")
    story.say(3, "case.closed", case="CRM-1")
    story.say(4, "case.reopened")
    assert [case.id for case in story.cases.open(story.care)] == ["CRM-1"]


def test_an_open_case_that_is_reopened_goes_back_to_assigned() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    story.say(1, "case.resolved")
    story.say(10, "case.reopened", owner="eve")
    assert (story.state, story.case.owner) == ("assigned", "eve")
    story.say(12, "case.contacted")
    assert story.totals["case_contacted", "complaints", ""] == 1 * HOUR + 2 * HOUR
    assert story.count("case_contacted", "complaints") == 2


def test_a_case_whose_rule_left_the_file_can_still_be_reopened() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received")
    closed(story, 1)
    care, story = story.care, Story("")
    story.care = care
    story.say(2, "case.reopened")
    assert story.decisions[-1].data["rule"] == "complaints"
    assert story.cases.next_due(care) == START + 26 * HOUR


# Answers


def test_a_case_notes_the_answer_that_opened_it() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    assert (story.case.answer, story.case.score) == ("nps/detractor", 3)


def test_a_case_that_no_answer_opened_notes_none() -> None:
    story = Story(COMPLAINTS)
    story.say(0, "complaint.received", metric="nps", score=3)
    assert (story.case.answer, story.case.score) == ("", None)


def test_every_answer_with_a_score_is_counted_by_class_and_those_followed_up_as_well() -> None:
    story = Story(ANSWERS)
    for score in (3, 7, 9, 10):
        story.say(0, "survey.answered", metric="nps", score=score)
    story.say(0, "survey.answered", metric="nps")
    story.say(0, "survey.answered", metric="taste", score=1)
    answered = {name: story.count("answered", "nps", name) for name in ("detractor", "passive", "promoter")}
    assert answered == {"detractor": 1, "passive": 1, "promoter": 2}
    assert sum(amount for (what, _, _), amount in story.counts.items() if what == "answered") == 4
    story.say(1, "case.contacted", case=story.care.cases[0].id)
    assert story.count("followed", "nps", "detractor") == 1
    assert story.count("followed", "nps", "passive") == 0


def test_an_answer_is_followed_up_once_however_often_its_case_is_opened_again() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(1, "case.contacted")
    story.say(2, "case.reopened")
    story.say(3, "case.contacted")
    assert story.count("followed", "nps", "detractor") == 1


def test_an_answer_that_joins_a_case_is_followed_up_with_it() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(1, "survey.answered", metric="nps", score=5)
    story.say(2, "case.contacted")
    assert story.count("answered", "nps", "detractor") == story.count("followed", "nps", "detractor") == 2


def test_an_answer_that_opens_two_cases_is_followed_up_once() -> None:
    story = Story("cases: {all: {on: survey.answered}, low: {on: survey.answered, where: {score: {lte: 2}}}}")
    story.say(0, "survey.answered", metric="csat", score=1)
    for case in list(story.care.cases):
        story.say(1, "case.contacted", case=case.id)
    assert story.count("followed", "csat", "dissatisfied") == 1


def test_a_case_closed_without_a_word_to_the_customer_was_no_follow_up() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(1, "case.closed", cause="spam", disposition="acknowledged")
    assert story.count("followed", "nps", "detractor") == 0
    assert story.count("case_contacted", "detractors") == 0


@pytest.mark.parametrize(("score", "recovered"), [(2, 0), (6, 0), (7, 1), (10, 1)])
def test_a_better_answer_after_the_case_was_closed_is_a_recovery(score: int, recovered: int) -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    closed(story, 20)
    story.say(900, "survey.answered", metric="csat", score=5)
    assert story.count("resurveyed", "csat", "detractors") == 0
    story.say(1000, "survey.answered", metric="nps", score=score)
    story.say(2000, "survey.answered", metric="nps", score=10)
    assert story.count("resurveyed", "nps", "detractors") == 1
    assert story.count("recovered", "nps", "detractors") == recovered


def test_an_answer_while_the_case_is_open_or_from_before_its_end_is_no_recovery() -> None:
    story = Story(ANSWERS)
    story.say(0, "survey.answered", metric="nps", score=3)
    story.say(10, "survey.answered", metric="nps", score=9)
    closed(story, 20)
    story.say(30, "survey.answered", late_by=15, metric="nps", score=9)
    assert story.count("resurveyed", "nps", "detractors") == 0


def test_a_file_without_cases_counts_no_answers() -> None:
    story = Story("")
    assert "survey.answered" not in story.cases.types()
    story.say(0, "survey.answered", metric="nps", score=3)
    assert not story.counts


def test_the_types_that_concern_cases_are_those_of_the_rules_and_all_case_events() -> None:
    own = {f"case.{name}" for name in ("opened", "assigned", "contacted", "resolved", "communicated", "closed")}
    own.add("case.reopened")
    assert Story("").cases.types() == own
    assert Story(COMPLAINTS).cases.types() == own | {"complaint.received", "survey.answered"}


DIRTY = """
timezone: UTC
calendars: {shop: {open: {thu: ["10:00", "12:00"], fri: ["10:00", "12:00"]}}}
cases:
  dirty: {on: complaint.received, exposure: {per_hour: 100, field: footfall, warn: 1000, breach: 6000}}
  open: {on: mention.posted, calendar: shop, exposure: {per_hour: 1000, breach: 3000}}
"""


def test_the_more_are_exposed_the_less_time_there_is() -> None:
    story = Story(DIRTY)
    story.say(10, "complaint.received", footfall=2000)
    assert story.decisions[0].data["exposed_per_hour"] == 2000
    story.wait(48)
    assert story.times("warned", "breached") == [("warned", 10.5), ("breached", 13)]
    assert story.decisions[-1].data["because"] == ["shop/e1", "waited=3h", "exposure=6000"]


@pytest.mark.parametrize(("stated", "breached"), [({}, 58), ({"footfall": "many"}, 58), ({"footfall": 0}, 58)])
def test_where_few_are_exposed_or_nobody_says_how_many_the_usual_clock_holds(
    stated: dict[str, Any], breached: int
) -> None:
    story = Story(DIRTY)
    story.say(10, "complaint.received", **stated)
    story.wait(100)
    assert story.times("breached") == [("breached", breached)]


def test_contact_ends_the_exposure_and_a_reopening_begins_it_anew() -> None:
    story = Story(DIRTY)
    story.say(10, "complaint.received", footfall=2000)
    story.say(10.25, "case.contacted")
    story.wait(20)
    assert story.times("warned", "breached") == []
    story.say(30, "case.reopened")
    story.wait(40)
    assert story.times("warned", "breached") == [("warned", 30.5), ("breached", 33)]


def test_nobody_is_exposed_while_it_is_closed() -> None:
    story = Story(DIRTY)
    story.say(11, "mention.posted")
    story.wait(100)
    # One hour on Thursday, two on Friday; the first of January was a Thursday.
    assert story.times("breached") == [("breached", 36)]
    assert story.decisions[-1].data["because"][-1] == "exposure=3000"
