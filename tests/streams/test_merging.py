"""Where an id leads to after merges."""

from __future__ import annotations

from streams.customer import Customer
from streams.merging import resolve


def test_a_chain_is_followed_to_its_end_however_long() -> None:
    known = {f"c{n}": Customer(into=f"c{n + 1}") for n in range(1000)}
    known["c1000"] = Customer()
    assert resolve("c0", known.get) == "c1000"


def test_an_id_that_was_never_merged_or_is_unknown_leads_to_itself() -> None:
    known = {"a": Customer()}
    assert resolve("a", known.get) == "a"
    assert resolve("nobody", known.get) == "nobody"
