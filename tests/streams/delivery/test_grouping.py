"""Fire once until resolved: what a receiver is told of an alert, and what it is spared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.delivery.grouping import Book, Key, Told
from streams.delivery.message import Message
from streams.delivery.receivers import Abilities, Receiver, receivers_of
from tests.streams.delivery.messages import alert, decision

PAGER = Abilities(families=("alert", "case"), breaches=True, acknowledges=True)
"""One that calls people."""


def receivers(match: str, abilities: Abilities | None = None) -> dict[str, Receiver]:
    text = f'segments: [device]\nsubscriptions: [{{name: ops, match: {match}, to: "ndjson:x"}}]'
    return receivers_of(load_text(text).config, lambda kind: abilities or Abilities())


def heard(match: str, *messages: Message, abilities: Abilities | None = None) -> list[str]:
    """What of these, in order, the receiver is sent."""
    book, found = Book(), receivers(match, abilities)
    return [message.kind for message in messages if book.address(found, message)[0]]


def test_an_alert_fires_once_until_it_is_resolved() -> None:
    story = (alert(), alert("firing", size=0.6), alert("resolved"), alert("firing"))
    assert heard("{}", *story) == ["alert.firing", "alert.resolved", "alert.firing"]


def test_two_alerts_are_two() -> None:
    assert heard("{}", alert(), alert(fingerprint="f-2")) == ["alert.firing", "alert.firing"]


def test_an_update_goes_out_only_when_it_is_worse_than_what_was_told() -> None:
    story = (
        alert(severity="warning"),
        alert("updated", severity="warning"),
        alert("updated", severity="critical"),
        alert("updated", severity="warning"),
        alert("updated", severity="critical", size=0.7),
        alert("resolved", severity="warning"),
    )
    assert heard("{}", *story) == ["alert.firing", "alert.updated", "alert.resolved"]


def test_who_names_updates_gets_all_of_them() -> None:
    story = (alert(), alert("updated"), alert("updated", size=0.7), alert("resolved"))
    assert heard("{type: [alert, alert.updated]}", *story) == [message.kind for message in story]
    assert heard("{type: alert.updated}", *story) == ["alert.updated", "alert.updated"]


def test_an_alert_that_becomes_bad_enough_is_news_then_and_its_end_too() -> None:
    story = (
        alert(severity="info"),
        alert("updated", severity="critical"),
        alert("updated", severity="info"),
        alert("resolved", severity="info"),
    )
    assert heard("{severity: critical}", *story) == ["alert.updated", "alert.resolved"]


def test_a_snoozed_alert_is_quiet_until_the_snooze_is_over_or_the_alert_is() -> None:
    later, earlier = "2026-03-07T09:00:00.000Z", "2026-03-07T06:00:00.000Z"
    story = (alert(), alert("updated", severity="critical", snoozed_until=later))
    assert heard("{}", *story) == ["alert.firing"]
    over = alert("updated", severity="critical", snoozed_until=earlier)
    assert heard("{}", *story, over) == ["alert.firing", "alert.updated"]
    assert heard("{}", *story, alert("resolved", snoozed_until=later)) == ["alert.firing", "alert.resolved"]


def test_the_end_of_what_was_not_told_is_not_told() -> None:
    assert heard("{severity: critical}", alert(severity="info"), alert("resolved", severity="critical")) == []
    assert heard("{}", alert("rebaselined")) == []


def test_who_wants_only_ends_gets_every_end() -> None:
    assert heard("{type: alert.resolved}", alert(), alert("resolved"), alert("resolved", fingerprint="f-9")) == [
        "alert.resolved",
        "alert.resolved",
    ]


def test_who_wants_only_beginnings_gets_each_of_them() -> None:
    assert heard("{type: alert.firing}", alert(), alert("resolved"), alert()) == ["alert.firing", "alert.firing"]


def test_a_new_normal_is_an_end() -> None:
    assert heard("{}", alert(), alert("rebaselined"), alert()) == ["alert.firing", "alert.rebaselined", "alert.firing"]


def test_the_breach_of_a_signal_is_told_once_and_its_recovery_after_it() -> None:
    data: dict[str, Any] = {"signal": "csat", "segment": {}, "quantity": "value"}
    breached, recovered = decision("signal.breached", "csat", **data), decision("signal.recovered", "csat", **data)
    other = decision("signal.breached", "csat", **{**data, "quantity": "p90"})
    story = (recovered, breached, breached, other, recovered, breached)
    assert heard("{type: signal}", *story) == [
        "signal.breached",
        "signal.breached",
        "signal.recovered",
        "signal.breached",
    ]


@pytest.mark.parametrize("kind", ["case.opened", "feedback.requested", "promise.broken"])
def test_what_is_no_alert_always_goes_out(kind: str) -> None:
    assert heard(f"{{type: {kind}}}", *(decision(kind, case="k-1") for _ in range(2))) == [kind, kind]


def test_only_what_is_told_in_an_order_is_about_something() -> None:
    found = receivers("{type: [alert, case, feedback]}")
    told = {kind: Book().address(found, decision(kind, case="k-1", fingerprint="f-1"))[0][0].about for kind in KINDS}
    assert told == {"alert.firing": "alert/f-1", "case.opened": "case/k-1", "feedback.requested": ""}


KINDS = ("alert.firing", "case.opened", "feedback.requested")
STEPS = st.tuples(
    st.sampled_from(["firing", "updated", "resolved", "rebaselined"]),
    st.sampled_from(["f-1", "f-2"]),
    st.sampled_from(["info", "warning", "critical"]),
)


@given(st.lists(STEPS, max_size=30), st.sampled_from(["{}", "{severity: [warning, critical]}"]))
def test_whatever_happens_a_receiver_hears_of_each_alert_worse_and_worse_and_then_of_its_end(
    steps: list[tuple[str, str, str]], match: str
) -> None:
    book, found = Book(), receivers(match)
    worst: dict[str, int] = {}
    for kind, fingerprint, severity in steps:
        sent = bool(book.address(found, alert(kind, fingerprint, severity))[0])
        level = ("info", "warning", "critical").index(severity)
        if kind in ("resolved", "rebaselined"):
            assert sent == (fingerprint in worst)
            worst.pop(fingerprint, None)
        elif sent:
            assert level > worst.get(fingerprint, -1)
            worst[fingerprint] = level


@given(st.lists(STEPS, max_size=30), st.integers(0, 30))
def test_a_book_stored_and_read_again_goes_on_as_if_nothing_had_happened(
    steps: list[tuple[str, str, str]], cut: int
) -> None:
    found = receivers("{}")
    whole, first = Book(), Book()
    kept: dict[Key, Told] = {}
    expected = [whole.address(found, alert(*step))[0] for step in steps]
    told = []
    for step in steps[:cut]:
        leaving, changes = first.address(found, alert(*step))
        told.append(leaving)
        kept |= {key: value for key, value in changes.items() if value is not None}
        kept = {key: value for key, value in kept.items() if changes.get(key, value) is not None}
    second = Book(kept)
    told += [second.address(found, alert(*step))[0] for step in steps[cut:]]
    assert told == expected


def test_who_calls_people_hears_of_a_case_only_when_nobody_has_contacted_the_customer() -> None:
    kinds = ("opened", "assigned", "warned", "breached", "assigned", "contacted", "resolved", "communicated", "closed")
    story = [decision(f"case.{kind}", case="k-1") for kind in kinds]
    assert heard("{type: case}", *story, abilities=PAGER) == ["case.breached", "case.contacted"]
    assert heard("{type: case}", *story) == [f"case.{kind}" for kind in kinds]
    well = [message for message in story if message.kind != "case.breached"]
    assert heard("{type: [alert, case]}", *well, abilities=PAGER) == []


def test_a_case_that_is_breached_again_after_its_end_calls_again() -> None:
    story = [
        decision(f"case.{kind}", case="k-1") for kind in ("breached", "breached", "closed", "reopened", "breached")
    ]
    assert heard("{type: case}", *story, abilities=PAGER) == ["case.breached", "case.closed", "case.breached"]


def test_who_wants_acknowledgements_hears_of_one_once_even_of_a_snoozed_alert() -> None:
    seen = {"acknowledged_by": "olena", "snoozed_until": "2026-03-07T09:00:00.000Z"}
    story = (alert(), alert("updated"), alert("updated", **seen), alert("updated", size=0.7, **seen), alert("resolved"))
    assert heard("{}", *story, abilities=PAGER) == ["alert.firing", "alert.updated", "alert.resolved"]
    assert heard("{}", *story) == ["alert.firing", "alert.resolved"]
