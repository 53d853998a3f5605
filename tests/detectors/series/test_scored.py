"""Bounded scores under watch: satisfaction, recommendation, effort."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from detectors.series.report import Direction
from detectors.series.scored import Scored
from tests.detectors.series.drive import DAY, HOUR, START, WEEKLY, drive, first, quiet, told

Content = list[tuple[int, dict[float, int]]]
GOOD = {1.0: 0.05, 2.0: 0.05, 3.0: 0.1, 4.0: 0.3, 5.0: 0.5}
BAD = {1.0: 0.3, 2.0: 0.2, 3.0: 0.2, 4.0: 0.2, 5.0: 0.1}


def scored(*directions: Direction) -> Scored:
    series = Scored(1.0, 5.0, directions or ("down",))
    series.grant(WEEKLY / 4)
    return series


def answers(seed: int, laws: Mapping[int, Mapping[float, float]], until: int, every: int = 60) -> Content:
    """One answer in each `every` seconds on average, by the law that holds from a second on."""
    chance = np.random.default_rng(seed)
    content: Content = []
    for second in np.flatnonzero(chance.random(until) < 1 / every):
        law = laws[max(since for since in laws if since <= second)]
        content.append((int(second), {float(chance.choice(list(law), p=list(law.values()))): 1}))
    return content


def test_scores_that_fall_alarm_within_some_dozen_answers() -> None:
    content = answers(1, {0: GOOD, 2 * DAY: BAD}, 2 * DAY + 2 * HOUR)
    reports = drive(scored(), content, 2 * DAY + 2 * HOUR)
    assert told(reports) == [("fire", "down")]
    at, facts = first(reports, "fire")
    assert 2 * DAY < at < 2 * DAY + HOUR
    assert facts is not None
    assert facts.expected == pytest.approx(4.15, abs=0.1)
    assert facts.observed < 3.5
    assert abs(facts.since - START - 2 * DAY) < 1800
    assert facts.size is not None
    assert facts.size > 0.15


def test_scores_that_rise_alarm_only_where_that_is_asked_for() -> None:
    content = answers(2, {0: BAD, 2 * DAY: GOOD}, 2 * DAY + 4 * HOUR)
    assert told(drive(scored("down"), content, 2 * DAY + 4 * HOUR)) == []
    assert told(drive(scored("up"), content, 2 * DAY + 4 * HOUR)) == [("fire", "up")]


def test_when_scores_are_good_again_the_alarm_is_over() -> None:
    content = answers(3, {0: GOOD, 2 * DAY: BAD, 2 * DAY + 2 * HOUR: GOOD}, 3 * DAY)
    assert told(drive(scored(), content, 3 * DAY)) == [("fire", "down"), ("resolve", "down")]


@pytest.mark.parametrize("seed", range(3))
def test_scores_that_stay_as_they_are_raise_no_alarm_in_two_weeks(seed: int) -> None:
    series = scored("down", "up")
    assert told(drive(series, answers(seed, {0: GOOD}, 14 * DAY, 300), 14 * DAY)) == []
    assert series.live


def test_a_few_answers_say_nothing_however_bad() -> None:
    series = scored()
    content: Content = [(n * 600, {5.0: 1}) for n in range(12)] + [(7200 + n * 600, {1.0: 1}) for n in range(5)]
    assert drive(series, content, 3 * HOUR) == []
    assert series.state_of("down") == "learning"
    assert not series.live


def test_silence_alone_never_alarms() -> None:
    series = scored()
    drive(series, answers(4, {0: GOOD}, DAY), DAY)
    series.grant(1 / 600)
    level = series.level_of("down")
    assert quiet(series, 60 * DAY) == []
    assert series.level_of("down") == level


def test_scores_that_stay_low_become_the_new_normal() -> None:
    content = answers(5, {0: GOOD, DAY: BAD}, 5 * DAY)
    reports = drive(scored(), content, 5 * DAY)
    assert told(reports) == [("fire", "down"), ("rebaseline", "down")]
    (new,) = [report for report in reports if report.verb == "rebaseline"]
    assert new.tick >= first(reports, "fire")[0] + START + DAY
    assert new.ratio == pytest.approx(1.6 / 3.15, rel=0.1)


def test_somebody_may_accept_them_sooner() -> None:
    series = scored()
    content = answers(6, {0: GOOD, DAY: BAD}, DAY + 4 * HOUR)
    cut = next(at for at, (second, _) in enumerate(content) if second > DAY + 3 * HOUR)
    assert told(drive(series, content[:cut], content[cut - 1][0])) == [("fire", "down")]
    series.accept()
    assert told(drive(series, content[cut:], DAY + 4 * HOUR)) == [("rebaseline", "down")]


def test_the_order_of_scores_within_a_second_does_not_matter() -> None:
    one, other = scored(), scored()
    drive(one, [(5, {1.0: 2, 5.0: 3, 3.0: 1})], 20)
    drive(other, [(5, {3.0: 1, 5.0: 3, 1.0: 2})], 20)
    assert one.dump() == other.dump()


def test_a_copy_from_its_state_goes_on_the_same_to_the_bit() -> None:
    content = answers(7, {0: GOOD, DAY: BAD, DAY + 3 * HOUR: GOOD}, 2 * DAY)
    whole, copied = scored("down", "up"), scored("down", "up")
    expected = drive(whole, content, 2 * DAY)
    reports = []
    for number in range(0, len(content), 53):
        part = content[number : number + 53]
        reports += drive(copied, part, part[-1][0])
        body = copied.dump()
        copied = scored("down", "up")
        copied.load(body)
        assert copied.dump() == body
    assert reports + drive(copied, [], 2 * DAY) == expected
    assert {"fire", "resolve"} <= {report.verb for report in expected}


def test_what_is_no_state_of_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="no watched scores"):
        scored().load(b"\x01")
    with pytest.raises(ValueError, match="another scale"):
        scored().load(Scored(0.0, 10.0, ("down",)).dump())


def test_what_was_learnt_elsewhere_is_known_at_once_with_how_many_answers_come() -> None:
    taught = scored()
    drive(taught, answers(51, {0: GOOD}, 3 * DAY), 3 * DAY)
    mean, a_day = taught.usual.mean, taught.usual.a_day
    body = taught.learnt()
    assert body is not None
    series = scored()
    series.learn(body)
    assert series.waits
    later = 500 * DAY
    series.begin(START + later)
    assert not series.waits
    content = [(later + second, one) for second, one in answers(52, {0: BAD}, 4 * HOUR)]
    reports = drive(series, content, later + 4 * HOUR)
    assert told(reports) == [("fire", "down")]
    assert later < first(reports, "fire")[0] < later + 2 * HOUR
    assert series.usual.mean == pytest.approx(mean, abs=0.1)
    assert series.usual.a_day == pytest.approx(a_day, rel=0.1)


def test_before_the_first_answer_no_more_than_the_time_since_the_beginning_is_granted() -> None:
    taught = scored()
    drive(taught, answers(53, {0: GOOD}, 3 * DAY), 3 * DAY)
    body = taught.learnt()
    assert body is not None
    series = scored()
    series.learn(body)
    series.begin(START)
    drive(series, [(9, {1.0: 1})], 30)
    # Ten seconds of a quarter of an alarm a week, times what one answer can say at most.
    assert 0 < series.level_of("down") <= 10 * WEEKLY / 4 * 10
