"""Rates under watch: arrivals, calls, complaints."""

from __future__ import annotations

import pytest

from detectors.series.counted import Counted
from detectors.series.report import Direction
from tests.detectors.series.drive import DAY, HOUR, START, WEEKLY, drive, first, hour_of_week, poisson, quiet, told

BEFORE = 30 * HOUR


def counted(*directions: Direction) -> Counted:
    series = Counted(directions, hour_of_week)
    series.grant(WEEKLY / 4)
    return series


@pytest.mark.parametrize(("rate", "left", "within"), [(0.3, 0.0, 90), (0.1, 0.5, 3600), (0.02, 0.0, 1800)])
def test_a_rate_that_falls_alarms_the_sooner_the_deeper_it_falls(rate: float, left: float, within: int) -> None:
    content = poisson(1, {0: rate, BEFORE: rate * left}, BEFORE + within)
    reports = drive(counted("down"), content, BEFORE + within)
    assert told(reports) == [("fire", "down")]
    at, facts = first(reports, "fire")
    assert at > BEFORE
    assert facts is not None
    assert facts.observed < facts.expected
    assert facts.size is not None
    assert facts.size > 0.2


def test_an_alarm_tells_when_it_began_and_how_much_is_gone() -> None:
    content = poisson(2, {0: 0.1, BEFORE: 0.03}, BEFORE + HOUR)
    reports = drive(counted("down"), content, BEFORE + HOUR)
    updates = [report.facts for report in reports if report.verb == "update"]
    facts = updates[-1]
    assert facts is not None
    start = START + BEFORE
    assert facts.since_low <= facts.since <= facts.since_high
    assert abs(facts.since - start) <= 900
    assert facts.since_low - 60 <= start <= facts.since_high + 60
    assert facts.size_low is not None
    assert facts.size_high is not None
    assert facts.size_low <= 0.7 <= facts.size_high
    assert not facts.early


def test_more_is_told_after_a_minute_five_a_quarter_of_an_hour_and_an_hour_though_nothing_comes() -> None:
    series = counted("down")
    reports = drive(series, poisson(3, {0: 0.05, BEFORE: 0.0}, BEFORE), BEFORE + 2 * HOUR)
    fired, _ = first(reports, "fire")
    after = [report.tick - START - fired for report in reports if report.verb == "update"]
    assert after == [60, 300, 900, 3600]


@pytest.mark.parametrize(("rate", "times", "within"), [(0.1, 2.0, 900), (0.02, 6.0, 600), (0.002, 30.0, 1800)])
def test_a_surge_alarms(rate: float, times: float, within: int) -> None:
    content = poisson(4, {0: rate, BEFORE: rate * times}, BEFORE + within)
    reports = drive(counted("up"), content, BEFORE + within)
    assert told(reports) == [("fire", "up")]
    _, facts = first(reports, "fire")
    assert facts is not None
    assert facts.observed > facts.expected


def test_who_watches_for_surges_does_not_hear_of_drops_and_the_other_way_round() -> None:
    falls = poisson(5, {0: 0.1, BEFORE: 0.01}, BEFORE + HOUR)
    rises = poisson(5, {0: 0.1, BEFORE: 1.0}, BEFORE + HOUR)
    assert told(drive(counted("up"), falls, BEFORE + HOUR)) == []
    assert told(drive(counted("down"), rises, BEFORE + HOUR)) == []


def test_when_the_rate_is_back_the_alarm_is_over() -> None:
    falls = poisson(6, {0: 0.1, BEFORE: 0.0, BEFORE + HOUR: 0.1}, BEFORE + 3 * HOUR)
    reports = drive(counted("down", "up"), falls, BEFORE + 3 * HOUR)
    assert told(reports) == [("fire", "down"), ("resolve", "down")]
    assert BEFORE + HOUR < first(reports, "resolve")[0] < BEFORE + HOUR + 1800


def test_a_surge_is_over_when_nothing_comes_any_more() -> None:
    rises = poisson(7, {0: 0.01, BEFORE: 1.0, BEFORE + 600: 0.0}, BEFORE + 600)
    reports = drive(counted("up"), rises, BEFORE + 6 * HOUR)
    assert told(reports) == [("fire", "up"), ("resolve", "up")]


@pytest.mark.parametrize("seed", range(2))
def test_a_steady_rate_raises_no_alarm_in_ten_days(seed: int) -> None:
    series = counted("down", "up")
    assert told(drive(series, poisson(seed, {0: 0.01}, 10 * DAY), 10 * DAY)) == []
    assert series.live


def test_hours_that_are_slow_every_day_are_learnt_and_raise_no_alarm_after_three_days() -> None:
    rates = {day * DAY + hour * HOUR: 0.05 if 8 <= hour < 20 else 0.005 for day in range(8) for hour in range(24)}
    reports = drive(counted("down", "up"), poisson(8, rates, 8 * DAY), 8 * DAY)
    assert [report for report in reports if report.verb == "fire" and report.tick > START + 3 * DAY] == []


def test_a_rate_that_stays_down_becomes_the_new_normal_after_a_day() -> None:
    content = poisson(9, {0: 0.1, BEFORE: 0.04}, BEFORE + 2 * DAY)
    series = counted("down", "up")
    reports = drive(series, content, BEFORE + 2 * DAY)
    assert told(reports) == [("fire", "down"), ("rebaseline", "down")]
    (new,) = [report for report in reports if report.verb == "rebaseline"]
    assert new.ratio == pytest.approx(0.4, rel=0.1)
    assert series.live


def test_a_total_outage_never_becomes_normal_by_itself_but_may_be_accepted() -> None:
    series = counted("down")
    reports = drive(series, poisson(10, {0: 0.03, BEFORE: 0.0}, BEFORE), BEFORE + 4 * DAY)
    assert told(reports) == [("fire", "down")]
    series.accept()
    assert told(quiet(series, BEFORE + 5 * DAY)) == [("rebaseline", "down")]
    assert not series.live


def test_while_a_change_is_looked_at_it_is_not_learnt() -> None:
    content = poisson(11, {0: 0.05, BEFORE: 0.02}, BEFORE + 6 * HOUR)
    series = counted("down")
    drive(series, content, BEFORE + 6 * HOUR)
    assert series.baseline.rate == pytest.approx(0.05, rel=0.06)


def test_too_slow_a_rate_is_not_watched_for_drops_and_gets_no_credit() -> None:
    series = counted("down")
    drive(series, poisson(12, {0: 0.0001}, 3 * DAY), 3 * DAY)
    assert not series.live
    assert series.state_of("down") == "quiet"


def test_a_copy_from_its_state_goes_on_the_same_to_the_bit() -> None:
    content = poisson(13, {0: 0.05, DAY: 0.0, DAY + 2 * HOUR: 0.05, DAY + 6 * HOUR: 0.5}, DAY + 8 * HOUR)
    whole, copied = counted("down", "up"), counted("down", "up")
    expected = drive(whole, content, DAY + 8 * HOUR)
    reports = []
    for number in range(0, len(content), 97):
        part = content[number : number + 97]
        reports += drive(copied, part, part[-1][0])
        body = copied.dump()
        copied = counted("down", "up")
        copied.load(body)
        assert copied.dump() == body
    reports += drive(copied, [], DAY + 8 * HOUR)
    assert reports == expected
    assert {report.verb for report in expected} >= {"fire", "update", "resolve"}
    assert copied.dump() == whole.dump()


def test_what_is_no_state_of_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="no watched rate"):
        counted("down").load(b"\x93\x01\x02\x03")
    with pytest.raises(ValueError, match="directions"):
        counted("down").load(counted("down", "up").dump())


def test_what_was_learnt_elsewhere_is_known_at_once_and_a_rate_that_never_comes_is_missed() -> None:
    taught = counted("down", "up")
    drive(taught, poisson(41, {0: 0.1}, BEFORE), BEFORE)
    body = taught.learnt()
    assert body is not None
    later = START + 400 * DAY
    series = counted("down", "up")
    assert series.due() is None
    series.learn(body)
    assert series.waits
    assert series.state_of("down") == "watching"
    assert told(quiet(series, 400 * DAY)) == []  # nobody has begun to wait for it
    series.begin(later)
    assert not series.waits
    reports = quiet(series, 400 * DAY + 600)
    assert told(reports) == [("fire", "down")]
    assert later < first(reports, "fire")[0] + START < later + 300


def test_what_was_going_on_when_a_history_ended_is_no_part_of_what_it_taught() -> None:
    taught = counted("down")
    reports = drive(taught, poisson(42, {0: 0.1, BEFORE: 0.0}, BEFORE), BEFORE + HOUR)
    assert told(reports) == [("fire", "down")]
    body = taught.learnt()
    assert body is not None
    series = counted("down")
    series.learn(body)
    assert series.firing is None
    assert series.level_of("down") == 0
    assert series.baseline.rate == pytest.approx(0.1, rel=0.05)


def test_who_has_seen_nothing_has_nothing_to_teach() -> None:
    assert counted("down").learnt() is None
    begun = counted("down")
    drive(begun, [(5, 1)], 60)
    assert begun.learnt() is None
