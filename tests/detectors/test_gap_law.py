"""The law of gaps: bounds that stay below the true hazard, where it was seen and beyond."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.gap_law import ENDED, EXPOSED, TRIED, GapLaw, _bend
from detectors.recursion import Floats

DAY = 86_400.0


def learnt(lengths: Floats, half_life: float = math.inf) -> GapLaw:
    """The law after gaps of so many updates of a second each."""
    law = GapLaw(1.0, half_life)
    starts = np.array(law._starts)
    for length in lengths:
        gap = np.zeros((3, law.bins))
        gap[TRIED] = gap[EXPOSED] = np.clip(length - starts, 0, np.diff(starts, append=math.inf))
        gap[ENDED, law.bin(length - 1)] += 1
        law.learn(gap, float(length))
    return law


def geometric(chance: np.random.Generator, share: float, size: int) -> Floats:
    return chance.geometric(share, size).astype(float)


def at(law: GapLaw, age: float) -> float:
    return law.hazard(law.bin(age))


def test_bins_cover_every_age_without_gaps() -> None:
    law = GapLaw(10.0, DAY)
    assert [law.bin(age) for age in (0.0, 9.99, 10.0, 19.0, 20.0)] == [0, 0, 1, 1, 2]
    assert law.bin(1e9) == law.bins - 1
    assert [law.end(law.bin(age)) for age in (0.0, 10.0)] == [10.0, 20.0]
    assert law.end(law.bins - 1) == math.inf


@pytest.mark.parametrize("share", [0.02, 0.3, 0.95])
def test_the_bound_lies_below_the_true_hazard_and_near_it(share: float) -> None:
    chance, true = np.random.default_rng(1), -math.log1p(-share)
    for gaps in (100, 2000):
        laws = [learnt(geometric(chance, share, gaps)) for _ in range(12)]
        bounds = np.array([[at(law, age) for age in (0, 1 / share, 4 / share, 30 / share)] for law in laws])
        assert np.mean(bounds <= true) >= 0.97
        assert bounds.mean() > (0.25 if gaps == 100 else 0.5) * true


def test_a_source_that_was_never_silent_is_surer_the_longer_it_was_seen() -> None:
    for gaps in (100, 1000, 10_000):
        assert at(learnt(np.ones(gaps)), 0) == pytest.approx(math.log((gaps + 9) / 9))


def test_beyond_the_longest_gap_an_exponential_law_goes_on_as_it_was() -> None:
    law = learnt(geometric(np.random.default_rng(2), 0.1, 5000))
    true = -math.log(0.9)
    assert 0.4 * true < at(law, 200) <= true
    assert at(law, 1000) > 0.25 * true


@pytest.mark.parametrize("power", [1.1, 1.5, 2.5])
def test_beyond_the_longest_gap_a_heavy_tail_goes_on_falling(power: float) -> None:
    chance = np.random.default_rng(3)
    lengths = np.ceil(chance.random(5000) ** (-1 / power))
    law, longest = learnt(lengths), float(lengths.max())
    for age in (longest, 3 * longest, 10 * longest):
        assert at(law, age) <= 1.25 * power / age
    assert at(law, 10 * longest) < at(law, longest) / 3


def test_what_was_learnt_counts_half_after_its_half_life() -> None:
    law = learnt(np.array([1.0, 100.0]), half_life=100.0)
    assert law.gaps == pytest.approx(1.5)
    assert law.rate == pytest.approx(1.5 / 100.5)


def test_too_few_gaps_bound_nothing() -> None:
    assert at(learnt(np.ones(29)), 0) == 0
    assert at(learnt(np.ones(30)), 0) > 0
    assert GapLaw(1.0, DAY).rate == 0


def test_the_bend_of_a_tail_is_the_best_one_of_all() -> None:
    """Against a search over every bend, for laws that bend in all ways; Newton alone runs away at two lengths."""
    chance = np.random.default_rng(6)
    for lengths in (
        geometric(chance, 0.05, 300),
        np.ceil(chance.random(2000) ** (-1 / 1.5)),
        chance.integers(55, 62, 300).astype(float),
        np.array(([1.0] * 19 + [280.0]) * 20),
    ):
        law = learnt(lengths)
        ended, _, exposed = law.sums
        found, around = _bend(ended, exposed, law._log_ages)
        bends = np.linspace(-3, 3, 3001)
        due = exposed[:, None] * np.exp(np.outer(law._log_ages - law._log_ages[0], bends))
        due /= due.sum(axis=0)
        came = ended > 0
        posterior = ended[came] @ np.log(due[came]) - bends**2 / (2 * 0.3**2)
        best = int(np.argmax(posterior))
        spread = due[:, best] @ (law._log_ages - around) ** 2 * ended.sum()
        assert found == pytest.approx(min(0.0, bends[best] - 1 / math.sqrt(spread + 1 / 0.3**2)), abs=0.01)


def test_few_pauses_among_many_short_gaps_count_at_once() -> None:
    law = learnt(np.array(([1.0] * 25 + [280.0]) * 4))
    assert sum(at(law, age) for age in range(280)) < 6


def test_ages_at_which_no_gap_ends_have_no_hazard() -> None:
    """A job that runs every 60 s, give or take one: a silence of 30 s says nothing."""
    law = learnt(np.random.default_rng(4).integers(59, 62, 2000).astype(float))
    assert at(law, 30) < 1e-3
    assert at(law, 60) > 0.1
    assert at(law, 90) > 0.1
