"""False alarms of rises: counted where there are none, and found where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection import rises
from benchmarks.detection.delays import LAWS
from benchmarks.detection.false_alarms import Scale, at_the_edge
from benchmarks.detection.known_baseline import KnownBaseline
from benchmarks.detection.nulls import Integers, Null
from benchmarks.detection.traffic import COMPLETION, WITHIN, Traffic

SHORT = Scale(weekly=2, hourly=1, days=0.1, tick=60, most_learning=0.3)


def test_at_the_upper_edge_eleven_of_ten_who_are_due_come() -> None:
    law, edge = LAWS["log-normal"], at_the_edge(-0.1)
    null = rises.Lifted(Null(), 100, edge)
    null.lift[:] = edge
    traffic = Traffic(100, 0.5, law, null, tick=10, seed=6)
    baseline = KnownBaseline(100, law.hazards(COMPLETION, WITHIN, 10))
    for _ in range(2 * WITHIN // 10):
        baseline.take(traffic.step())
    sums = np.array([[part.sum() for part in baseline.take(traffic.step())] for _ in range(400)]).sum(axis=0)
    assert sums[0] / sums[1] == pytest.approx(1.1, abs=0.012)


class Crowd(Null):
    """Forty times as many come from a third of the day on: on the first day no hour is known yet."""

    name = "crowd"
    learning_days = 1

    def arrivals(self, seconds: Integers, lanes: int) -> rises.Floats:
        return np.where(seconds[:, None] >= 0.32 * 86_400, 40.0, 1.0)


def test_a_crowd_is_found_in_every_series_of_arrivals_and_nothing_elsewhere() -> None:
    assert [row["alarms"] for row in rises.arrivals(Crowd, SHORT)] == [2, 2, 1, 1]
    assert [row["alarms"] for row in rises.arrivals(Null, SHORT)] == [0, 0, 0, 0]
    # For a step many who come are no rise, but a flood that is looked past.
    assert [row["alarms"] for row in rises.conversions(Crowd, SHORT)] == [0, 0, 0, 0]
    calm = list(rises.conversions(Null, SHORT))
    assert [row["alarms"] for row in calm if row["one_false_alarm_a"] == "week"] == [0, 0]
    assert all(row["granted"] > 1 for row in calm if row["one_false_alarm_a"] == "hour")
