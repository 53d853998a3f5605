"""The seconds in which the time of a step runs."""

from __future__ import annotations

from streams.care.open_time import open_time
from streams.config.caring import Calendar
from streams.stages.step_clock import ALWAYS, StepClock
from streams.units import HOUR, parse_time


def second(text: str) -> int:
    return parse_time(text) // 1_000_000


def clock(*closed: str, opens: int = 9) -> StepClock:
    hours = ((opens * HOUR, 18 * HOUR),)
    return StepClock(
        open_time(
            Calendar(
                timezone="Europe/Kyiv",
                open={"mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours},
                closed=closed,
            )
        )
    )


FRIDAY = second("2026-03-27T17:59:59+02:00")
"""The last open second before a weekend on which the clock goes forward."""
MONDAY = second("2026-03-30T09:00:00+03:00")


def test_a_weekend_lies_between_one_second_and_the_next() -> None:
    office = clock()
    assert office.at(MONDAY) == office.at(FRIDAY) + 1
    assert office.at(MONDAY - 1) == office.at(FRIDAY + 1) == office.at(FRIDAY)
    assert office.elapsed(FRIDAY - 3600, MONDAY + 3600) == 7201
    assert office.is_open(FRIDAY)
    assert not office.is_open(FRIDAY + 1)
    assert not office.is_open(MONDAY - 1)
    assert office.is_open(MONDAY)
    assert office.next_open(FRIDAY) == office.next_open(MONDAY - 5) == MONDAY
    assert office.latest_open(MONDAY - 1) == FRIDAY
    assert office.latest_open(MONDAY) == MONDAY
    assert office.second(office.at(FRIDAY)) == FRIDAY
    assert office.second(office.at(MONDAY)) == MONDAY
    assert office.before(MONDAY + 9, 10) == MONDAY - 1
    assert office.before(MONDAY + 9, 11) == FRIDAY - 1
    assert office.week == 45 * 3600


def test_the_clock_on_the_wall_counts_every_second() -> None:
    assert ALWAYS.at(FRIDAY) == ALWAYS.second(FRIDAY) == ALWAYS.latest_open(FRIDAY) == FRIDAY
    assert ALWAYS.next_open(FRIDAY) == FRIDAY + 1
    assert ALWAYS.before(FRIDAY, 10) == FRIDAY - 10
    assert ALWAYS.is_open(FRIDAY)


def test_days_to_come_may_be_closed_but_not_those_that_have_been_counted() -> None:
    plain = clock()
    assert plain.agrees(clock("2026-03-31"), MONDAY)
    assert not plain.agrees(clock("2026-03-30"), MONDAY)
    assert not plain.agrees(clock("2026-03-27"), MONDAY)
    assert plain.agrees(clock("2026-03-27"), None)
    assert not plain.agrees(clock(opens=8), None)
    assert not plain.agrees(ALWAYS, None)
    assert not ALWAYS.agrees(plain, MONDAY)
    assert ALWAYS.agrees(StepClock(), MONDAY)
