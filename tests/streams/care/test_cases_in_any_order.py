"""Whatever events come about a customer's cases: no step back, one reminder per opening, nothing lost in the store."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.care.state import CLOSED, MOST_CLOSED, STATES, Care, Case
from streams.decisions import encode
from tests.streams.care.caring import Story

FILE = """
calendars:
  office: {timezone: Europe/Kyiv, open: {mon: ["09:00", "18:00"], wed: ["09:00", "18:00"], thu: ["09:00", "18:00"]}}
journeys:
  bed: {owner: logistics, steps: [{name: ordered, on: order.completed}, {name: told, on: complaint.received}]}
cases:
  complaints: {on: complaint.received, contact: {warn: 5h, breach: 9h}, calendar: office}
  detractors: {on: survey.answered, where: {metric: nps, score: {lte: 6}}, owner: care}
  crm: {on: case.opened, where: {team: b2b}, contact: {warn: 1h, breach: 30h}}
"""
KINDS = [f"case.{name}" for name in ("opened", "assigned", "contacted", "resolved", "communicated", "closed")]
DATA = st.fixed_dictionaries(
    {},
    optional={
        "case": st.sampled_from(["A", "B", "C", 17, "", None]),
        "owner": st.sampled_from(["eve", "bob", 3]),
        "by": st.just("eve"),
        "team": st.just("b2b"),
        "rule": st.sampled_from(["crm", "complaints", "unknown"]),
        "cause": st.sampled_from(["late", ""]),
        "disposition": st.sampled_from(["resolved", "answered", "done"]),
        "communicated": st.booleans(),
        "metric": st.sampled_from(["nps", "csat", "own"]),
        "score": st.integers(1, 5),
    },
)
EVENTS = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.sampled_from([*KINDS, "case.reopened", "complaint.received", "survey.answered", "page.viewed"]),
        DATA,
    ),
    max_size=40,
)
Events = list[tuple[float, str, dict[str, Any]]]


def told(events: Events, file: str = FILE, *, stored: bool = False) -> Story:
    """The story of these events; `stored`: its state goes through the store after each of them."""
    story, now = Story(file), 0.0
    for passed, kind, data in events:
        now += passed
        story.say(now, kind, **data)
        if stored:
            story.care = msgspec.msgpack.decode(msgspec.msgpack.encode(story.care), type=Care)
    story.wait(now + 2000)
    return story


@given(EVENTS)
def test_a_case_never_moves_backwards_except_by_being_reopened(events: Events) -> None:
    states: dict[str, int] = {}
    for decision in told(events).decisions:
        case, state = decision.data["case"], STATES.index(decision.data["state"])
        verb = decision.type.removeprefix("touchline.case.")
        if verb == "reopened":
            assert state == STATES.index("assigned")
        elif verb in ("warned", "breached"):
            assert state == states[case] < STATES.index("contacted")
        else:
            assert state >= states.get(case, 0)
        states[case] = state


@given(EVENTS)
def test_each_opening_is_warned_of_once_and_breached_once_unless_someone_makes_contact(events: Events) -> None:
    pending: dict[str, set[str]] = {}
    for decision in told(events).decisions:
        case, verb = decision.data["case"], decision.type.removeprefix("touchline.case.")
        if verb in ("opened", "reopened"):
            pending[case] = {"warned", "breached"}
        elif verb in ("warned", "breached"):
            pending[case].remove(verb)
        elif decision.data["state"] not in ("open", "assigned"):
            pending[case].clear()
    assert all(not rest for rest in pending.values())


@given(EVENTS)
def test_a_state_that_went_through_the_store_goes_on_as_before(events: Events) -> None:
    kept, stored = told(events), told(events, stored=True)
    assert stored.care == kept.care
    assert [encode(one) for one in stored.decisions] == [encode(one) for one in kept.decisions]
    assert stored.counts == kept.counts


@given(EVENTS)
def test_each_decision_has_an_id_of_its_own(events: Events) -> None:
    ids = [decision.id for decision in told(events).decisions]
    assert len(ids) == len(set(ids))


@given(EVENTS)
def test_each_case_event_is_taken_repeated_unattributed_or_refused(events: Events) -> None:
    story = told(events)
    about = sum(kind.startswith("case.") for _, kind, _ in events)
    opening = {f"shop/e{at}" for at, (_, kind, _) in enumerate(events, start=1) if kind == "case.opened"}
    foreign = moved = 0
    for decision in story.decisions:
        verb = decision.type.removeprefix("touchline.case.")
        cause, *facts = decision.data["because"]
        if verb == "opened":
            foreign += cause in opening
        elif verb not in ("warned", "breached"):
            moved += not any(fact.startswith("routed=") for fact in facts)
    amounts = Counter[str]()
    for (what, _, _), amount in story.counts.items():
        amounts[what] += amount
    moved -= amounts["case_handed_over"]
    assert about == foreign + moved + amounts["case_repeated"] + amounts["case_unattributed"] + len(story.refused)


@given(EVENTS)
def test_under_strict_closing_no_case_ends_incomplete(events: Events) -> None:
    story = told(events, "closing: strict" + FILE)
    assert not any("incomplete" in decision.data for decision in story.decisions)
    for case in story.care.cases:
        assert case.state != CLOSED or (case.root_cause and case.disposition and case.informed)


@given(EVENTS)
def test_what_is_kept_is_bounded_and_at_rest(events: Events) -> None:
    story = told(events)
    cases: list[Case] = story.care.cases
    assert sum(case.state == CLOSED for case in cases) <= MOST_CLOSED
    assert len({case.id for case in cases}) == len(cases)
    assert [case.opened for case in cases] == sorted(case.opened for case in cases)
    assert story.cases.next_due(story.care) is None
    for metric in ("nps", "csat"):
        for name in ("detractor", "passive", "dissatisfied", "neutral", "satisfied"):
            assert story.count("followed", metric, name) <= story.count("answered", metric, name)
