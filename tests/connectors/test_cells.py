"""Cells become JSON values without inventing numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.cells import text_of, value_of


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("-0", 0),
        ("10.0", 10.0),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        ("9223372036854775807", 9223372036854775807),
        ("", None),
        ("  ", None),
        ("007", "007"),
        ("+5", "+5"),
        (".5", ".5"),
        ("5.", "5."),
        ("1,5", "1,5"),
        ("1_000", "1_000"),
        (" 5", " 5"),
        ("5 ", "5 "),
        ("1e999", "1e999"),
        ("-1e999", "-1e999"),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("\u0665", "\u0665"),
        ("1\n", "1\n"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-", "-"),
        ("True", "True"),
        ("2026-01-01", "2026-01-01"),
    ],
)
def test_a_cell_is_a_number_only_where_json_has_one(cell: str, value: Any) -> None:
    found = value_of(cell)
    assert found == value
    assert type(found) is type(value)


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False))
def test_every_json_number_of_64_bits_is_read_as_itself(number: float) -> None:
    assert value_of(json.dumps(number)) == number


@given(st.text(max_size=12))
def test_what_is_a_number_is_one_for_json_too(cell: str) -> None:
    value = value_of(cell)
    if isinstance(value, int | float):
        assert json.loads(cell) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ("", None), (" ", None), (5, "5"), (5.0, "5"), (5.5, "5.5"), (True, "true"), (False, "false"),
     (None, None), ([1], None), ({}, None), (2**70, None)],
)  # fmt: skip
def test_a_json_scalar_as_text(value: Any, text: str | None) -> None:
    assert text_of(value) == text
