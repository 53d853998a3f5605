"""Faults: their order, their paths, and the name that was probably meant."""

from __future__ import annotations

from streams.config.faults import Faults, nearest, shown_path, unknown


def test_a_path_reads_like_code() -> None:
    assert shown_path(("journeys", "buy", "steps", 1, "within")) == "journeys.buy.steps[1].within"
    assert shown_path(()) == ""


def test_faults_come_in_the_order_of_the_file_and_once() -> None:
    faults = Faults()
    faults.add(("b",), 2, "two")
    faults.add(("a",), 1, "one")
    faults.add(("b",), 2, "two")
    assert [fault.line for fault in faults.in_order()] == [1, 2]


def test_what_could_not_be_read_is_told_once() -> None:
    faults = Faults()
    faults.add_unreadable(("a",), 1, "refers to itself")
    faults.add(("a",), 1, "expected text, got nothing")
    assert [fault.message for fault in faults.in_order()] == ["refers to itself"]


def test_the_nearest_name_is_offered_whatever_its_case() -> None:
    assert nearest("witin", ["name", "within"]) == "within"
    assert nearest("WITHIN", ["name", "within"]) == "within"
    assert nearest("zzz", ["name", "within"]) is None


def test_without_a_near_name_all_are_listed() -> None:
    assert unknown("step", "zzz", ["cart", "paid"], of="buy") == "unknown step 'zzz' of 'buy'; known: cart, paid"
    assert unknown("signal", "zzz", []) == "unknown signal 'zzz'; the file has none"
