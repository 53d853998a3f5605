"""Seen ids: found for certain for 24 h, unless the limits cut it."""

from __future__ import annotations

from streams import seen
from streams.customer import Customer

MINUTE = 60 * 1_000_000


def test_a_hash_is_found_only_where_one_begins() -> None:
    first, second = b"abcdefgh", b"ijklmnop"
    assert seen.contains(first + second, second)
    assert not seen.contains(first + second, b"efghijkl")
    assert seen.contains(first + second + b"efghijkl", b"efghijkl")


def test_a_copy_is_found_in_either_generation() -> None:
    customer = Customer(seen=b"abcdefgh", seen_before=b"ijklmnop")
    assert seen.is_duplicate(customer, b"abcdefgh")
    assert seen.is_duplicate(customer, b"ijklmnop")
    assert not seen.is_duplicate(customer, b"qrstuvwx")


def test_the_oldest_minute_falls_when_there_is_no_room() -> None:
    population = seen.Population(10)
    assert population.make_room(5 * MINUTE) == 0
    population.room -= 10
    assert population.make_room(6 * MINUTE) == 10
    assert population.floor == 6 * MINUTE
    assert population.room == 10


def test_an_open_minute_beyond_the_limit_asks_for_room_once_and_falls_when_it_is_over() -> None:
    population = seen.Population(10)
    population.make_room(5 * MINUTE)
    population.room -= 10
    assert population.make_room(5 * MINUTE + 1) == 0
    assert population.room > 10
    population.room -= 25
    assert population.counted() == {5: 35}
    assert population.make_room(6 * MINUTE) == 35
    assert population.counted() == {}
