"""Pictures of the console's pages: for the documentation with `make images`, else kept as the run's artefacts.

`TOUCHLINE_IMAGES` names the folder they go to; without it that is the test's own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from tests.browser.console import Watched, console
from tests.browser.live_shop import LiveShop
from tests.browser.test_cases import hear

pytestmark = pytest.mark.browser
IMAGES = "TOUCHLINE_IMAGES"
DESKTOP, PHONE = 1320, 390
WALL = 1920
PLACES = {"alarm": "alarm/", "cases": "cases", "customer": "customer/ann", "decisions": "decisions", "health": "health"}


async def shop_in_trouble(past: int) -> LiveShop:
    """A shop with so much past, an incident that has just begun, and an unhappy customer."""
    shop = LiveShop(rate=50, customers=200_000, incident_after=past)
    shop.advance(past)
    shop.advance(140 * SECOND)
    await hear(shop, "survey.answered", "ann", metric="nps", score=2, comment="the courier never came")
    await hear(shop, "call.ended", "ann", tier="gold", duration_s=60)
    shop.hold(1, b'{"specversion":"1.0","source":"shop"}')
    return shop


async def take(watched: Watched, target: Path, name: str) -> None:
    """A picture of what is on the screen, without anything that moves."""
    await watched.page.mouse.move(0, 0)
    picture = await watched.page.screenshot(path=target / f"{name}.png", animations="disabled")
    assert len(picture) > 10_000


async def test_pictures_of_every_page_in_light_dark_ukrainian_and_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    folder = os.environ.get(IMAGES)
    shop = await shop_in_trouble(35 * MINUTE if folder else 6 * MINUTE)
    target = Path(folder) if folder else tmp_path
    assert shop.alarm_view is not None
    alert = shop.alarm_view.alerts[0].fingerprint
    for name, width, dark in (
        ("console", DESKTOP, False),
        ("console-dark", DESKTOP, True),
        ("console-phone", PHONE, False),
    ):
        async with console(browser, shop, demo=True, width=width, dark=dark) as watched:
            await expect(watched.page.locator("#incident")).to_contain_text("planted")
            if width == DESKTOP:
                await watched.page.locator("[data-journey=purchase] .pass").nth(2).click()
                await expect(watched.page.locator(".dims table").first).to_be_visible()
            await take(watched, target, name)
    async with console(browser, shop, demo=True) as watched:
        for page, place in PLACES.items():
            await watched.open(place + alert if place.endswith("/") else place)
            await expect(watched.page.locator("main h2").first).to_be_visible()
            await take(watched, target, f"console-{page}")
    async with console(browser, shop, "wall", demo=True, width=WALL) as watched:
        await watched.page.set_viewport_size({"width": WALL, "height": WALL * 9 // 16})
        await expect(watched.page.locator(".wall-rate").first).to_be_visible()
        await take(watched, target, "console-wall")
    async with console(browser, shop, f"alarm/{alert}", demo=True, dark=True, language="uk-UA") as watched:
        await expect(watched.page.locator("#alarm-title")).to_be_visible()
        await take(watched, target, "console-alarm-uk")
