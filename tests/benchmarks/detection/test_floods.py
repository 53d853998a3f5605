from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.floods import Floods, lately
from benchmarks.detection.nulls import MONDAY
from streams.stages.flood import Flood


@pytest.mark.parametrize("tick", [1, 10])
def test_floods_of_many_lanes_are_weighed_as_the_stage_weighs_one(tick: int) -> None:
    chance = np.random.default_rng(tick)
    lanes, within = 2, 1800
    many, ones = Floods(lanes, tick), [Flood(within) for _ in range(lanes)]
    flooded = np.full(lanes, -1, dtype=np.int64)
    seen = late = 0
    for number in range(5400 // tick):
        begin = MONDAY + number * tick
        second, hour = begin + tick - 1, begin // 3600 % 24
        entered = chance.poisson(0.5 * tick * (8 if 2700 <= number * tick < 3300 else 1), lanes).astype(float)
        weights, before = many.take(number, entered, second, hour)
        for earlier, lanes_of in sorted(before.items()):
            flooded[lanes_of] = earlier
        flooded[(weights < 1) & (entered > 0)] = number
        of_lane = lately(flooded, number, tick, within)
        for lane, one in enumerate(ones):
            seconds = one.take({begin: int(entered[lane])} if entered[lane] else {}, second, tick, hour)
            assert seconds == sorted(MONDAY + at * tick for at, of in before.items() if of[lane])
            late += len(seconds)
            if entered[lane]:
                assert weights[lane] == pytest.approx(one.weight(begin), rel=1e-9)
                seen += weights[lane] < 1
            if number * tick >= 2700:
                assert bool(of_lane[lane]) == one.lately(second)
    assert seen > 100
    assert late >= lanes
