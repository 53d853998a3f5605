"""Credit that changes while an update is under way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.series.counted import Counted
from detectors.series.granted import Granted
from detectors.series.silence import Silence
from tests.detectors.series.drive import DAY, HOUR, START, WEEKLY, drive, first, hour_of_week, poisson

CHANGES = st.lists(st.tuples(st.integers(0, 99), st.floats(0, 1)), max_size=12)


@given(CHANGES, st.integers(1, 20))
def test_no_update_gets_more_than_was_granted_while_it_lasted(changes: list[tuple[int, float]], length: int) -> None:
    granted, per_second = Granted(), [0.0] * 100
    for second, credit in sorted(changes):
        granted.change(credit, 1.0, second, second // length * length)
        per_second[second:] = [credit] * (100 - second)
        begun = second // length * length
        assert granted.of(begun) * (second - begun + 1) <= sum(per_second[begun : second + 1]) + 1e-12
    assert granted.of(100) == per_second[-1]


@pytest.mark.parametrize("bar", [5.0, 20.0])
def test_where_more_evidence_is_asked_for_a_rate_and_a_silence_alarm_with_so_much_and_later(bar: float) -> None:
    content = poisson(1, {0: 0.2, DAY: 0.0}, DAY)
    for make in (lambda: Counted(("down",), hour_of_week), lambda: Silence(hour_of_week)):
        plain, asked = make(), make()
        plain.grant(WEEKLY / 4)
        asked.grant(WEEKLY / 4, bar)
        soon, _ = first(drive(plain, content, DAY + HOUR), "fire")
        later, facts = first(drive(asked, content, DAY + HOUR), "fire")
        assert facts is not None
        assert facts.evidence >= bar
        assert soon < later < soon + 300
        assert START + later > START + DAY - 60
