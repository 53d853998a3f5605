"""formats.md section 2, `where`: every operator against every kind of value, through a signal's n."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import event, replay

MISSING: Any = object()


def holds(folder: Path, condition: str, value: Any, name: str = "x") -> bool:
    """Whether one event whose data has `x: value` is counted by a signal with `where: {NAME: condition}`."""
    config = f"version: 1\nsignals: {{s: {{on: a.a, as: rate, where: {{{name}: {condition}}}}}}}\n"
    data = {} if value is MISSING else {"x": value}
    n: int = replay(folder, config, [event("1", "a.a", "10:00:00", data=data)]).signals["s"]["n"]
    return n == 1


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ("web", ["web"], ["Web", "web ", ["web"], MISSING, None]),
        ("5", [5, 5.0], ["5", 6, True, MISSING]),
        ("'5'", ["5"], [5, MISSING]),
        ("1", [1], [True]),
        ("true", [True], ["true", 1, False, MISSING]),
        ("false", [False], [0, MISSING, None, ""]),
        ("[a, b, 3]", ["a", "b", 3, 3.0], ["c", "3", MISSING, None]),
        ("{gt: 5}", [6, 5.1], [5, "6", True, MISSING, None]),
        ("{gte: 5}", [5, 6], [4.9, MISSING]),
        ("{lt: 5}", [4], [5, "4", MISSING, None, False]),
        ("{lte: 5}", [5, -1e300], [5.0001, MISSING]),
        ("{gt: 1, lte: 3}", [2, 3], [1, 4, MISSING]),
        ("{ne: a}", ["b", 1], ["a", MISSING, None]),
        ("{in: [a, 1]}", ["a", 1], ["b", "1", MISSING]),
        ("{not_in: [a, 1]}", ["b", "1"], ["a", 1, MISSING, None]),
        ("{exists: true}", ["", 0, False, [], {}], [MISSING, None]),
        ("{exists: false}", [MISSING, None], ["", 0, False]),
        ("{contains: ab}", ["xaby", "ab", ["ab", "c"]], ["a b", ["abc"], MISSING, 5]),
        ("{contains: 5}", [[1, 5]], ["5", ["5"], 5, MISSING]),
        ("{exists: false, ne: a}", [], [MISSING, "b", "a"]),
    ],
)
def test_a_condition_holds_for_exactly_these_values(
    tmp_path: Path, condition: str, yes: list[Any], no: list[Any]
) -> None:
    """A scalar = equal (text != number), a list = one of, an object = all of.

    A missing field matches only `exists: false`.
    """
    assert [value for value in yes if not holds(tmp_path, condition, value)] == []
    assert [value for value in no if holds(tmp_path, condition, value)] == []


def test_dots_descend(tmp_path: Path) -> None:
    """Keys are paths into `data` (dots descend)."""
    assert holds(tmp_path, "1", {"y": {"z": 1}}, "x.y.z")
    assert not holds(tmp_path, "1", {"y": 1}, "x.y.z")
    assert not holds(tmp_path, "1", [1], "x.y")


def test_all_must_hold(tmp_path: Path) -> None:
    """All must hold."""
    config = "version: 1\nsignals: {s: {on: a.a, as: rate, where: {x: 1, y: {gte: 2}, z: [a]}}}\n"
    events = [
        event("1", "a.a", "10:00:00", data={"x": 1, "y": 2, "z": "a"}),
        event("2", "a.a", "10:00:00", data={"x": 1, "y": 2}),
        event("3", "a.a", "10:00:00", data={"x": 1, "y": 1, "z": "a"}),
    ]
    assert replay(tmp_path, config, events).signals["s"]["n"] == 1


def test_trait_reads_the_customer(tmp_path: Path) -> None:
    """`trait.X` reads the customer; traits come from `customer.identified`."""
    config = "version: 1\nsignals: {s: {on: a.a, as: rate, where: {trait.tier: gold, trait.consent.email: true}}}\n"
    events = [
        event("0", "a.a", "10:00:00"),
        event("1", "customer.identified", "10:00:01", data={"tier": "gold", "consent": {"email": True}}),
        event("2", "a.a", "10:00:02"),
        event("3", "a.a", "10:00:02", "other", {"tier": "gold", "trait.tier": "gold"}),
        event("4", "customer.identified", "10:00:03", data={"tier": "silver"}),
        event("5", "a.a", "10:00:04"),
    ]
    assert replay(tmp_path, config, events).signals["s"]["n"] == 1


@pytest.mark.parametrize("number", ["1e308", "-1e308", "9007199254740993", str(10**30), "1e-320"])
def test_large_numbers_compare_and_never_stop_the_stream(tmp_path: Path, number: str) -> None:
    """Bad input never stops the stream."""
    config = "version: 1\nsignals: {s: {on: a.a, as: rate, where: {x: {gt: 0}}}}\n"
    body = json.dumps(event("1", "a.a", "10:00:00", data={"x": 0})).replace('"x": 0', f'"x": {number}')
    outcome = replay(tmp_path, config, body + "\n")
    assert outcome.events["read"] == 1
    assert outcome.signals["s"]["n"] == (0 if number.startswith("-") else 1)
