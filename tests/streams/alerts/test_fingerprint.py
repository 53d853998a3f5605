"""The fingerprint is part of what others store: it must never change."""

from __future__ import annotations

from itertools import combinations

from streams.alerts.fingerprint import fingerprint
from streams.findings import SeriesKey
from tests.streams.alerts.shop import drop, score, silence


def test_the_fingerprint_of_a_series_is_this_one_for_ever() -> None:
    assert fingerprint(drop()) == "hpwio26ag7jf7oflixwranodxa"
    assert fingerprint(drop(dimension="device", value="mobile")) == "a57nzlfvohnzz5ex3g625koi64"
    assert fingerprint(silence("Zahlung ä")) == "ze7ciq352smkr7lrzyuknwimb4"


def test_series_that_differ_in_anything_have_different_fingerprints() -> None:
    series = [
        drop(),
        drop("cart"),
        drop("form", "signup"),
        drop(dimension="device", value="mobile"),
        drop(dimension="device", value="tablet"),
        drop(dimension="dev", value="icemobile"),
        SeriesKey("conversion", "up", "purchase", "checkout"),
        SeriesKey("arrivals", "down", "purchase", "checkout"),
        score(),
        score("calls"),
        silence("csat"),
    ]
    for one, other in combinations(series, 2):
        assert fingerprint(one) != fingerprint(other)
    assert all(len(fingerprint(one)) == 26 for one in series)
