"""What a deployment and a word about an alert become."""

from __future__ import annotations

import msgspec
import pytest

from streams.notices import ACKNOWLEDGED, SNOOZED, change, command
from streams.units import HOUR


def test_a_change_keeps_the_plain_values_of_its_data_in_their_order() -> None:
    data = {"version": "2.4", "service": "checkout", "files": ["a"], "by": {"name": "x"}, "none": None, "canary": True}
    assert list(change(1, "ci", "d-1", data).data.items()) == [
        ("version", "2.4"),
        ("service", "checkout"),
        ("canary", True),
    ]


def test_a_change_carries_at_most_a_kibibyte() -> None:
    data = {"service": "checkout", "log": "x" * 2000, **{f"field_{n}": "y" * 90 for n in range(40)}}
    kept = change(1, "ci", "d-1", data).data
    assert "log" not in kept
    assert kept["service"] == "checkout"
    assert 900 < len(msgspec.json.encode(kept)) <= 1024 + 2


def test_a_number_too_large_for_64_bits_is_kept_as_a_float() -> None:
    assert change(1, "ci", "d-1", {"build": 10**30}).data == {"build": 1e30}


def test_a_snooze_says_for_how_long_and_by_whom() -> None:
    said = command(SNOOZED, 5, "abc", "console", "e-1", {"for": "2h", "by": "anna"})
    assert said is not None
    assert (said.kind, said.fingerprint, said.by, said.duration) == (SNOOZED, "abc", "anna", 2 * HOUR)


@pytest.mark.parametrize("data", [{}, {"for": "soon"}, {"for": 7200}])
def test_a_snooze_without_a_duration_cannot_be_obeyed(data: dict[str, object]) -> None:
    assert command(SNOOZED, 5, "abc", "console", "e-1", data) is None


def test_an_acknowledgement_needs_nothing_but_the_fingerprint() -> None:
    said = command(ACKNOWLEDGED, 5, "abc", "console", "e-1", {"by": 7})
    assert said is not None
    assert said.by == ""
    assert said.duration == 0
    assert command(ACKNOWLEDGED, 5, None, "console", "e-1", {}) is None


def test_a_snooze_of_no_time_ends_it() -> None:
    said = command(SNOOZED, 5, "abc", "console", "e-1", {"for": "0s"})
    assert said is not None
    assert said.duration == 0
