"""What a watcher tells."""

from __future__ import annotations

from streams.findings import Finding, SeriesKey, without

FINDING = Finding(SeriesKey("conversion", "down", "purchase", "cart"), 60, 0, 0, 0, 3.0, 40.0, examples=("anna", "ben"))


def test_customers_are_taken_out_of_the_examples() -> None:
    assert without(FINDING, {"anna"}).examples == ("ben",)
    assert without(FINDING, {"anna"}).observed == FINDING.observed
    assert without(FINDING, {"carl"}) is FINDING
