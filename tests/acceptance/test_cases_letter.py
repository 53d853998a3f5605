"""formats.md section 3, "Cases": states, clocks, closing, which case is meant – letter by letter, through replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import Outcome, event, replay

RULES = """
version: 1
cases:
  complaints: {on: complaint.received, owner: service}
  detractors: {on: survey.answered, where: {metric: nps, score: {lte: 6}}}
"""
END = {"cause": "late", "disposition": "resolved"}


def told(*steps: tuple[str, str] | tuple[str, str, dict[str, Any]], subject: str = "c") -> list[dict[str, Any]]:
    """(type, time, data) each, ids by number; times on the day unless they are full ones."""
    return [
        event(f"e{n}", type_, time, subject, data[0] if data else {}) for n, (type_, time, *data) in enumerate(steps)
    ]


def cases(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Verb, time of the day or full time, and state of every decision about a case."""
    found = []
    for one in outcome.decisions:
        if one["type"].startswith("touchline.case."):
            time = one["time"].removesuffix(".000Z").removeprefix("2026-03-02T")
            found.append((one["type"].removeprefix("touchline.case."), time, one["data"]["state"]))
    return found


def test_a_case_record_has_its_fields_in_the_order_of_the_table(tmp_path: Path) -> None:
    """In `data`, always `rule` and `because`; case …: `case state owner opened_at due_at`."""
    outcome = replay(tmp_path, RULES, told(("complaint.received", "10:00:00")))
    assert [one["type"] for one in outcome.decisions] == ["touchline.case.assigned", "touchline.case.opened"]
    for one, state in zip(outcome.decisions, ("assigned", "open"), strict=True):
        assert list(one) == ["specversion", "id", "source", "type", "time", "subject", "data"]
        assert (one["subject"], one["time"], one["source"]) == ("c", "2026-03-02T10:00:00.000Z", "touchline")
        assert list(one["data"]) == ["rule", "because", "case", "state", "owner", "opened_at", "due_at"]
        assert one["data"]["because"][0] == "shop/e0"
        assert (one["data"]["rule"], one["data"]["state"], one["data"]["owner"]) == ("complaints", state, "service")
        assert one["data"]["opened_at"] == "2026-03-02T10:00:00.000Z"
        assert one["data"]["due_at"] == "2026-03-04T10:00:00.000Z"
    assert {len(one["data"]["case"]) for one in outcome.decisions} == {26}


def test_without_contact_the_owner_is_warned_after_24_hours_and_the_case_breached_after_48(tmp_path: Path) -> None:
    events = told(("survey.answered", "10:00:00", {"metric": "nps", "score": 3}))
    outcome = replay(tmp_path, RULES, events, "--until", "2026-03-09T00:00:00Z")
    assert cases(outcome) == [
        ("opened", "10:00:00", "open"),
        ("warned", "2026-03-03T10:00:00", "open"),
        ("breached", "2026-03-04T10:00:00", "open"),
    ]


@pytest.mark.parametrize("kind", ["contacted", "resolved", "communicated", "closed"])
def test_warn_and_breach_stop_at_contacted_or_later(kind: str, tmp_path: Path) -> None:
    events = told(("complaint.received", "10:00:00"), (f"case.{kind}", "2026-03-03T09:00:00Z"))
    outcome = replay(tmp_path, RULES, events, "--until", "2026-03-09T00:00:00Z")
    assert [verb for verb, _, _ in cases(outcome)] == ["assigned", "opened", kind]


def test_a_case_moves_forward_only_and_may_skip_states(tmp_path: Path) -> None:
    """The same or an earlier one is `repeated`, no error."""
    events = told(
        ("complaint.received", "10:00:00"),
        ("case.resolved", "11:00:00"),
        ("case.contacted", "12:00:00"),
        ("case.resolved", "13:00:00"),
        ("case.communicated", "14:00:00"),
        ("case.closed", "15:00:00", END),
        ("case.closed", "16:00:00", {"case": "x"}),
    )
    outcome = replay(tmp_path, RULES, events)
    assert [verb for verb, _, _ in cases(outcome)] == ["assigned", "opened", "resolved", "communicated", "closed"]
    assert outcome.reasons == []
    assert outcome.events["accepted"] == len(events)


def test_reopened_goes_back_to_assigned_and_restarts_the_clocks(tmp_path: Path) -> None:
    events = told(
        ("complaint.received", "10:00:00"),
        ("case.closed", "11:00:00", END | {"communicated": True}),
        ("case.reopened", "2026-03-05T10:00:00Z"),
    )
    outcome = replay(tmp_path, RULES, events, "--until", "2026-03-09T00:00:00Z")
    assert cases(outcome)[2:] == [
        ("closed", "11:00:00", "closed"),
        ("reopened", "2026-03-05T10:00:00", "assigned"),
        ("warned", "2026-03-06T10:00:00", "assigned"),
        ("breached", "2026-03-07T10:00:00", "assigned"),
    ]


@pytest.mark.parametrize(
    ("earlier", "data", "complete"),
    [
        ([("case.communicated", "11:00:00")], END, True),
        ([], END | {"communicated": True}, True),
        ([], END, False),
        ([("case.communicated", "11:00:00")], {"cause": "late"}, False),
        ([("case.communicated", "11:00:00")], {"disposition": "resolved"}, False),
        ([("case.communicated", "11:00:00")], {"cause": "late", "disposition": "solved"}, False),
    ],
)
@pytest.mark.parametrize("closing", ["lenient", "strict"])
def test_closing_needs_a_cause_a_disposition_and_word_to_the_customer(
    closing: str, earlier: list[tuple[str, str]], data: dict[str, Any], complete: bool, tmp_path: Path
) -> None:
    """A foreign system's incomplete close is accepted, marked `incomplete`; `closing: strict` dead-letters it."""
    events = told(("complaint.received", "10:00:00"), *earlier, ("case.closed", "12:00:00", data))
    outcome = replay(tmp_path, f"{RULES}\nclosing: {closing}\n", events)
    ended = [one for one in outcome.decisions if one["type"] == "touchline.case.closed"]
    if closing == "strict" and not complete:
        assert ended == []
        assert outcome.reasons == ["case_incomplete"]
        assert (outcome.events["invalid"], outcome.events["accepted"]) == (1, len(events) - 1)
        return
    assert outcome.reasons == []
    assert [one["data"].get("incomplete", False) for one in ended] == [not complete]


@pytest.mark.parametrize("disposition", ["resolved", "acknowledged", "answered", "no_action_explained"])
def test_there_are_four_dispositions(disposition: str, tmp_path: Path) -> None:
    end = {"cause": "late", "disposition": disposition, "communicated": True}
    outcome = replay(
        tmp_path,
        RULES + "\nclosing: strict\n",
        told(("complaint.received", "10:00:00"), ("case.closed", "11:00:00", end)),
    )
    assert outcome.decisions[-1]["data"]["disposition"] == disposition
    assert outcome.decisions[-1]["data"]["cause"] == "late"


def test_with_several_open_cases_an_event_must_name_one(tmp_path: Path) -> None:
    """`data.case` names the case; without it the customer's one open case is meant; with several, dead letter."""
    events = told(
        ("case.opened", "10:00:00", {"case": "A"}),
        ("case.opened", "10:01:00", {"case": "B"}),
        ("case.contacted", "10:02:00"),
        ("case.contacted", "10:03:00", {"case": "B"}),
        ("case.closed", "10:04:00", {"case": "B"}),
        ("case.contacted", "10:05:00"),
    )
    outcome = replay(tmp_path, RULES, events)
    assert outcome.reasons == ["ambiguous_case"]
    moved = [(one["type"].rpartition(".")[2], one["data"]["case"]) for one in outcome.decisions]
    assert moved == [("opened", "A"), ("opened", "B"), ("contacted", "B"), ("closed", "B"), ("contacted", "A")]


def test_with_no_case_opened_opens_one_and_any_other_is_unattributed(tmp_path: Path) -> None:
    kinds = ("assigned", "contacted", "resolved", "communicated", "closed", "reopened")
    events = told(*((f"case.{kind}", f"10:0{n}:00") for n, kind in enumerate(kinds)), ("case.opened", "11:00:00"))
    outcome = replay(tmp_path, RULES, events)
    assert cases(outcome) == [("opened", "11:00:00", "open")]
    assert outcome.reasons == []
    assert outcome.decisions[0]["data"]["rule"] == "external"


def test_a_second_event_of_the_same_rule_joins_and_one_of_another_rule_does_not(tmp_path: Path) -> None:
    events = told(
        ("complaint.received", "10:00:00"),
        ("complaint.received", "10:01:00"),
        ("survey.answered", "10:02:00", {"metric": "nps", "score": 0}),
        ("complaint.received", "10:03:00"),
    )
    opened = [verb for verb, _, _ in cases(replay(tmp_path, RULES, events))].count("opened")
    assert opened == 2


def test_a_late_complaint_opens_its_case_when_it_takes_effect(tmp_path: Path) -> None:
    """Late takes effect at W: no decision or timer of it is earlier."""
    events = [
        *told(("page.viewed", "12:00:00"), subject="other"),
        event("late", "complaint.received", "10:00:00", "c", {}),
    ]
    outcome = replay(tmp_path, RULES, events, "--until", "2026-03-09T00:00:00Z")
    assert outcome.events["late"] == 1
    assert cases(outcome) == [
        ("assigned", "11:59:58", "assigned"),
        ("opened", "11:59:58", "open"),
        ("warned", "2026-03-03T11:59:58", "assigned"),
        ("breached", "2026-03-04T11:59:58", "assigned"),
    ]


def test_cases_and_their_clocks_move_with_a_merge(tmp_path: Path) -> None:
    """`customer.merged`: open instances, ledger, cases and timers move."""
    events = [
        *told(("complaint.received", "10:00:00"), subject="anonymous"),
        event("m", "customer.merged", "11:00:00", "anonymous", {"into": "ann"}),
        event("x", "case.contacted", "2026-03-03T12:00:00Z", "ann", {}),
    ]
    outcome = replay(tmp_path, RULES, events, "--until", "2026-03-09T00:00:00Z")
    subjects = [(one["type"].rpartition(".")[2], one["subject"]) for one in outcome.decisions]
    assert subjects == [
        ("assigned", "anonymous"),
        ("opened", "anonymous"),
        ("warned", "ann"),
        ("contacted", "ann"),
    ]
    assert len({one["data"]["case"] for one in outcome.decisions}) == 1


def test_every_run_writes_the_same_bytes_whatever_the_order_within_the_lateness(tmp_path: Path) -> None:
    events = told(
        ("complaint.received", "10:00:00"),
        ("case.contacted", "10:00:01"),
        ("case.closed", "10:00:02", END),
        ("case.reopened", "10:00:02"),
        ("survey.answered", "10:00:03", {"metric": "nps", "score": 1}),
    )
    events[3]["time"] = "2026-03-02T10:00:02.500Z"
    written: list[bytes] = []
    for order in (events, [events[n] for n in (1, 0, 2, 4, 3)], [events[n] for n in (0, 2, 1, 3, 4)]):
        folder = tmp_path / str(len(written))
        folder.mkdir()
        written.append(replay(folder, RULES, order, "--until", "2026-03-09T00:00:00Z").out)
    assert written[0] == written[1] == written[2]
    assert written[0].count(b"\n") >= 8
