"""YAML as this file reads it."""

from __future__ import annotations

from typing import Any

import pytest

from streams.config.faults import Faults
from streams.config.nodes import Node, read_yaml


def tree(text: str) -> Node:
    faults = Faults()
    root = read_yaml(text, faults)
    assert root is not None
    assert not faults.in_order()
    return root


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("21:00", "21:00"),
        ("2026-12-25", "2026-12-25"),
        ("12", 12),
        ("-3.5", -3.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("12345678901234567890123", "12345678901234567890123"),
    ],
)
def test_a_scalar_is_read_as_json_would(written: str, value: Any) -> None:
    read = tree(f"key: {written}\n").plain()["key"]
    assert read == value
    assert type(read) is type(value)


def test_on_is_a_key_like_any_other() -> None:
    assert tree("{on: call.ended, 1: a, true: b}").plain() == {"on": "call.ended", "1": "a", "true": "b"}


def test_lines_are_those_of_the_keys() -> None:
    root = tree("a:\n  b:\n    - c: 1\n    - d: 2\n")
    assert root.line_of(("a",)) == 1
    assert root.line_of(("a", "b")) == 2
    assert root.line_of(("a", "b", 1, "d")) == 4
    assert root.line_of(("a", "b", 1, "missing", "below")) == 4


def test_anchors_and_merges_are_filled_in() -> None:
    root = tree("base: &base {owner: care, on: a.b}\nrule:\n  <<: *base\n  on: c.d\nlist: [&x 1, *x]\n")
    assert root.plain()["rule"] == {"owner": "care", "on": "c.d"}
    assert root.plain()["list"] == [1, 1]


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    faults = Faults()
    read_yaml("\n".join(lines), faults)
    assert "more than 200,000 values" in faults.in_order()[0].message
