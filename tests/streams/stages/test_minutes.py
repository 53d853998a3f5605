"""A signal's value minute by minute."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from detectors.page_hinkley import PageHinkley
from detectors.series.report import Report
from detectors.series.valued import Valued
from streams.histogram import bucket
from streams.stages.minutes import Minutes

M = 1_000_000


class Heard(Valued):
    """Writes down the values it is handed."""

    def __init__(self) -> None:
        super().__init__(lambda direction: PageHinkley(mode=direction), ("up",), apart=True)
        self.values: list[tuple[int, float]] = []

    def update(self, minute: int, value: float) -> list[Report]:
        self.values.append((minute, value))
        return super().update(minute, value)


def heard(as_: str, sums: list[int], histogram: Mapping[int, int] | None = None) -> list[tuple[int, float]]:
    """What a detector is handed of [n, total, top, bottom] in the first second of minute 10, until an hour later."""
    listener = Heard()
    minutes = Minutes(as_, listener)
    minutes.take(600, sums, histogram or {})
    while (due := minutes.due()) is not None and due <= 600 + 3600:
        minutes.settle(due)
    return listener.values


@pytest.mark.parametrize(
    ("as_", "sums", "value"),
    [
        ("mean", [4, 10 * M, 0, 0], 2.5),
        ("session", [2, 90 * M, 0, 0], 45.0),
        ("ces", [4, 20 * M, 0, 0], 5.0),
        ("share", [8, 0, 2, 0], 0.25),
        ("csat", [8, 0, 6, 0], 0.75),
        ("nps", [10, 0, 6, 2], 40.0),
    ],
)
def test_a_minute_has_the_value_that_the_signal_has(as_: str, sums: list[int], value: float) -> None:
    assert heard(as_, sums) == [(10, value)]


def test_a_quantile_comes_from_the_histogram_of_the_minute() -> None:
    ((minute, value),) = heard("p90", [10, 0, 0, 0], {bucket(1.0): 8, bucket(100.0): 2})
    assert minute == 10
    assert value == pytest.approx(100.0, rel=0.02)


@pytest.mark.parametrize(("as_", "value"), [("rate", 3.0), ("sum", 12.0)])
def test_counts_and_sums_go_on_with_zeros_while_nothing_comes(as_: str, value: float) -> None:
    values = heard(as_, [3, 12 * M, 0, 0])
    assert values[0] == (10, value)
    assert values[1:] == [(minute, 0.0) for minute in range(11, 70)]


def test_but_not_for_longer_than_a_day() -> None:
    minutes = Minutes("rate", Heard())
    minutes.take(600, [3, 0, 0, 0], {})
    while (due := minutes.due()) is not None:
        minutes.settle(due)
    assert due is None
    assert isinstance(minutes.valued, Heard)
    assert minutes.valued.values[-1] == (10 + 1440, 0.0)


def test_a_minute_without_a_value_is_passed_over() -> None:
    listener = Heard()
    minutes = Minutes("share", listener)
    minutes.take(600, [0, 0, 1, 0], {})
    minutes.settle(659)
    assert listener.values == []
    assert not math.isnan(listener.level_of("up"))


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="no series of minutes"):
        Minutes("rate", Heard()).load(b"\x01")
