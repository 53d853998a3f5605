"""The waiting room: whatever comes, what waits is in order, and what has been applied never comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.journeys import NEVER
from streams.model import Record
from streams.rules import NOTHING
from streams.stages.waiting import Waiting, WaitingRoom


def waiting(time: int, offset: int) -> Waiting:
    return (
        time, 0, "shop", f"e-{offset}", offset,
        "c-1", "page.viewed", b"", NOTHING, None, None, None,
        Record(offset, None, b""), True, False,
    )  # fmt: skip


@given(times=st.lists(st.integers(0, 20), max_size=30), limit=st.integers(0, 21))
def test_events_earlier_than_a_limit_are_found_in_order(times: list[int], limit: int) -> None:
    room = WaitingRoom()
    for offset, time in enumerate(times):
        room.put(waiting(time, offset))
    assert [entry[0] for entry in room.before(limit)] == sorted(time for time in times if time < limit)
    assert room.next_time() == min(times, default=NEVER)


def test_what_has_been_applied_is_asked_for_no_more() -> None:
    room = WaitingRoom()
    for offset, time in enumerate((30, 10, 20)):
        room.put(waiting(time, offset))
    assert room.low(cursor=3) == 0
    room.front += len(room.before(11))
    assert room.next_time() == 20
    assert [entry[0] for entry in room.before(40)] == [20, 30]
    room.front += len(room.before(40))
    assert room.next_time() == NEVER
    assert room.low(cursor=3) == 3


def test_a_long_front_is_cut_off_and_nothing_that_waits_with_it() -> None:
    room = WaitingRoom()
    room.entries += [waiting(time, time) for time in range(2000)]
    room.front = 1500
    room.trim()
    assert (room.front, room.next_time(), len(room.entries)) == (0, 1500, 500)


def test_under_other_rules_only_what_still_waits_is_read_again() -> None:
    room = WaitingRoom()
    room.entries += [waiting(time, time) for time in range(3)]
    room.front = 1
    read = []

    def again(entry: Waiting) -> Waiting:
        read.append(entry[4])
        return waiting(entry[0], entry[4] + 10)

    room.reread(again)
    assert read == [1, 2]
    assert [entry[4] for entry in room.before(9)] == [11, 12]
