"""What the embedded service itself says in its log."""

from __future__ import annotations

import pytest

from streams.runtime.own_records import strides
from streams.units import SECOND


@pytest.mark.parametrize(
    ("rest", "times"),
    [(1, [101]), (60, [160]), (119, [219]), (120, [160, 220]), (180, [160, 220, 280])],
)
def test_strides_end_now_and_are_at_least_a_minute(rest: int, times: list[int]) -> None:
    strode = strides(100 * SECOND, (100 + rest) * SECOND)
    assert [round(time / SECOND) for time in strode] == times
    assert strode[-1] == (100 + rest) * SECOND
