"""The public form of a decision."""

from __future__ import annotations

import re

from streams.decisions import decision_id, encode, sort_key
from streams.effects import Decision

TIME = 1_772_866_800_000_000
"""2026-03-07T07:00:00Z"""


def decision(
    id_: str = "a", type_: str = "touchline.signal.breached", time: int = TIME, subject: str = "x"
) -> Decision:
    return Decision(id_, type_, time, subject, {"rule": "x", "because": []})


def test_a_decision_is_a_cloudevent_with_its_keys_in_the_order_of_the_format() -> None:
    assert encode(decision()) == (
        b'{"specversion":"1.0","id":"a","source":"touchline","type":"touchline.signal.breached",'
        b'"time":"2026-03-07T07:00:00.000Z","subject":"x","data":{"rule":"x","because":[]}}'
    )


def test_data_keeps_its_order_and_its_characters() -> None:
    made = Decision("a", "t", TIME, "київ", {"rule": "r", "because": ["тест"], "b": 1, "a": None})
    assert encode(made).decode().endswith('"subject":"київ","data":{"rule":"r","because":["тест"],"b":1,"a":null}}')


def test_an_id_is_26_characters_of_base32_and_the_same_on_every_run() -> None:
    made = decision_id("touchline.signal.breached", "csat", "csat", "1800000000", TIME)
    assert re.fullmatch("[a-z2-7]{26}", made)
    assert made == "mh56iubvljfgawydnw3titec6m"


def test_every_part_of_an_id_makes_it_another() -> None:
    ids = {
        decision_id("type", "rule", "subject", "cause", TIME),
        decision_id("other", "rule", "subject", "cause", TIME),
        decision_id("type", "other", "subject", "cause", TIME),
        decision_id("type", "rule", "other", "cause", TIME),
        decision_id("type", "rule", "subject", "other", TIME),
        decision_id("type", "rule", "subject", "cause", TIME + 1),
        decision_id("typer", "ule", "subject", "cause", TIME),
    }
    assert len(ids) == 7


def test_decisions_are_ordered_by_time_as_shown_then_type_subject_and_id() -> None:
    ordered = [
        decision(time=TIME - 1000),
        decision("b", time=TIME + 999),
        decision("c", time=TIME),
        decision("a", subject="y"),
        decision("a", "touchline.signal.recovered"),
    ]
    shuffled = [ordered[at] for at in (3, 0, 4, 2, 1)]
    assert sorted(shuffled, key=sort_key) == ordered
