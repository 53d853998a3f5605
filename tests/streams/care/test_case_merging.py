"""Cases of two customers who turn out to be one: none is lost, none is there twice."""

from __future__ import annotations

from streams.care.case_merging import merged
from streams.care.state import MOST_CLOSED, STATES
from tests.streams.care.caring import Story

FILE = "cases: {complaints: {on: complaint.received}}"


def test_all_cases_stay_in_order_of_opening() -> None:
    one, other = Story(FILE), Story(FILE)
    one.say(0, "case.opened", case="A")
    one.say(4, "case.opened", case="C")
    other.say(2, "case.opened", case="B")
    assert [case.id for case in merged([*one.care.cases, *other.care.cases])] == ["A", "B", "C"]


def test_two_open_cases_of_one_rule_stay_two() -> None:
    one, other = Story(FILE), Story(FILE)
    one.say(0, "complaint.received")
    other.say(2, "complaint.received")
    assert len(merged([*one.care.cases, *other.care.cases])) == 2


def test_of_a_case_that_both_had_the_one_further_along_stays() -> None:
    one, other = Story(FILE), Story(FILE)
    for story in (one, other):
        story.say(0, "case.opened", case="CRM-17")
    one.say(2, "case.resolved")
    other.say(3, "case.contacted")
    for pair in ([*one.care.cases, *other.care.cases], [*other.care.cases, *one.care.cases]):
        assert [STATES[case.state] for case in merged(pair)] == ["resolved"]


def test_a_reopening_is_further_along_than_what_was_before_it() -> None:
    one, other = Story(FILE), Story(FILE)
    for story in (one, other):
        story.say(0, "case.opened", case="CRM-17")
    one.say(2, "case.closed")
    other.say(3, "case.closed")
    other.say(4, "case.reopened")
    assert [STATES[case.state] for case in merged([*one.care.cases, *other.care.cases])] == ["assigned"]


def test_of_the_closed_ones_of_both_the_latest_are_remembered() -> None:
    one, other = Story(FILE), Story(FILE)
    for at in range(MOST_CLOSED):
        for offset, story in ((0, one), (1, other)):
            story.say(2 * at + offset, "case.opened", case=f"{2 * at + offset}")
            story.say(2 * at + offset, "case.closed", case=f"{2 * at + offset}")
    kept = merged([*one.care.cases, *other.care.cases])
    assert [case.id for case in kept] == [str(at) for at in range(MOST_CLOSED, 2 * MOST_CLOSED)]
