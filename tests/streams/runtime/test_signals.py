"""SignalStage as the embedded service feeds and stores it."""

from __future__ import annotations

import pytest

from streams.effects import Entered, Partial
from streams.runtime.files import Files
from streams.runtime.signals import SignalFeed
from tests.streams.runtime.shop import FILE, shop

SHOP = shop()
RENAMED = shop(FILE.replace("name: paid", "name: bought"))
NARROW = shop(RENAMED.text.replace("segments: [device, region]", "segments: [device]"))
FILES = Files(SHOP, {other.hash: ("other.yml", other.text) for other in (RENAMED, NARROW)})


def partial(number: int, config: str, step: str = "cart", cell: tuple[str, ...] = ("web", "kyiv")) -> Partial:
    entered = (Entered("purchase", step, cell, 1, 0),)
    return Partial(0, number, 1_000 + number, 1_000 + number, config, entered=entered)


def test_only_what_changed_is_stored_under_the_same_file() -> None:
    feed = SignalFeed(FILES, {}, 0, SHOP.hash)
    feed.add([partial(0, SHOP.hash)])
    feed.feed_one()
    pieces, read, config = feed.changes()
    assert (read, config) == (1, SHOP.hash)
    assert "step/purchase/cart" in pieces
    assert set(feed.changes()[0]) == {"meta"}


def test_a_step_that_another_file_drops_leaves_the_store_so_that_it_cannot_come_back() -> None:
    feed = SignalFeed(FILES, {}, 0, SHOP.hash)
    feed.add([partial(0, SHOP.hash)])
    feed.feed_one()
    stored = feed.stage.snapshot()
    assert "step/purchase/paid" in stored
    again = SignalFeed(FILES, stored, 1, SHOP.hash)
    again.add([partial(1, RENAMED.hash)])
    again.feed_one()
    pieces, read, config = again.changes()
    assert (read, config) == (2, RENAMED.hash)
    assert pieces["step/purchase/paid"] is None
    assert set(again.stage.snapshot()) == {name for name, body in pieces.items() if body is not None}
    later, _, _ = again.changes()
    assert "step/purchase/paid" not in later


def test_a_partial_that_is_missing_is_noticed() -> None:
    feed = SignalFeed(FILES, {}, 0, SHOP.hash)
    feed.add([partial(1, SHOP.hash)])
    with pytest.raises(RuntimeError, match="partial 1 came where 0 was expected"):
        feed.feed_one()


def test_what_went_and_came_back_between_two_commits_begins_anew_after_a_restart_too() -> None:
    feed = SignalFeed(FILES, {}, 0, SHOP.hash)
    for number in range(60):
        feed.add([partial(number, SHOP.hash, "checkout" if number % 2 else "paid")])
        feed.feed_one()
    stored = feed.stage.snapshot()
    again = SignalFeed(FILES, stored, 60, SHOP.hash)
    again.add([partial(60, NARROW.hash, cell=("web",)), partial(61, SHOP.hash)])
    again.feed_one()
    again.feed_one()
    cart, checkout, paid = again.view(SHOP.hash).journeys[0].steps
    assert (cart.totals.entered, checkout.totals.entered, paid.totals.entered) == (2, 30, 0)
    assert {segment.dimension for segment in checkout.segments} == {"device"}
    pieces, read, config = again.changes()
    kept = {name: body for name, body in {**stored, **pieces}.items() if body is not None}
    assert SignalFeed(FILES, kept, read, config).view(config) == again.view(config)


def test_before_the_first_event_a_changed_file_is_shown_as_it_will_begin() -> None:
    feed = SignalFeed(FILES, {}, 0, SHOP.hash)
    shown = [step.name for step in feed.view(RENAMED.hash).journeys[0].steps]
    assert shown == ["cart", "checkout", "bought"]
    assert [step.name for step in feed.view(SHOP.hash).journeys[0].steps] == ["cart", "checkout", "paid"]
    feed.add([partial(0, SHOP.hash)])
    feed.feed_one()
    assert feed.view(RENAMED.hash).journeys[0].steps[-1].name == "paid", "the stage follows with the next partial"
