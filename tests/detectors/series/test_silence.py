"""Sources that fall silent."""

from __future__ import annotations

import pytest

from detectors.series.silence import Silence
from tests.detectors.series.drive import DAY, HOUR, START, WEEKLY, drive, first, hour_of_week, poisson, quiet, told


def source() -> Silence:
    series = Silence(hour_of_week)
    series.grant(WEEKLY / 4)
    return series


@pytest.mark.parametrize(("rate", "within"), [(1.0, 60), (0.1, 240), (0.03, 900)])
def test_a_source_that_falls_silent_alarms_once_the_sooner_the_busier_it_was(rate: float, within: int) -> None:
    series = source()
    reports = drive(series, poisson(1, {0: rate, DAY: 0.0}, DAY), DAY + 6 * HOUR)
    assert told(reports) == [("fire", "down")]
    at, facts = first(reports, "fire")
    assert DAY - 60 < at < DAY + within
    assert facts is not None
    assert facts.observed == 0
    assert facts.expected > 5
    assert at - within <= facts.since - START <= DAY
    assert series.silent


def test_it_is_over_when_the_source_speaks_again_and_a_straggler_is_not_enough() -> None:
    series = source()
    drive(series, poisson(2, {0: 0.2, DAY: 0.0}, DAY), DAY + HOUR)
    assert told(drive(series, [(DAY + 2 * HOUR, 1)], DAY + 3 * HOUR)) == []
    again = [(DAY + 3 * HOUR + n * 5, 1) for n in range(120)]
    assert told(drive(series, again, again[-1][0])) == [("resolve", "down")]
    assert not series.silent


@pytest.mark.parametrize("rate", [0.5, 0.05])
def test_a_source_that_goes_on_raises_no_alarm_in_five_days(rate: float) -> None:
    assert drive(source(), poisson(3, {0: rate}, 5 * DAY), 5 * DAY) == []


def test_a_source_with_less_than_an_event_a_minute_is_not_watched() -> None:
    series = source()
    assert drive(series, poisson(4, {0: 0.005, 3 * DAY: 0.0}, 3 * DAY), 5 * DAY) == []
    assert series.state == "quiet"
    assert not series.live


def test_before_a_hundred_gaps_nothing_is_said() -> None:
    series = source()
    assert drive(series, [(n * 30, 1) for n in range(60)], DAY) == []
    assert series.state == "learning"


def test_a_night_that_was_slept_through_twice_is_no_silence() -> None:
    rates = {day * DAY + hour * HOUR: 0.1 if hour >= 8 else 0.0 for day in range(6) for hour in range(24)}
    reports = drive(source(), poisson(5, rates, 5 * DAY + 12 * HOUR), 5 * DAY + 12 * HOUR)
    assert [report for report in reports if report.tick > START + 4 * DAY] == []


def test_and_a_source_that_falls_silent_by_day_is_still_noticed_then() -> None:
    rates = {day * DAY + hour * HOUR: 0.1 if hour >= 8 else 0.0 for day in range(5) for hour in range(24)}
    rates[4 * DAY + 12 * HOUR] = 0.0
    rates = {second: rate for second, rate in rates.items() if second <= 4 * DAY + 12 * HOUR}
    reports = drive(source(), poisson(6, rates, 4 * DAY + 13 * HOUR), 4 * DAY + 13 * HOUR)
    assert [report.verb for report in reports if report.tick > START + 4 * DAY + 12 * HOUR] == ["fire"]


def test_who_accepts_a_silence_is_not_told_of_it_again() -> None:
    series = source()
    drive(series, poisson(7, {0: 0.2, DAY: 0.0}, DAY), DAY + HOUR)
    series.accept()
    assert told(drive(series, [(2 * DAY, 1)], 2 * DAY + 60)) == [("rebaseline", "down")]
    assert not series.silent
    assert quiet(series, 9 * DAY) == []


def test_a_copy_from_its_state_goes_on_the_same_to_the_bit() -> None:
    content = poisson(8, {0: 0.1, DAY: 0.0, DAY + HOUR: 0.1}, DAY + 6 * HOUR)
    whole, copied = source(), source()
    expected = drive(whole, content, DAY + 6 * HOUR)
    reports = []
    for number in range(0, len(content), 71):
        part = content[number : number + 71]
        reports += drive(copied, part, part[-1][0])
        body = copied.dump()
        copied = source()
        copied.load(body)
        assert copied.dump() == body
    assert reports + drive(copied, [], DAY + 6 * HOUR) == expected
    assert told(expected) == [("fire", "down"), ("resolve", "down")]


def test_what_is_no_state_of_a_source_is_refused() -> None:
    with pytest.raises(ValueError, match="no watched source"):
        source().load(b"\x01")


def test_a_source_known_from_elsewhere_is_missed_though_it_never_spoke_here() -> None:
    taught = source()
    drive(taught, poisson(31, {0: 0.1}, DAY), DAY)
    body = taught.learnt()
    assert body is not None
    series = source()
    series.learn(body)
    assert series.waits
    assert not series.live
    series.begin(START + 90 * DAY)
    assert series.live
    reports = quiet(series, 90 * DAY + HOUR)
    assert told(reports) == [("fire", "down")]
    at, facts = first(reports, "fire")
    assert 90 * DAY < at < 90 * DAY + 300
    assert facts is not None
    assert facts.since == START + 90 * DAY + 1


def test_a_source_that_goes_on_speaking_as_it_did_elsewhere_is_not_missed() -> None:
    taught = source()
    drive(taught, poisson(32, {0: 0.1}, DAY), DAY)
    body = taught.learnt()
    assert body is not None
    series = source()
    series.learn(body)
    series.begin(START)
    assert told(drive(series, poisson(33, {0: 0.1}, 12 * HOUR), 12 * HOUR)) == []


def test_too_few_gaps_teach_nothing() -> None:
    taught = source()
    drive(taught, poisson(34, {0: 0.1}, 300), 300)
    assert taught.learnt() is None
