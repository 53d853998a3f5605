from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.delays import LAWS
from benchmarks.detection.known_baseline import KnownBaseline
from benchmarks.detection.product import Product
from benchmarks.detection.traffic import COMPLETION, WITHIN, Traffic

LOG_NORMAL = LAWS["log-normal"]
WEEK = 604_800


@pytest.mark.parametrize("tick", [4, 10])
def test_a_known_baseline_expects_what_the_oracle_does(tick: int) -> None:
    hazards = LOG_NORMAL.hazards(COMPLETION, WITHIN, tick)
    traffic, baseline = Traffic(30, 1.0, LOG_NORMAL, tick=tick), KnownBaseline(30, hazards)
    product = Product(30, tick, 1 / WEEK, tolerance=0.0, standard_errors=0.0)
    product.know(hazards)
    ours = known = 0.0
    for number in range(2 * WITHIN // tick):
        moved = traffic.step()
        product.take(moved)
        _, expected = baseline.take(moved)
        if number >= WITHIN // tick:
            ours, known = ours + product.step.expected.sum(), known + expected.sum()
    assert ours == pytest.approx(known, rel=2e-3)


def test_an_outage_is_one_alarm_and_watching_begins_anew_after_it() -> None:
    traffic, product = Traffic(5, 1.0, LOG_NORMAL, tick=10, seed=1), Product(5, 10, 1 / WEEK, whole=True)
    alarms = np.zeros((2, 5))
    for number in range(2400):
        traffic.passing = 0.2 if 1000 <= number < 1500 or number >= 2200 else 1.0
        np.add.at(alarms[number // 2000], product.take(traffic.step()), 1.0)
    assert alarms.tolist() == [[1.0] * 5, [1.0] * 5]


def test_who_had_entered_before_anybody_looked_is_not_due() -> None:
    traffic, product = Traffic(10, 1.0, LOG_NORMAL), Product(10, 1, 1 / WEEK)
    for _ in range(WITHIN):
        traffic.step()
    for _ in range(WITHIN + 200):
        product.take(traffic.step())
    in_flight = product.step.flight.aging.counts.sum(axis=(0, 1))
    # Rate ÷ 0.6 entrants a second, of whom two in five stay to the deadline and three about 95 s.
    assert in_flight == pytest.approx(np.full(10, 1 / 0.6 * (0.4 * WITHIN + 0.6 * 95)), rel=0.08)
