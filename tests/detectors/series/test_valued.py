"""Values by the minute under any detector."""

from __future__ import annotations

import math
import random

import pytest

from detectors.contract import Detector, Verdict
from detectors.page_hinkley import PageHinkley
from detectors.series.report import Direction, Report
from detectors.series.valued import Valued
from tests.detectors.series.drive import DAY, WEEKLY, told


def valued(*directions: Direction) -> Valued:
    def make(direction: Direction) -> PageHinkley:
        return PageHinkley(mode=direction, threshold=20.0, delta=1.0)

    return Valued(make, directions, apart=True)


def fed(series: Valued, values: list[float], since: int = 0) -> list[Report]:
    reports: list[Report] = []
    for minute, value in enumerate(values, since):
        reports += series.update(minute, value)
        reports += series.tell(minute * 60 + 59)
    return reports


def normal(seed: int, mean: float, minutes: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(mean, 1.0) for _ in range(minutes)]


def test_a_change_is_told_with_what_was_usual_and_ends_when_it_is_over() -> None:
    series = valued("down", "up")
    reports = fed(series, normal(1, 10.0, 600) + normal(2, 16.0, 60) + normal(3, 10.0, 200))
    assert told(reports) == [("fire", "up"), ("resolve", "up")]
    fired = next(report for report in reports if report.verb == "fire")
    assert 600 * 60 <= fired.tick < 610 * 60
    assert fired.facts is not None
    assert fired.facts.expected == pytest.approx(10.0, abs=0.3)
    assert fired.facts.observed == pytest.approx(16.0, abs=1.5)
    assert abs(fired.facts.since - 600 * 60) <= 120


def test_what_nobody_watches_for_is_not_told() -> None:
    assert fed(valued("down"), normal(1, 10.0, 600) + normal(2, 16.0, 60)) == []


def test_minutes_without_a_value_change_nothing() -> None:
    one, other = valued("up"), valued("up")
    fed(one, normal(1, 10.0, 100))
    fed(other, normal(1, 10.0, 100))
    fed(other, [math.nan] * 50, 100)
    assert one.dump() == other.dump()


def test_a_level_that_stays_becomes_the_new_normal_after_a_day() -> None:
    reports = fed(valued("up"), normal(1, 10.0, 600) + normal(2, 16.0, 2 * 1440))
    assert told(reports) == [("fire", "up"), ("rebaseline", "up")]
    (new,) = [report for report in reports if report.verb == "rebaseline"]
    assert new.tick >= 600 * 60 + DAY
    assert new.ratio == pytest.approx(1.6, rel=0.05)


def test_a_detector_that_knows_no_budget_takes_no_share_of_it() -> None:
    series = valued("up")
    fed(series, normal(1, 10.0, 600))
    assert series.guarantee == "none"
    assert not series.live


def test_a_copy_from_its_state_goes_on_the_same() -> None:
    values = normal(1, 10.0, 300) + normal(2, 16.0, 60) + normal(3, 10.0, 200)
    whole, copied = valued("up"), valued("up")
    expected = fed(whole, values)
    reports = fed(copied, values[:330])
    body = copied.dump()
    copied = valued("up")
    copied.load(body)
    assert copied.dump() == body
    assert reports + fed(copied, values[330:], 330) == expected
    assert told(expected) == [("fire", "up"), ("resolve", "up")]


class Yesterday(Detector):
    """Alarms when a value is 30 away from that of the same minute of the day before."""

    guarantee = "none"

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}

    def update(self, x: float, credit: float | None = None, at: int | None = None) -> Verdict:
        assert at is not None
        before = self._seen.get(at - 1440, x)
        self._seen[at] = x
        return Verdict(abs(x - before) > 30, float(abs(x - before) > 30))

    def snapshot(self) -> bytes:
        return b""

    def restore(self, body: bytes) -> None:
        """Nothing to take."""


def daily(seed: int, days: int) -> list[float]:
    chance = random.Random(seed)
    return [(100.0 if 8 <= minute // 60 % 24 < 20 else 10.0) + chance.gauss(0, 2) for minute in range(days * 1440)]


def test_what_is_unusual_for_the_night_is_told_against_the_night() -> None:
    series = Valued(lambda direction: Yesterday(), ("up",), apart=False)
    series.grant(WEEKLY)
    values = daily(1, 6)
    start = 5 * 1440 + 120
    for minute in range(start, start + 90):
        values[minute] += 40
    reports = fed(series, values)
    assert told(reports) == [("fire", "up"), ("resolve", "up")]
    fired, over = (report for report in reports if report.verb != "update")
    assert start * 60 <= fired.tick <= (start + 5) * 60
    assert fired.facts is not None
    assert fired.facts.expected == pytest.approx(10, abs=5)
    assert fired.facts.observed == pytest.approx(50, abs=3)
    assert (start + 90) * 60 <= over.tick <= (start + 120) * 60


def test_what_was_learnt_elsewhere_is_known_at_once() -> None:
    taught = valued("down", "up")
    fed(taught, normal(61, 10.0, 600))
    body = taught.learnt()
    assert body is not None
    series = valued("down", "up")
    series.load(body)
    assert series.known
    assert series.watches("up")
    later = 1_000_000
    reports = fed(series, normal(62, 10.0, 100) + normal(63, 16.0, 30), later)
    assert told(reports) == [("fire", "up")]
    fired = next(report for report in reports if report.verb == "fire")
    assert (later + 100) * 60 <= fired.tick < (later + 110) * 60
    assert fired.facts is not None
    assert fired.facts.expected == pytest.approx(10.0, abs=0.3)


def test_who_has_seen_nothing_has_nothing_to_teach() -> None:
    assert valued("up").learnt() is None
