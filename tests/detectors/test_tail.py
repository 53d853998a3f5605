"""How rare a number is among those before it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.tail import Tail


def learnt(numbers: list[float], memory: float = 1e6) -> Tail:
    tail = Tail(memory, 0.01, 1.5)
    for number in numbers:
        tail.add(number)
    return tail


def test_the_share_that_is_at_least_as_large_is_never_told_too_small() -> None:
    numbers = np.random.default_rng(1).exponential(1.0, 20_000).tolist()
    tail = learnt(numbers)
    for x in (0.1, 0.5, 1.0, 2.0, 3.0):
        share = sum(number >= x for number in numbers) / len(numbers)
        assert -math.log(share) - 0.1 - 0.09 * x <= tail.surprise(x) <= -math.log(share) + 0.01


def test_beyond_the_edge_an_exponential_is_continued() -> None:
    tail = learnt(np.random.default_rng(2).exponential(1.0, 100_000).tolist())
    assert tail.edge == pytest.approx(math.log(100), rel=0.1)
    for x in (6.0, 8.0, 10.0, 12.0):
        assert tail.surprise(x) == pytest.approx(x, rel=0.08)


def test_few_excesses_make_a_heavier_tail() -> None:
    chance = np.random.default_rng(3)
    many, few = learnt(chance.exponential(1.0, 50_000).tolist()), learnt(chance.exponential(1.0, 300).tolist())
    assert few.surprise(15.0) < 0.8 * many.surprise(15.0)


def test_nothing_is_rare_before_thirty_numbers() -> None:
    assert learnt([1.0] * 29).surprise(1e6) == 0.0
    assert learnt([1.0] * 31).surprise(1e6) > 3.0


def test_one_catastrophe_does_not_hide_the_next() -> None:
    numbers = np.random.default_rng(4).exponential(1.0, 5000).tolist()
    before, after = learnt(numbers), learnt([*numbers, 1e6])
    assert after.surprise(30.0) > 0.9 * before.surprise(30.0)


def test_it_follows_numbers_that_become_larger() -> None:
    tail = learnt(np.random.default_rng(5).exponential(1.0, 5000).tolist(), memory=500)
    then = tail.surprise(20.0)
    for number in np.random.default_rng(6).exponential(5.0, 5000).tolist():
        tail.add(number)
    assert tail.surprise(20.0) < 5.5 < then


def test_weights_that_grow_for_ever_change_nothing_when_they_are_scaled_back() -> None:
    tail = learnt([1.0, 2.0, 3.0] * 10_000, memory=100)
    assert tail.surprise(2.5) == pytest.approx(math.log(3), abs=0.2)
    assert 1 <= tail._weight <= 1e100


def test_a_copy_through_its_snapshot_is_the_same_and_garbage_is_refused() -> None:
    tail, copy = learnt(np.random.default_rng(7).exponential(1.0, 1000).tolist()), Tail(1e6, 0.01, 1.5)
    copy.restore(tail.snapshot())
    assert copy.snapshot() == tail.snapshot()
    for x in (0.0, 1.0, 5.0, 50.0):
        assert copy.surprise(x) == tail.surprise(x)
    for wrong in (b"", b"garbage", tail.snapshot()[:-3]):
        with pytest.raises(ValueError, match="tail|expected"):
            copy.restore(wrong)
