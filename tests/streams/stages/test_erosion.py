"""Conversions that creep down over weeks."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from streams.stages.erosion import Erosion

DAY = 86_400
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
WITHIN = 2 * DAY


def lived(seed: int, shares: list[float], entered: int = 800, scatter: float = 0.0) -> Erosion:
    """Weeks of a step, each with the part that goes on; `scatter`: standard deviation of that from day to day."""
    chance, erosion = np.random.default_rng(seed), Erosion(WITHIN)
    for week, share in enumerate(shares):
        for day in range(7):
            second = MONDAY + (7 * week + day) * DAY + 3600
            erosion.enter(second, entered)
            part = min(max(share + scatter * chance.standard_normal(), 0.0), 1.0)
            erosion.leave(second, int(chance.binomial(entered, part)), 0)
    return erosion


def closed(weeks: int, days: int = 3) -> int:
    """The tick some days after so many weeks."""
    return MONDAY + (7 * weeks + days) * DAY


def test_what_falls_a_little_each_week_is_noted_after_five() -> None:
    erosion = lived(1, [0.60, 0.59, 0.575, 0.565, 0.55])
    assert erosion.note(closed(5)) == (
        "slowly down: of those who entered in the week from 2026-02-02 54.7 % went on, four weeks before 60.8 %"
    )


def test_nothing_is_said_of_customers_who_have_not_had_their_time() -> None:
    erosion = lived(1, [0.60, 0.59, 0.575, 0.565, 0.55])
    # Whoever entered on Sunday has until Tuesday, and a minute.
    assert erosion.note(MONDAY + (7 * 5 + 2) * DAY + 58) == ""
    assert erosion.note(MONDAY + (7 * 5 + 2) * DAY + 59) != ""


def test_it_is_said_for_a_week_and_then_looked_at_again() -> None:
    erosion = lived(1, [0.60, 0.59, 0.575, 0.565, 0.55, 0.59])
    assert erosion.note(closed(5, 8)) != ""
    assert erosion.note(closed(6, 3)) == ""


def test_what_rises_or_stays_is_not_noted() -> None:
    assert lived(2, [0.5, 0.5, 0.5, 0.5, 0.6]).note(closed(5)) == ""
    assert lived(3, [0.5] * 5).note(closed(5)) == ""


def test_a_fall_that_days_differ_by_anyway_is_not_noted() -> None:
    calm, wild = lived(4, [0.6, 0.6, 0.6, 0.6, 0.54]), lived(4, [0.6, 0.6, 0.6, 0.6, 0.54], scatter=0.15)
    assert calm.note(closed(5)) != ""
    assert wild.note(closed(5)) == ""


@pytest.mark.parametrize("scatter", [0.0, 0.1])
def test_where_nothing_changes_it_is_said_in_about_one_week_of_a_hundred(scatter: float) -> None:
    said = sum(bool(lived(seed, [0.5, 0, 0, 0, 0.5], 200, scatter).note(closed(5))) for seed in range(600))
    assert said <= 18


def test_few_customers_say_nothing() -> None:
    assert lived(5, [0.9, 0.9, 0.9, 0.9, 0.1], entered=3).note(closed(5)) == ""
    assert Erosion(60).note(MONDAY) == ""


def test_who_turns_out_to_be_somebody_else_does_not_count() -> None:
    erosion, plain = lived(6, [0.6, 0.6, 0.6, 0.6, 0.55]), lived(6, [0.6, 0.6, 0.6, 0.6, 0.55])
    for day in range(28, 35):
        erosion.enter(MONDAY + day * DAY, 500)
        erosion.leave(MONDAY + day * DAY, 0, 500)
    assert erosion.note(closed(5)) == plain.note(closed(5)) != ""


def test_what_is_stored_says_the_same_and_what_is_old_is_forgotten() -> None:
    erosion, again = lived(7, [0.6] * 30 + [0.5]), Erosion(WITHIN)
    again.load(erosion.dump())
    assert again.note(closed(31)) == erosion.note(closed(31)) != ""
    assert len(erosion.dump()) < 1000
    assert not again.dirty
