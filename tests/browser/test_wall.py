"""The wall: what fires and every journey, read from five metres, with nothing to press."""

from __future__ import annotations

import re

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.browser.test_console import shown, step
from tests.streams.runtime import alarm_views

pytestmark = pytest.mark.browser
READABLE_PIXELS = 28
"""At 1920 × 1080 on a screen of 1.2 m: letters of 17 mm, which five metres need."""
SMALLEST = """() => Math.min(...[...document.querySelectorAll("#wall *")]
  .filter(node => node.offsetHeight && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
  .map(node => parseFloat(getComputedStyle(node).fontSize)))"""


async def large(page: Page) -> None:
    """A large screen, once the wall is dressed for it: its sheet is loaded, and what fits was measured again."""
    await page.set_viewport_size({"width": 1920, "height": 1080})
    await expect(page.locator(".wall-rate").first).to_be_visible()
    await expect(page.locator("body")).to_have_css("background-color", "rgb(13, 17, 21)")
    await page.wait_for_function("[document.body.scrollWidth, document.body.scrollHeight].join() === '1920,1080'")


def in_trouble() -> LiveShop:
    shop = LiveShop()
    shop.advance(6 * MINUTE)
    since = shop.clock.now() - 90 * SECOND
    shop.alarm_view = alarm_views.alarms(alarm_views.alert(since), alarm_views.resolved(since))
    return shop


async def test_the_wall_shows_what_fires_and_every_conversion_with_its_interval(browser: Browser) -> None:
    shop = in_trouble()
    async with console(browser, shop, "wall") as watched:
        page = watched.page
        await large(page)
        alarm = page.locator(".wall-alarm")
        await expect(alarm).to_have_count(1)
        await expect(alarm).to_contain_text("purchase: fewer than expected go from checkout to paid")
        await expect(alarm).to_contain_text(re.compile(r"since .*\d\d:\d\d:\d\d · for \d+ s"))
        estimate = step(shop, "purchase", "cart").windows["1h"].throughput
        way = page.locator(".wall-journey", has=page.get_by_role("heading", name="purchase")).locator("li").nth(1)
        await expect(way.locator(".wall-rate")).to_have_text(shown(estimate.value))
        await expect(way.locator(".wall-range")).to_contain_text(f"{shown(estimate.high)} · n {estimate.n:,}")
        await expect(page.locator(".wall-foot")).to_contain_text("granted")


async def test_it_is_dark_fills_the_screen_reads_from_afar_and_has_nothing_to_press(browser: Browser) -> None:
    async with console(browser, in_trouble(), "wall", dark=False) as watched:
        page = watched.page
        await large(page)
        assert await page.evaluate(SMALLEST) >= READABLE_PIXELS
        await expect(page.locator("a:visible, button:visible, select:visible, input:visible")).to_have_count(0)
        await page.keyboard.press("Escape")
        await expect(page.locator("#nav")).to_be_visible()
        await expect(page.locator("#windows")).to_be_visible()


async def test_journeys_that_do_not_fit_come_in_turn_and_those_with_an_alarm_stay(browser: Browser) -> None:
    shop = in_trouble()
    more = [msgspec.structs.replace(shop.journey_views[1], name=f"journey_{number}") for number in range(7)]
    shop.journey_views = [*more, shop.journey_views[0]]
    async with console(browser, shop, "wall") as watched:
        page = watched.page
        await page.clock.install()
        await watched.open()
        await large(page)
        await expect(page.locator(".wall-foot")).to_contain_text("more journeys in turn")
        names = page.locator(".wall-journey h3")
        seen = set(await names.all_inner_texts())
        assert len(seen) < 8
        for _ in range(6):
            before = await names.all_inner_texts()
            await page.clock.fast_forward(16_000)
            await expect(names.nth(1)).not_to_have_text(before[1])
            now = await names.all_inner_texts()
            assert now[0] == "purchase"
            seen |= set(now)
        assert len(seen) == 8


async def test_a_lost_connection_is_plain_to_see_with_the_age_of_what_is_shown(browser: Browser) -> None:
    async with console(browser, in_trouble(), "wall") as watched:
        page = watched.page
        await page.clock.install()
        await watched.open()
        await large(page)
        lost = page.locator(".wall-link")
        await expect(lost).to_be_hidden()
        await watched.side.stop()
        watched.alone = True
        await page.clock.fast_forward(8_000)
        await expect(lost).to_contain_text("NO DATA FOR")
        await expect(page.locator("#wall")).to_have_attribute("data-state", "lost")
        assert await page.evaluate(SMALLEST) >= READABLE_PIXELS
