"""One number of false alarms is spread over everything watched, and never exceeded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.stages.budget import NONE, REST, Budget, Live, handed_out, per_second, per_week, shares
from streams.units import Rate

COUNTS = st.integers(0, 500)


@given(COUNTS, COUNTS, COUNTS, st.floats(1e-9, 1.0))
def test_all_of_the_budget_is_handed_out_and_not_more_as_soon_as_anything_is_live(
    wholes: int, segments: int, others: int, budget: float
) -> None:
    live = Live(wholes, segments, others)
    granted = sum(part * count for part, count in zip(shares(budget, live), live, strict=True))
    assert granted == pytest.approx(budget if any(live) else 0.0)


def test_half_goes_to_whole_steps_and_a_quarter_each_to_segments_and_other_signals() -> None:
    granted = shares(1.0, Live(2, 5, 10))
    assert granted == pytest.approx((0.25, 0.05, 0.025))


@pytest.mark.parametrize(
    ("live", "parts"),
    [
        (Live(1, 0, 0), (1.0, 0.0, 0.0)),
        (Live(1, 1, 0), (2 / 3, 1 / 3, 0.0)),
        (Live(1, 0, 1), (2 / 3, 0.0, 1 / 3)),
        (Live(0, 1, 1), (0.0, 0.5, 0.5)),
        (Live(0, 0, 1), (0.0, 0.0, 1.0)),
        (Live(0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_what_a_group_does_not_use_goes_to_the_others_in_proportion(
    live: Live, parts: tuple[float, float, float]
) -> None:
    assert shares(1.0, live) == pytest.approx(parts)


@given(COUNTS, COUNTS, COUNTS)
def test_whoever_joins_takes_from_nobody_more_than_is_there(wholes: int, segments: int, others: int) -> None:
    before, after = shares(1.0, Live(wholes, segments, others)), shares(1.0, Live(wholes + 1, segments, others))
    if wholes:
        assert after.whole < before.whole
    assert after.segment <= before.segment + 1e-12
    assert after.other <= before.other + 1e-12


def budget(alerts: str) -> Budget:
    steps = "{steps: [{name: a, on: a.a}, {name: b, on: b.b}]}"
    return Budget(load_text(f"alerts: {alerts}\njourneys: {{shop: {steps}, care: {steps}}}\n", "t.yml").config)


LIVES = st.builds(Live, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))


@given(LIVES, LIVES, LIVES, st.integers(1, 60), st.integers(1, 39))
def test_however_it_is_split_all_of_the_budget_is_handed_out_and_not_more(
    shop: Live, care: Live, rest: Live, one: int, other: int
) -> None:
    split = budget(f"{{false_alarms: 7 per week, split: {{shop: {one}%, care: {other}%}}}}")
    live = {"shop": shop, "care": care, REST: rest}
    granted = split.shares(live)
    total = sum(handed_out(granted[part], live[part]) for part in live)
    anybody = any(any(part) for part in live.values())
    assert total == pytest.approx(7 / 604_800 if anybody else 0.0)
    if all(any(part) for part in live.values()):
        assert handed_out(granted["shop"], shop) == pytest.approx(7 / 604_800 * one / 100)


def test_a_journey_without_a_part_of_its_own_shares_with_everything_else() -> None:
    split = budget("{split: {shop: 50%}}")
    assert [split.part(journey) for journey in ("shop", "care", None, "")] == ["shop", REST, REST, REST]
    assert split.parts == {"shop": 0.5, REST: 0.5}


def test_what_a_part_does_not_use_goes_to_the_others() -> None:
    split = budget("{split: {shop: 50%, care: 25%}}")
    granted = split.shares({"care": Live(1, 0, 0), REST: Live(0, 0, 1)})
    assert granted["shop"] == NONE
    assert granted["care"].whole == pytest.approx(granted[REST].other) == pytest.approx(1 / 604_800 / 2)


def test_without_a_share_of_false_alerts_evidence_of_1_fires() -> None:
    assert [budget("{}").bar(standing) for standing in (0, 1, 50)] == [1.0, 1.0, 1.0]


def test_the_fewer_alerts_stand_the_more_evidence_the_next_one_needs() -> None:
    tenth = budget("{false_share: 10%}")
    assert [tenth.bar(standing) for standing in (0, 1, 4, 9, 50)] == pytest.approx([10.0, 5.0, 2.0, 1.0, 1.0])


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_of_the_alerts_that_stand_no_more_are_false_than_was_asked_for(share: float) -> None:
    # Twenty quiet series that were granted one false alarm together: P(evidence ≥ b) = 1/20b, as bad as it may be.
    chance = random.Random(5)
    part = budget(f"{{false_share: {share}}}")
    shares = []
    for _ in range(2000):
        standing, false = chance.choice([0, 1, 5]), 0
        for _ in range(20):
            evidence = 1 / 20 / max(chance.random(), 1e-12)
            if evidence >= part.bar(standing):
                standing, false = standing + 1, false + 1
        shares.append(false / standing if standing else 0.0)
    assert sum(shares) / len(shares) <= share * 1.25 + 0.01


def test_a_budget_is_given_per_any_time() -> None:
    weekly = Rate(3, "week")
    assert per_second(weekly) == pytest.approx(3 / 604_800)
    assert per_week(weekly) == 3
    assert per_week(Rate(1, "hour")) == 168
