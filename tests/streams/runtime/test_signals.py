"""SignalStage as the embedded service feeds and stores it."""

from __future__ import annotations

import pytest

from streams.effects import Entered, Partial
from streams.runtime.files import Files
from streams.runtime.signals import SignalFeed
from tests.streams.runtime.shop import FILE, shop

SHOP = shop()
RENAMED = shop(FILE.replace("name: paid", "name: bought"))
FILES = Files(SHOP, {RENAMED.hash: ("renamed.yml", RENAMED.text)})


def partial(number: int, config: str) -> Partial:
    entered = (Entered("purchase", "cart", ("web", "kyiv"), 1, 0),)
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
