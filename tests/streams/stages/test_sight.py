"""What a step can see by now, in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stages.sight import delay_seconds, in_words
from tests.streams.stages.shop import FAULT, FIXED
from tests.streams.stages.test_step_watch import lived, watch

WEEK = 1 / 604_800
DROPS = st.floats(0.2, 1.0)
RATES = st.floats(0.001, 100)


@given(DROPS, DROPS, RATES)
def test_deeper_drops_are_seen_sooner(one: float, other: float, rate: float) -> None:
    shallow, deep = sorted((one, other))
    assert delay_seconds(deep, rate, 0.01, 1.0, WEEK) <= delay_seconds(shallow, rate, 0.01, 1.0, WEEK)


@given(DROPS, RATES, RATES)
def test_busier_steps_see_sooner(drop: float, one: float, other: float) -> None:
    quiet, busy = sorted((one, other))
    assert delay_seconds(drop, busy, 0.01, 1.0, WEEK) <= delay_seconds(drop, quiet, 0.01, 1.0, WEEK) * (1 + 1e-9)


@given(DROPS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_an_uncertain_baseline_sees_later(drop: float, one: float, other: float) -> None:
    sure, unsure = sorted((one, other))
    assert delay_seconds(drop, 1.0, sure, 1.0, WEEK) <= delay_seconds(drop, 1.0, unsure, 1.0, WEEK) * (1 + 1e-9)


def test_noise_delays_and_credit_hastens() -> None:
    plain = delay_seconds(0.5, 1.0, 0.01, 1.0, WEEK)
    assert delay_seconds(0.5, 1.0, 0.01, 3.0, WEEK) > 2 * plain
    assert delay_seconds(0.5, 1.0, 0.01, 1.0, 100 * WEEK) < plain


@pytest.mark.parametrize(
    ("drop", "rate", "kappa", "credit"),
    [
        (0.1, 1.0, 0.0, WEEK),
        (0.5, 0.0, 0.0, WEEK),
        (0.5, 1.0, 0.0, 0.0),
        (0.5, 1.0, 1.0, WEEK),
        (1.0, 1.0, math.inf, WEEK),
    ],
)
def test_what_the_null_allows_is_never_seen(drop: float, rate: float, kappa: float, credit: float) -> None:
    assert delay_seconds(drop, rate, kappa, 1.0, credit) == math.inf


@pytest.mark.parametrize(
    ("drop", "rate", "measured"),
    # detection.md section 5, one series with one day of learning, one week between false alarms.
    [
        (1.0, 3.0, 6),
        (0.8, 3.0, 12),
        (0.5, 3.0, 37),
        (0.3, 3.0, 104),
        (1.0, 0.3, 45),
        (0.5, 0.3, 204),
        (0.5, 0.05, 1057),
    ],
)
def test_the_delay_is_about_what_simulations_measure(drop: float, rate: float, measured: float) -> None:
    kappa = 1 / math.sqrt(rate * 86_400)
    assert measured / 2 <= delay_seconds(drop, rate, kappa, 1.0, WEEK) <= 2.2 * measured


def test_before_anybody_has_gone_on_nothing_is_seen() -> None:
    assert in_words(watch()) == "nothing yet: nobody has gone on so far"


def test_a_learnt_step_says_how_soon_and_how_little() -> None:
    step, _ = lived(FAULT, 0.0)
    words = in_words(step)
    assert words.startswith("an outage within ")
    assert " s, nothing smaller than " in words
    assert words.endswith(" %")


def test_while_it_fires_it_looks_for_the_end() -> None:
    step, _ = lived(FIXED - 60)
    assert in_words(step) == "whether it is well again"


def test_it_sees_more_the_longer_it_has_learnt() -> None:
    def least(until: int) -> int:
        words = in_words(lived(until, 0.0)[0])
        return int(words.split("nothing smaller than ")[1].removesuffix(" %"))

    assert least(FAULT) <= least(FAULT - 1000)
