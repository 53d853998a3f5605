"""What is learnt fades, waits and can be taken back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.series.slots import KEPT, SECONDS, Slots

HALF_LIFE = 96.0 * SECONDS
"""A day of slots."""


def learnt(*slots: int) -> Slots:
    known = Slots(HALF_LIFE, [0.0, 0.0])
    for slot in slots:
        known.learn(slot, [10.0, 900.0])
    return known


def test_what_was_learnt_a_half_life_ago_counts_half() -> None:
    assert learnt(0, 96).total == pytest.approx([15.0, 1350.0])


@given(st.lists(st.integers(0, 400), min_size=1, max_size=150, unique=True), st.data())
def test_after_an_alarm_it_is_as_if_nothing_had_been_learnt_since_the_change(
    slots: list[int], data: st.DataObject
) -> None:
    slots.sort()
    change = data.draw(st.sampled_from(slots))
    before = learnt(*[slot for slot in slots if slot < change])
    undone = learnt(*slots)
    undone.undo(change)
    faded = 0.5 ** ((slots[-1] - (before.last if before.last is not None else slots[-1])) * SECONDS / HALF_LIFE)
    assert undone.total == pytest.approx([total * faded for total in before.total], abs=1e-6)
    assert undone.recent == before.recent


def test_no_more_than_two_days_can_be_taken_back() -> None:
    known = learnt(*range(KEPT + 50))
    known.undo(0)
    assert known.total[0] > 0
    assert known.recent == []


def test_what_is_held_back_counts_only_when_it_is_released() -> None:
    known = learnt(0)
    known.hold(1, [99.0, 900.0])
    assert known.total[0] == 10.0
    assert known.release() == [(1, [99.0, 900.0])]
    assert known.held == []


def test_an_alarm_drops_what_is_held_back() -> None:
    known = learnt(0)
    known.hold(1, [99.0, 900.0])
    known.undo(1)
    assert known.release() == []


def test_a_new_normal_is_all_that_counts() -> None:
    known = learnt(0, 1, 2)
    known.replace(3, [4.0, 9000.0])
    known.undo(0)
    assert known.total == [4.0, 9000.0]
