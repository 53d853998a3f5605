"""Counts of the open tick survive a commit, older commits and other dimensions."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.effects import AlertCommand, ChangeSeen, Partial
from streams.tally import Tally


def changed(n: int) -> ChangeSeen:
    return ChangeSeen(n, "ci", f"d-{n}", {"version": n})


def close(tally: Tally) -> Partial:
    return tally.close(0, 0, 10, 10, "hash")


def filled() -> Tally:
    tally = Tally()
    tally.types["some.thing"] += 1
    for cell, score in ((("mobile", "kyiv"), 4), (("desktop", "kyiv"), 4), (("desktop", "lviv"), 5)):
        counts = tally.measure("csat", cell)
        counts[0] += 1
        counts[1] += score * 1_000_000
        counts[6][score * 1_000_000] = 1
    tally.change(changed(1))
    tally.command(AlertCommand(2, "alert.snoozed", "abc", "anna", 60_000_000, "console", "e-1"))
    tally.command(None)
    return tally


def test_a_snapshot_brings_everything_back() -> None:
    assert close(Tally.restore(filled().snapshot())) == close(filled())


def test_a_snapshot_of_before_scores_and_notices_still_restores() -> None:
    stored = msgspec.msgpack.decode(filled().snapshot())
    older = close(Tally.restore(msgspec.msgpack.encode(stored[:9])))
    now = close(filled())
    assert [one.n for one in older.measured] == [one.n for one in now.measured]
    assert not any(one.scores for one in older.measured)
    assert older.changes == ()
    assert older.types == now.types


def test_a_partial_of_before_scores_and_notices_still_decodes() -> None:
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(close(filled())))
    measured = [one[:9] for one in fields[9]]
    older = msgspec.convert([*fields[:9], measured, *fields[10:13]], Partial)
    now = close(filled())
    assert [one.total for one in older.measured] == [one.total for one in now.measured]
    assert older.measured[0].scores == {}
    assert older.changes == ()
    assert older.commands_left == 0


def test_cells_that_become_one_under_other_dimensions_add_up_their_scores() -> None:
    tally = filled()
    tally.reshape((1,))
    assert [(one.cell, one.scores) for one in close(tally).measured] == [
        (("kyiv",), {4_000_000: 2}),
        (("lviv",), {5_000_000: 1}),
    ]


def test_of_many_changes_in_a_tick_the_first_sixteen_are_kept_whatever_their_order() -> None:
    numbers = list(range(40))
    random.Random(7).shuffle(numbers)
    tally = Tally()
    for n in numbers:
        tally.change(changed(n))
    partial = close(tally)
    assert partial.changes == tuple(changed(n) for n in range(16))
    assert partial.changes_left == 24
    assert close(tally).changes == ()


def test_a_customer_who_is_forgotten_is_no_example_and_stays_counted() -> None:
    tally = Tally()
    for subject in ("anna", "ben"):
        tally.book("purchase", "cart").enter(("mobile",), 10, 0, subject)
    tally.forget({"anna"})
    closed = close(Tally.restore(tally.snapshot()))
    assert [one.subjects for one in closed.entrants] == [("ben",)]
    assert sum(one.count for one in closed.entered) == 2


@given(before=st.lists(st.integers(0, 50), max_size=3), times=st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_events_of_a_source_seen_at_once_are_seen_as_one_by_one(before: list[int], times: list[int]) -> None:
    once, each = Tally(), Tally()
    for time in before:
        once.see("shop", time)
        each.see("shop", time)
    first, *more = sorted(times)
    if once.see("shop", first) != "shop":
        return  # a later one is known: they are seen one by one
    for time in sorted(times):
        each.see("shop", time)
    if more:
        gaps = [after - time for time, after in zip([first, *more], more, strict=False)]
        once.see_more("shop", len(more), more[-1], max(gaps))
    assert close(once) == close(each)
    once.see("shop", 60)
    each.see("shop", 60)
    assert close(once) == close(each)


def test_a_source_beyond_those_told_apart_is_never_seen_at_once() -> None:
    tally = Tally()
    for number in range(1_000):
        assert tally.see(f"s-{number}", 1) == f"s-{number}"
    assert tally.see("one-too-many", 2) != "one-too-many"
