"""Numbers as records show them."""

from __future__ import annotations

import math

import pytest

from streams.alerts.figures import figure, figure_or_none, in_words, percent


def test_the_last_bits_never_show() -> None:
    assert figure(0.1 + 0.2) == 0.3
    assert figure(1234567.891) == 1234570.0
    assert figure(-0.00012345678) == -0.000123457
    assert figure_or_none(None) is None
    assert figure_or_none(2 / 3) == 0.666667


def test_every_figure_can_be_written_as_json() -> None:
    assert figure(math.inf) == 1e300
    assert figure(-math.inf) == -1e300
    assert figure(math.nan) == 0.0
    assert math.copysign(1, figure(-0.0)) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (3, "3"),
        (3.14159, "3.14"),
        (99.94, "99.9"),
        (99.96, "100"),
        (12345.6, "12,346"),
        (0.000123456, "0.000123"),
    ],
)
def test_figures_in_words(value: float, words: str) -> None:
    assert in_words(value) == words


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.624, "62"), (1.0, "100"), (0.0994, "9.94"), (0.004, "0.4"), (-0.5, "-50")]
)
def test_percentages(ratio: float, words: str) -> None:
    assert percent(ratio) == words
