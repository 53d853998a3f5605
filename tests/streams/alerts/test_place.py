"""What the file says about where an alert stands."""

from __future__ import annotations

import pytest

from streams.alerts.place import find_place, place_key
from streams.findings import SeriesKey
from tests.streams.alerts.shop import drop, score, shop, silence


def test_a_step_is_named_with_the_one_that_customers_do_not_reach() -> None:
    place = find_place(shop(), drop())
    assert place is not None
    assert (place.rule, place.step, place.next_step, place.signal) == (
        "purchase/checkout",
        "checkout",
        "paid",
        "conversion",
    )
    assert (place.owner, place.runbook) == ("checkout-team", "https://wiki.example/purchase")


def test_arrivals_come_before_the_first_conversion_and_miss_no_step() -> None:
    arrivals = find_place(shop(), SeriesKey("arrivals", "up", "purchase"))
    conversion = find_place(shop(), drop("cart"))
    assert arrivals is not None
    assert conversion is not None
    assert (arrivals.rule, arrivals.step, arrivals.next_step) == ("purchase/cart", "cart", None)
    assert arrivals.position is not None
    assert conversion.position is not None
    assert arrivals.position < conversion.position


def test_a_signal_stands_where_the_file_places_it() -> None:
    placed, loose = find_place(shop(), score()), find_place(shop(), score("calls"))
    assert placed is not None
    assert loose is not None
    assert (placed.rule, placed.journey, placed.step, placed.owner) == ("csat", "purchase", "paid", "checkout-team")
    assert (loose.rule, loose.journey, loose.owner, loose.severity) == ("calls", None, None, "info")


def test_a_source_is_its_own_name() -> None:
    place = find_place(shop(), silence("payments"))
    assert place is not None
    assert (place.rule, place.signal, place.source, place.owner) == ("payments", "silence", "payments", None)


@pytest.mark.parametrize(
    "series", [drop("gone"), drop("cart", "gone"), score("gone"), SeriesKey("arrivals", "up", "gone")]
)
def test_what_is_not_in_the_file_has_no_place(series: SeriesKey) -> None:
    assert find_place(shop(), series) is None


def test_segments_share_the_place_of_the_whole() -> None:
    assert place_key(drop(dimension="device", value="mobile")) == drop()
    assert place_key(drop()) == drop()
