"""Intervals of a ratio, and the sentences about where a deficit lies."""

from __future__ import annotations

import pytest

from detectors.steps.attribution import Ratio, everywhere, somewhere, untold

SOME = Ratio(0.24, 0.19, 0.3)
REST = Ratio(0.98, 0.93, 1.04)
MOBILE = (("device", "mobile"),)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # The exact Poisson limits (Garwood 1936).
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (20, 12.217, 30.888), (100, 81.364, 121.627)],
)
def test_the_interval_is_that_of_the_poisson_count(count: int, low: float, high: float) -> None:
    found = Ratio.of(count, 50.0, 1.0)
    assert found.value == count / 50
    assert found.low == pytest.approx(low / 50, abs=0.0005)
    assert found.high == pytest.approx(high / 50, rel=0.01)


def test_clumped_events_widen_the_interval_as_if_there_were_fewer() -> None:
    clumped, fewer = Ratio.of(100, 200, 4.0), Ratio.of(25, 50, 1.0)
    assert (clumped.low, clumped.high) == pytest.approx((fewer.low, fewer.high))
    assert clumped.value == fewer.value == 0.5


def test_a_segment_is_named_with_its_share_and_both_ratios() -> None:
    found = somewhere((MOBILE,), 0.934, SOME, REST, 8.5)
    assert found.segments == ({"device": "mobile"},)
    assert found.explanation == (
        "device=mobile explains 93 % of what is missing: "
        "there 0.24 (0.19–0.30) of the usual completions, elsewhere 0.98 (0.93–1.04)"
    )


def test_a_pair_is_one_conjunction_and_a_union_several() -> None:
    pair = somewhere(((*MOBILE, ("region", "kyiv")),), 1.0, SOME, REST, 1.0)
    assert pair.segments == ({"device": "mobile", "region": "kyiv"},)
    assert pair.explanation.startswith("device=mobile with region=kyiv explains 100 % ")
    three = somewhere(tuple((("region", name),) for name in ("kyiv", "lviv", "odesa")), 1.0, SOME, REST, 1.0)
    assert three.segments == ({"region": "kyiv"}, {"region": "lviv"}, {"region": "odesa"})
    assert three.explanation.startswith("region=kyiv, lviv or odesa explain")


def test_nearly_all_is_not_called_all() -> None:
    assert " 99 % " in somewhere((MOBILE,), 0.999, SOME, REST, 1.0).explanation
    assert " 100 % " in somewhere((MOBILE,), 1.0, SOME, REST, 1.0).explanation


def test_everywhere_names_no_segment() -> None:
    found = everywhere(SOME, 2.0)
    assert (found.segments, found.inside, found.outside, found.share) == ((), SOME, None, None)
    assert found.explanation == "Everywhere: 0.24 (0.19–0.30) of the usual completions, and no segment stands apart"


def test_too_few_to_tell_says_how_few() -> None:
    found = untold(3.0, 10.4, SOME, -1.0)
    assert found.segments is None
    assert found.explanation == ("Not enough data to tell which segments: 3 of 10 expected completions came so far")
