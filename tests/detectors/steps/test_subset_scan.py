"""An alarm names what fell, says "everywhere" when all of it did, and admits when there is too little to tell."""

from __future__ import annotations

from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.recursion import Floats
from detectors.steps.attribution import Attribution
from detectors.steps.subset_scan import MOST_VALUES, SubsetScan, attribute

DIMENSIONS = ("device", "region")
DEVICES = ("desktop", "mobile", "tablet")
REGIONS = ("kyiv", "lviv", "odesa", "unknown")
CELLS = tuple(product(DEVICES, REGIONS))
SHOP = SubsetScan(CELLS, DIMENSIONS)
USUAL = np.array([120.0, 60, 40, 20, 180, 90, 60, 30, 30, 15, 10, 5])


def left(ratio: float, *, default: float = 1.0, **conditions: str | tuple[str, ...]) -> Floats:
    """What comes when a part of the expected is left in the cells that meet all conditions."""

    def fell(cell: tuple[str, ...]) -> bool:
        named = dict(zip(DIMENSIONS, cell, strict=True))
        return all(named[name] in ((value,) if isinstance(value, str) else value) for name, value in conditions.items())

    return np.round(USUAL * [ratio if fell(cell) else default for cell in CELLS])


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.5])
def test_one_value_that_fell_is_named(ratio: float) -> None:
    found = SHOP.attribute(left(ratio, device="mobile"), USUAL)
    assert found.segments == ({"device": "mobile"},)
    assert found.share == pytest.approx(1.0)
    assert found.inside is not None
    assert found.inside.value == pytest.approx(ratio)
    assert found.outside is not None
    assert found.outside.low < 1 < found.outside.high


def test_a_pair_of_values_that_fell_is_named_and_neither_of_the_two_alone() -> None:
    found = SHOP.attribute(left(0.1, device="mobile", region="kyiv"), USUAL)
    assert found.segments == ({"device": "mobile", "region": "kyiv"},)
    assert found.explanation == (
        "device=mobile with region=kyiv explains 100 % of what is missing: "
        "there 0.10 (0.06–0.16) of the usual completions, elsewhere 1.00 (0.91–1.09)"
    )


def test_two_values_of_one_dimension_that_fell_are_named_together() -> None:
    found = SHOP.attribute(left(0.3, region=("kyiv", "odesa")), USUAL)
    assert found.segments == ({"region": "kyiv"}, {"region": "odesa"})


def test_customers_of_whom_nothing_is_known_are_a_segment_like_any_other() -> None:
    assert SHOP.attribute(left(0.0, region="unknown"), USUAL).segments == ({"region": "unknown"},)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.6])
def test_a_fall_of_all_alike_is_everywhere(ratio: float) -> None:
    found = SHOP.attribute(left(ratio), USUAL)
    assert found.segments == ()
    assert found.inside is not None
    assert found.inside.value == pytest.approx(ratio, abs=0.01)
    assert found.explanation.startswith(f"Everywhere: {found.inside}")


def test_where_the_rest_is_low_too_and_holds_much_of_the_deficit_it_is_everywhere() -> None:
    assert SHOP.attribute(left(0.3, default=0.7, device="mobile"), USUAL).segments == ()


def test_where_the_rest_is_low_too_but_a_segment_holds_nearly_all_of_the_deficit_the_segment_is_named() -> None:
    found = SHOP.attribute(left(0.1, default=0.93, device="mobile") * 20, USUAL * 20)
    assert found.segments == ({"device": "mobile"},)
    assert found.share is not None
    assert 0.8 <= found.share < 1
    assert found.outside is not None
    assert found.outside.high < 1


def test_a_rest_within_the_tolerance_does_not_make_a_small_segment_everywhere() -> None:
    observed = left(0.2, default=0.95, device="tablet") * 50
    assert SHOP.attribute(observed, USUAL * 50).segments == ()
    assert SHOP.attribute(observed, USUAL * 50, tolerance=0.1).segments == ({"device": "tablet"},)


def test_from_a_handful_nobody_can_tell() -> None:
    found = SHOP.attribute(left(0.0, device="mobile") / 150, USUAL / 150)
    assert (found.segments, found.share) == (None, None)
    assert found.score < 0
    assert found.explanation == "Not enough data to tell which segments: 2 of 4 expected completions came so far"


def test_clumped_events_need_more_to_tell() -> None:
    observed = left(0.75, device="mobile")
    assert SHOP.attribute(observed, USUAL).segments == ({"device": "mobile"},)
    assert SHOP.attribute(observed, USUAL, dispersion=8.0).segments is None


def test_as_much_as_usual_is_nothing_to_explain() -> None:
    assert SHOP.attribute(USUAL, USUAL).segments is None
    assert SHOP.attribute(USUAL * 2, USUAL).segments is None


def test_where_nothing_was_expected_there_is_nothing_to_tell() -> None:
    found = SHOP.attribute(np.zeros(12), np.zeros(12))
    assert (found.segments, found.inside) == (None, None)


def test_without_segments_a_fall_is_everywhere() -> None:
    assert attribute([()], [], np.array([10.0]), np.array([60.0])).segments == ()
    assert attribute([("mobile",)], ["device"], np.array([10.0]), np.array([60.0])).segments == ()
    assert attribute([()], [], np.array([60.0]), np.array([60.0])).segments is None
    assert attribute([], ["device"], np.zeros(0), np.zeros(0)).segments is None


def test_two_names_for_the_same_customers_are_told_by_their_text() -> None:
    cells = [("touchline-app", "mobile"), ("web", "desktop")]
    for dimensions in (("app", "device"), ("client", "app")):
        found = attribute(cells, dimensions, np.array([10.0, 100.0]), np.array([100.0, 100.0]))
        assert found.segments is not None
        assert list(found.segments[0]) == [min(dimensions)]


def test_beyond_two_hundred_values_the_most_voluminous_are_looked_at() -> None:
    def found(fell: int) -> Attribution:
        cells = [(f"{at:03d}", "even" if at % 2 == 0 else "odd") for at in range(300)]
        expected = np.linspace(100.0, 50.0, 300)
        observed = expected.copy()
        observed[fell] = 0.0
        return attribute(cells, ["shop", "kind"], observed, expected)

    assert found(MOST_VALUES - 3).segments == ({"shop": f"{MOST_VALUES - 3:03d}"},)
    # Two of the 200 are the kinds.
    assert found(MOST_VALUES - 2).segments != ({"shop": f"{MOST_VALUES - 2:03d}"},)


@pytest.mark.parametrize(
    ("observed", "expected", "dispersion", "tolerance"),
    [
        (np.ones(11), np.ones(12), 1.0, 0.0),
        (np.ones(12), np.ones((12, 1)), 1.0, 0.0),
        (np.full(12, -1.0), np.ones(12), 1.0, 0.0),
        (np.ones(12), np.full(12, np.nan), 1.0, 0.0),
        (np.full(12, np.inf), np.ones(12), 1.0, 0.0),
        (np.ones(12), np.ones(12), 0.9, 0.0),
        (np.ones(12), np.ones(12), np.nan, 0.0),
        (np.ones(12), np.ones(12), 1.0, 1.0),
    ],
)
def test_numbers_that_mean_nothing_are_refused(
    observed: Floats, expected: Floats, dispersion: float, tolerance: float
) -> None:
    with pytest.raises(ValueError, match="expected"):
        SHOP.attribute(observed, expected, dispersion, tolerance)


def test_a_cell_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 values in every cell"):
        SubsetScan([("mobile", "kyiv"), ("mobile",)], DIMENSIONS)


COUNTS = st.lists(
    st.tuples(st.integers(0, 400), st.floats(0, 400, allow_subnormal=False)), min_size=len(CELLS), max_size=len(CELLS)
)
PHI = st.sampled_from([1.0, 1.7, 4.0])


def arrays(counts: list[tuple[int, float]]) -> tuple[Floats, Floats]:
    return np.array([float(count) for count, _ in counts]), np.array([expected for _, expected in counts])


@given(COUNTS, PHI, st.randoms(use_true_random=False))
def test_the_order_of_the_cells_changes_nothing_to_the_bit(
    counts: list[tuple[int, float]], dispersion: float, chance: object
) -> None:
    observed, expected = arrays(counts)
    order = list(range(len(CELLS)))
    chance.shuffle(order)  # type: ignore[attr-defined]  # hypothesis types its Random as object
    shuffled = attribute([CELLS[at] for at in order], DIMENSIONS, observed[order], expected[order], dispersion)
    assert msgspec.msgpack.encode(shuffled) == msgspec.msgpack.encode(SHOP.attribute(observed, expected, dispersion))


@given(COUNTS, PHI, st.integers(0, len(CELLS) - 1))
def test_a_cell_told_in_two_parts_is_the_same_cell(
    counts: list[tuple[int, float]], dispersion: float, which: int
) -> None:
    observed, expected = arrays(counts)
    whole = SHOP.attribute(observed, expected, dispersion)
    halved_observed, halved_expected = (
        np.append(observed, observed[which] / 2),
        np.append(expected, expected[which] / 2),
    )
    halved_observed[which] /= 2
    halved_expected[which] /= 2
    parts = attribute([*CELLS, CELLS[which]], DIMENSIONS, halved_observed, halved_expected, dispersion)
    assert parts.segments == whole.segments
    assert parts.score == pytest.approx(whole.score, abs=1e-6)


@given(COUNTS, PHI)
def test_cells_of_which_nothing_was_expected_and_nothing_came_change_nothing(
    counts: list[tuple[int, float]], dispersion: float
) -> None:
    observed, expected = arrays(counts)
    more = attribute(
        [*CELLS, ("watch", "kyiv"), ("watch", "rivne")],
        DIMENSIONS,
        np.append(observed, [0.0, 0.0]),
        np.append(expected, [0.0, 0.0]),
        dispersion,
    )
    assert more.segments == SHOP.attribute(observed, expected, dispersion).segments


@given(COUNTS, PHI)
def test_other_names_in_the_same_order_name_the_same_segments(
    counts: list[tuple[int, float]], dispersion: float
) -> None:
    observed, expected = arrays(counts)
    renamed = attribute(
        [(f"d-{device}", f"r-{region}") for device, region in CELLS], ("e", "f"), observed, expected, dispersion
    )
    plain = SHOP.attribute(observed, expected, dispersion)
    names = dict(zip(DIMENSIONS, (("e", "d-"), ("f", "r-")), strict=True))
    assert renamed.segments == (
        None
        if plain.segments is None
        else tuple({names[key][0]: names[key][1] + value for key, value in one.items()} for one in plain.segments)
    )
    assert renamed.score == plain.score


@given(COUNTS, PHI, st.sampled_from([2.0, 4.0, 8.0]))
def test_more_of_the_same_is_told_with_more_certainty(
    counts: list[tuple[int, float]], dispersion: float, times: float
) -> None:
    observed, expected = arrays(counts)
    few, many = (SHOP.attribute(observed * scale, expected * scale, dispersion) for scale in (1.0, times))
    assert many.score >= few.score or many.score < 0
    if few.segments is not None:
        assert many.segments is not None


@given(COUNTS, PHI)
def test_clumps_of_k_count_as_one_event_each(counts: list[tuple[int, float]], dispersion: float) -> None:
    observed, expected = arrays(counts)
    clumped = SHOP.attribute(observed * 4, expected * 4, dispersion * 4)
    single = SHOP.attribute(observed, expected, dispersion)
    assert clumped.segments == single.segments
    assert clumped.score == pytest.approx(single.score, abs=1e-9)


@given(COUNTS, PHI, st.floats(0, 0.9))
def test_what_is_named_has_fallen_below_the_rest_and_the_sentence_says_so(
    counts: list[tuple[int, float]], dispersion: float, tolerance: float
) -> None:
    observed, expected = arrays(counts)
    found = SHOP.attribute(observed, expected, dispersion, tolerance)
    if found.segments:
        assert found.inside is not None
        assert found.outside is not None
        assert found.inside.value < found.outside.value
        assert found.inside.value < 1
        assert found.score >= 0
        assert found.share is not None
        assert 0 < found.share <= 1
        for segment in found.segments:
            for dimension, value in segment.items():
                assert dimension in found.explanation
                assert value in found.explanation
    else:
        assert found.share is None
        assert found.outside is None
