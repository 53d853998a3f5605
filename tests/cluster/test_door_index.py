"""What a door makes of decisions: each once, cases where their decisions leave them, the newest first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.decisions import encode
from streams.effects import Decision
from streams.runtime.case_reader import CaseQuery
from streams.runtime.cluster import door_index
from streams.runtime.cluster.addresses import CASE, case_told, decode_case
from streams.runtime.cluster.door_index import DoorIndex
from streams.units import format_time
from tests.build import MINUTE, START

SOURCE = "events:0"


def about_case(verb: str, minute: int, state: str, case: str = "k-1", customer: str = "anna") -> Decision:
    data: dict[str, Any] = {
        "rule": "complaint",
        "because": ["shop/e-1"],
        "case": case,
        "state": state,
        "owner": "support",
        "opened_at": format_time(START),
        "due_at": format_time(START + 60 * MINUTE),
    }
    if verb == "opened":
        data |= {"priority": 2.0, "worth": 50.0}
    return Decision(f"{verb}-{case}-{minute}", f"{CASE}{verb}", START + minute * MINUTE, customer, data)


STORY = [
    about_case("opened", 0, "open"),
    about_case("assigned", 1, "assigned"),
    about_case("contacted", 5, "contacted"),
]


def body(decision: Decision) -> bytes:
    return encode(decision)


def feed(index: DoorIndex, decisions: list[Decision], first: int = 0) -> list[str]:
    """Ids that were new."""
    taken = [index.take(SOURCE, 0, number, body(one)) for number, one in enumerate(decisions, first)]
    return [one.id for one in taken if one is not None]


def test_a_decision_that_comes_twice_is_shown_once() -> None:
    index = DoorIndex()
    assert feed(index, STORY) == [one.id for one in STORY]
    assert feed(index, STORY[1:], 1) == []
    assert len(index.decisions(None, 100, None).items) == 3


def test_one_number_in_two_partitions_of_the_topic_is_two_decisions() -> None:
    index = DoorIndex()
    assert index.take(SOURCE, 0, 5, body(STORY[0])) is not None
    assert index.take(SOURCE, 1, 4, body(about_case("opened", 0, "open", "k-2", "ben"))) is not None


def test_lists_go_page_by_page_from_the_newest() -> None:
    index = DoorIndex()
    feed(index, STORY)
    first = index.decisions(None, 2, None)
    second = index.decisions(None, 2, first.next)
    told = [msgspec.json.decode(one)["type"].removeprefix(CASE) for one in [*first.items, *second.items]]
    assert (told, second.next) == (["contacted", "assigned", "opened"], None)
    assert [one.id for one in index.decisions_after(STORY[0].id, 10)] == [one.id for one in STORY[1:]]


def test_a_case_stands_where_its_latest_decision_leaves_it() -> None:
    index = DoorIndex()
    feed(index, STORY)
    found = index.case("k-1")
    assert found is not None
    assert (found.state, found.owner, found.priority, found.customer) == ("contacted", "support", 2.0, "anna")
    assert [one.id for one in index.cases(CaseQuery(open=True), 10, None).items] == ["k-1"]


def test_a_door_that_starts_anew_knows_cases_whose_decisions_have_gone_from_the_topic() -> None:
    index = DoorIndex()
    kept = dict(case_told(one, number) for number, one in enumerate(STORY))
    index.know(SOURCE, map(decode_case, kept.values()), len(STORY))
    found = index.case("k-1")
    assert found is not None
    assert (found.state, found.worth) == ("contacted", 50.0)


def test_decisions_the_list_contains_already_do_not_lead_a_case_back() -> None:
    index = DoorIndex()
    index.know(SOURCE, [decode_case(case_told(one, n)[1]) for n, one in enumerate(STORY)], len(STORY))
    feed(index, STORY[:2])
    found = index.case("k-1")
    assert found is not None
    assert found.state == "contacted"
    feed(index, [about_case("closed", 9, "closed")], 3)
    found = index.case("k-1")
    assert found is not None
    assert found.state == "closed"


def test_the_oldest_decisions_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_index, "MOST_DECISIONS", 5)
    monkeypatch.setattr(door_index, "_TRIM", 2)
    index = DoorIndex()
    feed(index, [about_case("opened", n, "open", f"k-{n}") for n in range(20)])
    shown = [msgspec.json.decode(one)["id"] for one in index.decisions(None, 100, None).items]
    assert 5 <= len(shown) <= 7
    assert shown[0] == "opened-k-19-19"


def test_dead_letters_are_held_until_they_are_in_the_log_again() -> None:
    index = DoorIndex()
    for _ in range(2):
        index.hold(7, 40, START, "no_id", "id: it is missing", b"{}")
    assert index.letters == 1
    index.mark(7)
    index.mark(7)
    assert index.letters == 0
    letter = index.dead_letter(7)
    assert letter is not None
    assert (letter.state, letter.offset, letter.body) == ("redriven", 40, b"{}")
