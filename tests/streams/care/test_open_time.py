"""Open time counts what the calendar says, however long the spell, and in both directions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.care.calendars import Hours, after, between
from streams.care.open_time import open_time
from streams.config.caring import Calendar, Weekday
from streams.units import HOUR, MINUTE, SECOND, parse_time

# A clock that is set at three, one at midnight by half an hour, and one that skipped a whole day.
ZONES = ("Europe/Kyiv", "America/Asuncion", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
DAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOMENTS = st.integers(parse_time("1990-01-01T00:00:00Z"), parse_time("2030-01-01T00:00:00Z"))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    clocks = st.lists(st.integers(0, 96), min_size=2, max_size=4, unique=True).map(sorted)
    hours = clocks.map(
        lambda at: tuple((a * 15 * MINUTE, b * 15 * MINUTE) for a, b in zip(at[::2], at[1::2], strict=False))
    )
    days = draw(st.dictionaries(st.sampled_from(DAYS), hours, min_size=1))
    closed = draw(st.lists(st.dates().filter(lambda day: 1990 <= day.year <= 2030), max_size=3))
    zone = draw(st.sampled_from(ZONES))
    return Calendar(timezone=zone, open=days, closed=tuple(day.isoformat() for day in closed))


@settings(max_examples=30, deadline=None)
@given(calendars(), MOMENTS, st.integers(0, 400 * HOUR), st.integers(1, 60 * HOUR))
def test_it_counts_as_hours_do_one_by_one(calendar: Calendar, start: int, wall: int, duration: int) -> None:
    opening, hours = open_time(calendar), Hours(calendar)
    assert opening.before(start + wall) - opening.before(start) == between(start, start + wall, hours)
    assert opening.after(start, duration) == after(start, duration, hours)


@settings(max_examples=30, deadline=None)
@given(calendars(), MOMENTS)
def test_a_count_leads_back_to_where_it_was_reached_and_left(calendar: Calendar, moment: int) -> None:
    opening = open_time(calendar)
    count = opening.before(moment)
    first, last = opening.reached(count), opening.left(count)
    assert first <= moment <= last
    assert opening.before(first) == opening.before(last) == count
    assert opening.before(first - 1) == count - 1
    assert opening.before(last + 1) == count + 1


def test_a_weekend_counts_nothing_and_ends_on_monday() -> None:
    office = Calendar(
        timezone="Europe/Kyiv", open=dict.fromkeys(DAYS[:5], ((9 * HOUR, 18 * HOUR),)), closed=("2026-03-30",)
    )
    opening = open_time(office)
    friday = parse_time("2026-03-27T17:00:00+02:00")
    # The clock goes forward on Sunday, and Monday is a holiday.
    assert opening.after(friday, HOUR) == parse_time("2026-03-27T18:00:00+02:00")
    assert opening.after(friday, HOUR + SECOND) == parse_time("2026-03-31T09:00:01+03:00")
    assert opening.left(opening.before(friday) + HOUR) == parse_time("2026-03-31T09:00:00+03:00")
    assert opening.week == 45 * HOUR


def test_equal_calendars_are_laid_out_once() -> None:
    def office() -> Calendar:
        return Calendar(timezone="UTC", open={"mon": ((9 * HOUR, 18 * HOUR),)})

    assert open_time(office()) is open_time(office())


def test_before_the_first_opening_all_time_counts() -> None:
    opening = open_time(Calendar(timezone="UTC", open={"sat": ((9 * HOUR, 18 * HOUR),)}))
    first = opening.reached(1) - 1
    assert opening.before(first - HOUR) == -HOUR
    assert opening.reached(-HOUR) == opening.left(-HOUR) == first - HOUR
