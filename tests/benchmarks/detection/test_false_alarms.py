from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.delays import LAWS
from benchmarks.detection.false_alarms import at_the_edge
from benchmarks.detection.known_baseline import KnownBaseline
from benchmarks.detection.traffic import COMPLETION, WITHIN, Traffic


def test_at_the_edge_nine_of_ten_who_are_due_come() -> None:
    law = LAWS["log-normal"]
    traffic = Traffic(100, 0.5, law, tick=10, seed=6)
    baseline = KnownBaseline(100, law.hazards(COMPLETION, WITHIN, 10))
    traffic.passing = at_the_edge(0.1)
    for _ in range(2 * WITHIN // 10):
        baseline.take(traffic.step())
    sums = np.array([[part.sum() for part in baseline.take(traffic.step())] for _ in range(400)]).sum(axis=0)
    assert sums[0] / sums[1] == pytest.approx(0.9, abs=0.01)
    assert at_the_edge(0.0) == pytest.approx(1.0)
