"""The open tick: every tick is declared once, in order, by partials numbered without gaps."""

from __future__ import annotations

from streams.effects import Partial
from streams.journeys import TICK
from streams.stages.open_tick import OpenTick
from streams.tally import Tally
from tests.build import rules

START = 1_767_225_600


def declared(partials: list[Partial]) -> list[tuple[int, int, int]]:
    """Number, first and last tick of each, ticks since the start."""
    return [(one.sequence, one.first_tick - START, one.tick - START) for one in partials]


def opened() -> tuple[OpenTick, Tally, list[Partial]]:
    tally, partials = Tally(), list[Partial]()
    tick = OpenTick(2, tally, partials.append)
    tick.use(rules())
    tick.begin(START * TICK + 300_000)
    return tick, tally, partials


def test_it_ends_with_the_second_it_began_in() -> None:
    assert opened()[0].end == (START + 1) * TICK


def test_empty_ticks_before_a_later_event_are_declared_with_its_own() -> None:
    tick, tally, partials = opened()
    tally.accept("page.viewed", "shop", START * TICK, late=False, future=False)
    tick.close_before(START + 5)
    tally.accept("page.viewed", "shop", (START + 5) * TICK, late=False, future=False)
    tick.close_before(START + 7)
    assert declared(partials) == [(0, 0, 0), (1, 1, 5)]
    assert [one.partition for one in partials] == [2, 2]
    assert tick.end == (START + 8) * TICK


def test_an_open_tick_without_content_is_not_declared_alone() -> None:
    tick, _, partials = opened()
    tick.close_before(START + 5)
    assert not partials


def test_when_time_has_passed_the_empty_rest_is_declared_as_one_range() -> None:
    tick, tally, partials = opened()
    tally.accept("page.viewed", "shop", START * TICK, late=False, future=False)
    tick.close_until(START + 9)
    assert declared(partials) == [(0, 0, 0), (1, 1, 9)]
    tick.close_until(START + 9)
    assert len(partials) == 2


def test_it_goes_on_as_it_was_at_a_commit() -> None:
    partials: list[Partial] = []
    tick = OpenTick(0, Tally(), partials.append, first=START + 3, partials=7, watermark=(START + 4) * TICK)
    tick.use(rules())
    assert tick.end == (START + 5) * TICK
    tick.close_until(START + 4)
    assert declared(partials) == [(7, 3, 4)]
