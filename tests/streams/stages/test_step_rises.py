"""Steps from which more customers go on than should."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from typing import Literal

import pytest

from streams.config.load import load_text
from streams.effects import Entered, Outcome
from streams.findings import SeriesKey
from streams.stages.lanes import Groups, groups_of
from streams.stages.step_watch import StepWatch
from tests.detectors.steps.simulation import START
from tests.streams.stages.contents import Content, feed, partials, stage
from tests.streams.stages.test_step_watch import WEEK, Heard

WITHIN = 60
GROUPS: Groups = groups_of([])
HOUR = 3600
RISE = 2 * HOUR
"""When more begin to go on."""
BACK = RISE + 1800
RISES = SeriesKey("conversion", "up", "purchase", "cart")


def hour_of_week(second: int) -> int:
    return (second - START) // HOUR % 168


Left = dict[int, list[tuple[int, bool]]]


@cache
def shop(until: int, *parts: tuple[int, float]) -> tuple[dict[int, int], Left]:
    """Entrants by second, and leavers by second with their second of entry and whether they went on.

    `parts`: from a second on, the part of the entrants that goes on.
    """
    chance = random.Random(8)
    came: dict[int, int] = {}
    left: Left = {}
    for second in range(until):
        part = next(part for since, part in reversed(parts) if second >= since)
        for _ in range(2):
            if chance.random() < 0.5:
                came[second] = came.get(second, 0) + 1
                after = min(int(chance.expovariate(1 / 15)) + 1, WITHIN)
                goes = chance.random() < part and after < WITHIN
                left.setdefault(second + (after if goes else WITHIN), []).append((second, goes))
    return came, left


def live(
    step: StepWatch,
    heard: Heard,
    since: int,
    until: int,
    parts: tuple[tuple[int, float], ...],
    accept: int | None = None,
) -> None:
    came, left = shop(until, *parts)
    for second in range(since, until):
        if second in came:
            step.enter((), START + second, came[second], 0)
        for entered, goes in left.get(second, ()):
            step.leave((), START + entered, int(goes), int(not goes))
        if second == accept:
            step.accept()
        step.close(START + second, GROUPS, WEEK / 2, 0.0, heard)


def watch(*directions: Literal["down", "up"]) -> StepWatch:
    return StepWatch("purchase", "cart", WITHIN, hour_of_week, directions)


def risen(until: int, accept: int | None = None) -> tuple[StepWatch, Heard]:
    step, heard = watch("down", "up"), Heard()
    live(step, heard, 0, until, ((0, 0.4), (RISE, 0.8), (BACK, 0.4)), accept)
    return step, heard


def test_twice_as_many_who_go_on_fire_within_two_minutes_and_resolve_when_it_is_over() -> None:
    _, heard = risen(BACK + 2400)
    (fired,) = heard.fired
    assert fired.series == RISES
    assert START + RISE < fired.tick <= START + RISE + 120
    assert abs(fired.since - (START + RISE)) <= 120
    assert fired.observed > 1.4 * fired.expected
    assert fired.segments is None
    assert fired.guarantee == "given baseline"
    last = [one for one in heard.updates if one.tick < START + BACK][-1]
    assert last.size_low is not None
    assert last.size_high is not None
    assert 0.3 < last.size_low < last.size_high < 1.5
    (over,) = heard.resolved
    assert START + BACK < over <= START + BACK + 900
    assert heard.rebaselined == []


def test_who_watches_downward_hears_nothing_of_a_rise_and_the_other_way_round() -> None:
    up, down = Heard(), Heard()
    live(watch("down"), down, 0, RISE + 900, ((0, 0.4), (RISE, 0.8)))
    live(watch("up"), up, 0, RISE + 900, ((0, 0.6), (RISE, 0.0)))
    assert down.fired == up.fired == []


def test_a_step_that_is_watched_both_ways_still_finds_an_outage() -> None:
    step, heard = watch("down", "up"), Heard()
    live(step, heard, 0, RISE + 600, ((0, 0.6), (RISE, 0.0)))
    assert [one.series.direction for one in heard.fired] == ["down"]
    assert heard.fired[0].tick <= START + RISE + 120
    assert step.rise_state() == "learning"  # it waits until the step is well


def test_without_a_change_nothing_rises() -> None:
    step, heard = watch("up"), Heard()
    live(step, heard, 0, 3 * HOUR, ((0, 0.5),))
    assert heard.fired == []
    assert step.state == "watching"


def test_what_is_accepted_is_normal_from_then_on() -> None:
    step, heard = watch("down", "up"), Heard()
    live(step, heard, 0, RISE + 3000, ((0, 0.4), (RISE, 0.8)), accept=RISE + 900)
    assert [one.series.direction for one in heard.fired] == ["up"]
    ((tick, ratio),) = heard.rebaselined
    assert START + RISE + 900 <= tick <= START + RISE + 960
    assert ratio == pytest.approx(2.0, abs=0.3)
    assert step.firing == []
    assert heard.resolved == []


@pytest.mark.parametrize("cut", [RISE - 500, RISE + 30, RISE + 300, BACK + 100])
def test_a_restart_changes_nothing(cut: int) -> None:
    whole, expected = risen(BACK + 600)
    parts = ((0, 0.4), (RISE, 0.8), (BACK, 0.4))
    heard = Heard()
    step = watch("down", "up")
    live(step, heard, 0, cut, parts)
    stored = step.changes(START + cut, whole=True)
    again = watch("down", "up")
    again.load(stored["state"], stored["journal"])
    live(again, heard, cut, BACK + 600, parts)
    assert [one.tick for one in heard.fired] == [one.tick for one in expected.fired]
    assert heard.resolved == expected.resolved
    assert again.changes(0, whole=True)["state"] == whole.changes(0, whole=True)["state"]


FILE = """
version: 1
journeys:
  purchase:
    watch: %s
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 1m}
"""


def content(parts: Mapping[int, float], until: int) -> Content:
    came, left = shop(until, *sorted(parts.items()))
    items: Content = []
    for second in range(until):
        if second in came:
            items.append((START + second, Entered("purchase", "cart", (), came[second], 0)))
        for entered, goes in left.get(second, ()):
            items.append(
                (START + second, Outcome("purchase", "cart", (), START + entered, int(goes), int(not goes), 0, 0))
            )
    return items


def test_a_rise_is_an_alert_of_its_own_and_no_severe_one() -> None:
    file = load_text(FILE % "both", "test.yml")
    assert not [warning for warning in file.warnings if warning.path == "journeys.purchase.watch"]
    one = stage(1, file)
    until = RISE + 900
    made = partials(content({0: 0.4, RISE: 0.8}, until), START + until, 1, 1, file.hash)[0]
    fired = [decision for decision in feed(one, made) if decision.type == "touchline.alert.firing"]
    assert [(decision.subject, decision.data["direction"]) for decision in fired] == [("purchase/cart", "up")]
    assert (fired[0].data["severity"], fired[0].data["segments"]) == ("info", None)
    alarms = one.view().alarms
    assert alarms is not None
    ways = {watched.direction: watched for watched in alarms.watched if watched.kind == "conversion"}
    assert ways["up"].state == "firing"
    assert ways["down"].sees.startswith("an outage within ")


def test_what_a_rise_must_be_to_be_seen_is_said() -> None:
    file = load_text(FILE % "up", "test.yml")
    one = stage(1, file)
    feed(one, partials(content({0: 0.4}, RISE), START + RISE, 1, 1, file.hash)[0])
    alarms = one.view().alarms
    assert alarms is not None
    (watched,) = [watched for watched in alarms.watched if watched.kind == "conversion"]
    assert (watched.direction, watched.state) == ("up", "watching")
    assert watched.sees.startswith("a doubling within ")
    assert watched.credit_per_week > 0
