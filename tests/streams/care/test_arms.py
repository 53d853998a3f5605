"""The draw between arms: its chance is what it says, and it comes out the same on every run."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.care.arms import WHOLE, Learnt, arms_of, chance, draw
from streams.config.load import load_text
from streams.effects import Lesson

ARMS = ("email", "sms", "phone", "web")
WEIGHTS = st.dictionaries(st.sampled_from(ARMS), st.integers(0, WHOLE))
SOME = st.lists(st.sampled_from(ARMS), min_size=1, unique=True).map(tuple)
EXPLORE = st.floats(0.001, 1)


@given(SOME, WEIGHTS, EXPLORE)
def test_the_chances_are_one_together_and_none_is_below_its_share_of_exploring(
    arms: tuple[str, ...], weights: dict[str, int], explore: float
) -> None:
    chances = [chance(arms, weights, explore, arm) for arm in arms]
    assert sum(chances) == pytest.approx(1)
    assert min(chances) >= explore / len(arms) - 1e-12


@given(SOME, WEIGHTS, EXPLORE, st.text())
def test_what_is_drawn_is_an_arm_that_would_do_with_the_chance_it_has(
    arms: tuple[str, ...], weights: dict[str, int], explore: float, ask: str
) -> None:
    drawn = draw(arms, weights, explore, "rule", "channel", ask)
    assert drawn.arm in arms
    assert drawn.share == round(WHOLE * chance(arms, weights, explore, drawn.arm))
    assert drawn.explored or weights.get(drawn.arm, 0) > 0
    assert drawn == draw(arms, weights, explore, "rule", "channel", ask)


@pytest.mark.parametrize(
    ("weights", "explore"), [({}, 0.1), ({"email": 900_000, "sms": 100_000}, 0.1), ({"phone": 5}, 0.4)]
)
def test_over_many_asks_each_arm_comes_as_often_as_its_chance_says(weights: dict[str, int], explore: float) -> None:
    count = 20_000
    drawn = [draw(ARMS, weights, explore, "rule", "channel", f"ask-{number}") for number in range(count)]
    seen = Counter(one.arm for one in drawn)
    for arm in ARMS:
        expected = chance(ARMS, weights, explore, arm)
        assert abs(seen[arm] / count - expected) < 4 * (expected * (1 - expected) / count) ** 0.5
    tried = sum(one.explored for one in drawn) / count
    assert tried == pytest.approx(explore if weights else 1, abs=0.015)


def test_what_was_learnt_holds_from_its_time_on_and_for_what_is_judged_before_it_the_earlier_does() -> None:
    learnt = Learnt()
    assert learnt.weights("rule", "channel", 50) == {}
    for number in range(5):
        learnt.hear(Lesson(number, 100 * number, {"rule": {"channel": {"sms": number}}}))
    assert [learnt.weights("rule", "channel", now) for now in (399, 400, 10**9)] == [{"sms": 3}, {"sms": 4}, {"sms": 4}]
    assert learnt.weights("rule", "channel", 250) == {"sms": 2}
    assert learnt.weights("other", "channel", 400) == learnt.weights("rule", "time", 400) == {}
    assert len(learnt.lessons) == 3


def test_arms_are_named_as_the_file_names_them() -> None:
    file = """
version: 1
feedback:
  plain: {ask: csat, after: order.delivered, channels: [email, sms]}
  all: {ask: csat, after: call.ended, channels: [sms, web],
        learn: {channel: true, times: ["08:00", "18:30"], waits: [90m, 0s]}}
"""
    rules = load_text(file).config.feedback
    assert arms_of(rules["plain"]) == {}
    assert arms_of(rules["all"]) == {
        "channel": ("sms", "web"),
        "wait": ("1h30m", "0s"),
        "time": ("08:00", "18:30"),
    }
