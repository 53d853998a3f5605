"""River's Page–Hinkley test behind the contract: the same alarms as River's own, and how near one is."""

from __future__ import annotations

import random
from typing import Literal

import pytest
from river import drift

from detectors.page_hinkley import PageHinkley


def stream(seed: int, after: float = 4.0) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(5 if at < 800 else after, 1) for at in range(1600)]


@pytest.mark.parametrize(("mode", "after", "first"), [("down", 4.0, 871), ("up", 6.0, 932), ("both", 4.0, 871)])
def test_it_alarms_when_rivers_own_does(mode: Literal["up", "down", "both"], after: float, first: int) -> None:
    ours, rivers = PageHinkley(threshold=120.0, mode=mode), drift.PageHinkley(threshold=120.0, mode=mode)
    found, expected = [], []
    for at, x in enumerate(stream(1, after)):
        rivers.update(x)  # type: ignore[no-untyped-call]  # River has no annotations here
        if ours.update(x).alarm:
            found.append(at)
        if rivers.drift_detected:
            expected.append(at)
    assert found == expected
    assert found[0] == first


def test_a_steady_series_says_nothing() -> None:
    chance, detector = random.Random(2), PageHinkley(threshold=120.0)
    assert not any(detector.update(chance.gauss(5, 1)).alarm for _ in range(1000))


def test_the_level_is_the_part_of_the_threshold_used_up() -> None:
    detector = PageHinkley(min_instances=10, delta=0.0, threshold=10.0, alpha=1.0, mode="up")
    for _ in range(10):
        assert detector.update(0.0).level == 0
    verdict = detector.update(5.0)
    assert verdict.level == pytest.approx((5 - 5 / 11) / 10)
    assert not verdict.alarm


def test_a_change_the_other_way_does_not_count() -> None:
    detector = PageHinkley(mode="up")
    assert not any(detector.update(x).alarm for x in stream(1))


@pytest.mark.parametrize(
    "wrong", [{"min_instances": 0}, {"delta": -1.0}, {"threshold": 0.0}, {"alpha": 0.0}, {"alpha": 1.1}, {"mode": "a"}]
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        PageHinkley(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_number_that_would_blind_it_is_refused() -> None:
    for x in (1e200, float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="expected a number"):
            PageHinkley().update(x)
