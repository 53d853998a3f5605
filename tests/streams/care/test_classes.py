"""Answers fall into classes, on any scale."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.care.classes import CLASSES, better, class_of


@pytest.mark.parametrize(
    ("metric", "classes"),
    [
        ("nps", "dddddddppPP"),
        ("enps", "dddddddppPP"),
    ],
)
def test_promoters_give_nine_or_ten_and_detractors_six_or_less(metric: str, classes: str) -> None:
    names = {"d": "detractor", "p": "passive", "P": "promoter"}
    found = [class_of({"metric": metric, "score": score}) for score in range(11)]
    assert found == [(metric, names[letter]) for letter in classes]


def test_one_and_two_of_five_are_dissatisfied_and_four_and_five_satisfied() -> None:
    found = [class_of({"metric": "csat", "score": score}) for score in range(1, 6)]
    assert [one[1] for one in found if one] == ["dissatisfied"] * 2 + ["neutral"] + ["satisfied"] * 2


def test_an_effort_of_five_to_seven_of_seven_is_easy_and_up_to_three_difficult() -> None:
    found = [class_of({"metric": "ces", "score": score}) for score in range(1, 8)]
    assert [one[1] for one in found if one] == ["difficult"] * 3 + ["neutral"] + ["easy"] * 3


@pytest.mark.parametrize(
    ("metric", "scale", "scores", "names"),
    [
        ("csat", [1, 3], (1, 2, 3), ("dissatisfied", "neutral", "satisfied")),
        ("csat", [0, 1], (0, 1), ("dissatisfied", "satisfied")),
        ("csat", [0, 10], (1, 2, 8, 9), ("dissatisfied", "neutral", "neutral", "satisfied")),
        ("ces", [1, 5], (2, 3, 4), ("difficult", "neutral", "easy")),
        ("nps", [1, 11], (7, 8, 10), ("detractor", "passive", "promoter")),
    ],
)
def test_other_scales_are_read_by_their_ends(
    metric: str, scale: list[int], scores: tuple[int, ...], names: tuple[str, ...]
) -> None:
    found = [class_of({"metric": metric, "score": score, "scale": scale}) for score in scores]
    assert found == [(metric, name) for name in names]


@pytest.mark.parametrize(
    "data",
    [{}, {"metric": "nps"}, {"metric": "taste", "score": 3}, {"metric": ["nps"], "score": 3}, {"score": 3}],
)
def test_an_answer_without_score_or_of_a_metric_of_ones_own_has_no_class(data: dict[str, Any]) -> None:
    assert class_of(data) is None


def test_an_answer_is_better_when_its_class_is() -> None:
    assert better("nps", "passive", "detractor")
    assert not better("nps", "detractor", "detractor")
    assert not better("csat", "dissatisfied", "neutral")


@given(st.sampled_from(sorted(CLASSES)), st.integers(-50, 50), st.integers(1, 100), st.data())
def test_a_higher_score_is_never_of_a_worse_class(metric: str, low: int, width: int, data: st.DataObject) -> None:
    scores = sorted(data.draw(st.tuples(*[st.floats(low, low + width)] * 2)))
    ranks = []
    for score in scores:
        found = class_of({"metric": metric, "score": score, "scale": [low, low + width]})
        assert found is not None
        ranks.append(CLASSES[metric].index(found[1]))
    assert ranks == sorted(ranks)
