"""A tick closes when every partition has declared it, and partials come out by tick and partition."""

from __future__ import annotations

import pytest

from streams.effects import Partial
from streams.stages.closing import Closing, SequenceGap


def partial(partition: int, sequence: int, first: int, tick: int) -> Partial:
    return Partial(partition, sequence, first, tick, "hash")


def test_nothing_closes_before_all_partitions_have_spoken() -> None:
    closing = Closing(2)
    closing.take(partial(0, 0, 10, 20))
    assert closing.closed is None
    assert closing.held_back_by == [1]
    closing.take(partial(1, 0, 5, 15))
    assert closing.closed == 15
    assert closing.held_back_by == [1]
    closing.take(partial(1, 1, 16, 20))
    assert closing.held_back_by == []


def test_partials_of_a_tick_come_out_by_partition() -> None:
    closing = Closing(3)
    for partition in (2, 0, 1):
        closing.take(partial(partition, 0, 10, 10))
    assert closing.next_tick() == 10
    assert [found.partition for found in closing.pop(10)] == [0, 1, 2]
    assert closing.next_tick() is None


def test_a_repeat_changes_nothing() -> None:
    closing = Closing(1)
    assert closing.take(partial(0, 7, 10, 10))
    assert not closing.take(partial(0, 7, 10, 10))
    assert not closing.take(partial(0, 3, 1, 1))
    assert len(closing.waiting()) == 1
    assert closing.positions == {0: 8}


def test_a_gap_is_told_with_the_number_to_read_from() -> None:
    closing = Closing(1)
    closing.take(partial(0, 7, 10, 10))
    with pytest.raises(SequenceGap, match="partial 9 arrived, expected 8; read the partials again"):
        closing.take(partial(0, 9, 12, 12))
    assert closing.positions == {0: 8}


@pytest.mark.parametrize("first", [9, 10])
def test_a_tick_is_declared_once(first: int) -> None:
    closing = Closing(1)
    closing.take(partial(0, 0, 10, 10))
    with pytest.raises(ValueError, match="expected ascending ones after 10"):
        closing.take(partial(0, 1, first, 11))


def test_a_partition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="partial of partition 2: expected 0 to 1"):
        Closing(2).take(partial(2, 0, 1, 1))


def test_the_end_of_the_input_declares_everything() -> None:
    closing = Closing(2)
    closing.take(partial(0, 0, 10, 10))
    closing.declare(12)
    assert closing.closed == 12
