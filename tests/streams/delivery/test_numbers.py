"""Numbers of a sender: copies are told from what comes late."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.numbers import WINDOW, Numbers


@given(st.lists(st.integers(0, WINDOW - 1), max_size=60))
def test_each_number_comes_for_the_first_time_once_in_whatever_order(order: list[int]) -> None:
    numbers, seen = Numbers(), set[int]()
    for number in order:
        assert numbers.take(number) is (number not in seen)
        seen.add(number)
        numbers = msgspec.msgpack.decode(msgspec.msgpack.encode(numbers), type=Numbers)


@given(st.lists(st.integers(0, 5 * WINDOW), max_size=60))
def test_what_rises_is_never_taken_for_a_copy_and_a_copy_never_for_new(order: list[int]) -> None:
    numbers, seen = Numbers(), set[int]()
    for number in order:
        risen = number > max(seen, default=-1)
        taken = numbers.take(number)
        assert taken or not risen
        assert not (taken and number in seen)
        seen.add(number)
    assert len(numbers.bits) <= WINDOW // 8


def test_what_is_far_below_the_highest_is_a_copy() -> None:
    numbers = Numbers()
    assert numbers.take(WINDOW)
    assert not numbers.take(0)
    assert numbers.take(1)
