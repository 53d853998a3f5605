"""Rows about cases: made of decisions alone, they say what the customers' state says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.care.state import CLOSED, STATES
from streams.decisions import encode
from streams.effects import Decision
from streams.runtime import commit as commits
from streams.runtime.case_reader import CaseQuery, CaseView, Order
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.retention import Retention
from streams.runtime.service import BadCursor
from streams.runtime.store import cases as rows
from streams.runtime.store import schema
from streams.runtime.store.committing import write_commit
from streams.runtime.store.store import new_head
from streams.units import format_time
from tests.build import DAY, HOUR, START
from tests.streams.care.caring import Story
from tests.streams.care.test_cases_in_any_order import EVENTS, Events, told

FILE = """
cases:
  complaints: {on: complaint.received, owner: service, priority: 1}
  detractors: {on: survey.answered, where: {metric: nps, score: {lte: 6}}}
"""


def commit(decisions: Sequence[Decision], first: int = 0, **changes: Any) -> Commit:
    made = [NewDecision(one.id, one.type, one.time, one.subject, encode(one)) for one in decisions]
    return Commit(before=b"", head=b"", low=0, now=START, first_decision=first, decisions=made, **changes)


@contextmanager
def table(*portions: Sequence[Decision]) -> Iterator[sqlite3.Connection]:
    """The rows after these portions of decisions, each written with a commit."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(rows.TABLES)
    try:
        for decisions in portions:
            rows.write_cases(connection, commit(decisions))
        yield connection
    finally:
        connection.close()


def only(story: Story) -> CaseView:
    """The one case there is."""
    with table(story.decisions) as connection:
        (view,) = rows.cases_page(connection, CaseQuery(), 10, None).items
    assert isinstance(view, CaseView)
    return view


def test_a_case_is_a_row_from_its_opening_on() -> None:
    story = Story(FILE)
    story.say(1, "complaint.received")
    assert only(story) == CaseView(
        id=story.case.id,
        rule="complaints",
        customer="ann",
        state="assigned",
        owner="service",
        opened_at="2026-01-01T01:00:00.000Z",
        due_at="2026-01-03T01:00:00.000Z",
        changed_at="2026-01-01T01:00:00.000Z",
        warned=False,
        breached=False,
        informed=False,
        priority=1.0,
        worth=0.0,
        because=["shop/e1"],
    )


def test_a_row_says_what_was_reminded_of_until_the_case_is_opened_again() -> None:
    story = Story(FILE)
    story.say(0, "complaint.received")
    story.wait(30)
    assert (only(story).warned, only(story).breached) == (True, False)
    story.wait(50)
    assert (only(story).warned, only(story).breached) == (True, True)
    story.say(60, "case.communicated")
    assert only(story).informed
    story.say(70, "case.reopened")
    view = only(story)
    assert (view.warned, view.breached, view.informed) == (False, False, False)
    assert view.due_at == format_time(START + 118 * HOUR)


def test_a_row_says_how_the_case_ended_and_forgets_it_when_it_is_opened_again() -> None:
    story = Story(FILE)
    story.say(0, "complaint.received")
    story.say(1, "case.closed", cause="late", disposition="answered")
    assert (only(story).incomplete, only(story).cause, only(story).disposition) == (True, "late", "answered")
    story.say(2, "case.reopened")
    assert (only(story).incomplete, only(story).cause, only(story).disposition) == (False, None, None)
    story.say(3, "case.closed", cause="late", disposition="answered", communicated=True)
    assert (only(story).informed, only(story).incomplete, only(story).state) == (True, False, "closed")


@given(EVENTS, st.integers(0, 60))
def test_the_rows_say_what_the_customers_state_says_however_commits_are_cut(events: Events, cut: int) -> None:
    story = told(events)
    with table(story.decisions[:cut], story.decisions[cut:]) as connection:
        for case in story.care.cases:
            view = rows.case(connection, case.id)
            assert view is not None
            assert (view.rule, view.customer, view.owner) == (case.rule, "ann", case.owner)
            assert (view.state, view.incomplete) == (STATES[case.state], case.incomplete)
            assert (view.opened_at, view.due_at) == (format_time(case.opened), format_time(case.due))
            assert (view.cause, view.disposition) == (case.root_cause, case.disposition)
            assert (view.informed, view.worth) == (case.informed, case.worth)
        unclosed = rows.cases_page(connection, CaseQuery(open=True), 1000, None).items
        assert {view.id for view in unclosed} == {case.id for case in story.care.cases if case.state != CLOSED}


def test_a_case_reopened_after_its_row_was_let_go_is_a_row_again() -> None:
    story = Story(FILE)
    story.say(0, "complaint.received")
    story.say(1, "case.closed")
    story.say(2, "case.reopened")
    with table(story.decisions[-1:]) as connection:
        view = rows.case(connection, story.case.id)
    assert view is not None
    assert (view.state, view.opened_at) == ("assigned", "2026-01-01T00:00:00.000Z")


def many() -> list[Decision]:
    """Seven cases of as many customers, two of them closed."""
    decisions = []
    for at, (rule, owner, priority, worth) in enumerate(
        [
            ("low", "eve", 0, 5),
            ("low", "bob", 0, 5),
            ("low", "eve", 0, 50),
            ("high", "eve", 9, 1),
            ("high", "bob", 9, 1),
            ("high", None, 9, 7),
            ("low", "eve", 0, 0),
        ]
    ):
        data = {
            "rule": rule,
            "because": ["shop/e"],
            "case": f"case-{at}",
            "state": "open",
            "owner": owner,
            "opened_at": format_time(START + at // 2 * HOUR),
            "due_at": format_time(START + (10 - at) * HOUR),
            "priority": priority,
            "worth": worth,
        }
        decisions.append(Decision(f"d{at}", "touchline.case.opened", START + at // 2 * HOUR, f"c-{at}", data))
        if at in (2, 6):
            ended = data | {"state": "closed"}
            decisions.append(Decision(f"e{at}", "touchline.case.closed", START + at * HOUR, f"c-{at}", ended))
    return decisions


def test_the_oldest_open_case_of_each_rule_is_known_and_closed_ones_do_not_count() -> None:
    with table(many()) as connection:
        assert rows.oldest_cases(connection) == {"low": START, "high": START + HOUR}
        connection.execute("UPDATE cases SET state = 'closed' WHERE rule = 'low'")
        assert rows.oldest_cases(connection) == {"high": START + HOUR}


def listed(query: CaseQuery, limit: int = 100) -> list[int]:
    """Numbers of the cases, in the order of the list, read page by page."""
    with table(many()) as connection:
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = rows.cases_page(connection, query, limit, cursor)
            assert len(page.items) <= limit
            found += [view.id for view in page.items]
            cursor = page.next
            if cursor is None:
                return [int(name.removeprefix("case-")) for name in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (CaseQuery(), [6, 5, 4, 3, 2, 1, 0]),
        (CaseQuery(open=True), [5, 4, 3, 1, 0]),
        (CaseQuery(state="closed"), [6, 2]),
        (CaseQuery(owner="eve"), [6, 3, 2, 0]),
        (CaseQuery(owner="eve", open=True, rule="low"), [0]),
        (CaseQuery(customer="c-4"), [4]),
        (CaseQuery(since=START + 2 * HOUR), [6, 5, 4]),
        (CaseQuery(changed_before=START + 2 * HOUR), [3, 1, 0]),
        (CaseQuery(open=True, order="due"), [5, 4, 3, 1, 0]),
        (CaseQuery(order="urgent"), [5, 4, 3, 2, 1, 0, 6]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_lists_are_filtered_ordered_and_paged(query: CaseQuery, expected: list[int], limit: int) -> None:
    assert listed(query, limit) == expected


@pytest.mark.parametrize("order", ["newest", "due", "urgent"])
def test_a_cursor_that_no_page_handed_out_is_refused(order: Order) -> None:
    with table(many()) as connection, pytest.raises(BadCursor):
        rows.cases_page(connection, CaseQuery(order=order), 10, "nobody")


def test_rows_are_written_with_the_commit_and_go_with_the_decisions(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    schema.prepare(path)
    connection = schema.connect(path)
    story = Story(FILE)
    story.say(0, "complaint.received")
    head = new_head(None, "hash")
    first = commit(story.decisions, watermark=START)
    kept = Retention(decisions=2 * DAY)
    write_commit(connection, Commit(**{**_fields(first), "head": commits.encode(head)}), kept)
    assert rows.case(connection, story.case.id) is not None
    # Two days and a moment later by the events' own time nothing has happened to it.
    for late, there in ((2 * DAY, True), (2 * DAY + 1, False)):
        before = commits.encode(head)
        head = new_head(head, "hash")
        later = commit([], first=2, watermark=START + late)
        write_commit(connection, Commit(**{**_fields(later), "before": before, "head": commits.encode(head)}), kept)
        assert (rows.case(connection, story.case.id) is not None) == there
    connection.close()


def _fields(made: Commit) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__struct_fields__}
