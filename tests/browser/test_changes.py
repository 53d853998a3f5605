"""The console after many changes of the stream shows what one opened just now shows."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from tests.browser.console import console
from tests.browser.live_shop import LiveShop

pytestmark = pytest.mark.browser
CHANGES = 100
UNFOLD = """
for (const folded of document.querySelectorAll("main details")) folded.open = true;
for (const skipped of document.querySelectorAll(".journey, .signal")) skipped.style.contentVisibility = "visible";
"""
COUNT = """
window.told = {view: 0, change: 0};
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(address) {
    super(address);
    for (const kind of ["view", "change"]) this.addEventListener(kind, () => window.told[kind]++);
  }
};
"""


async def text(page: Page) -> list[str]:
    """All that is said, with everything unfolded; what is out of sight too, which a browser need not lay out."""
    await page.evaluate(UNFOLD)
    await expect(page.locator(".watched table")).to_be_visible()
    return (await page.locator("main").inner_text()).splitlines()


async def test_after_a_hundred_changes_a_page_shows_what_a_new_one_shows(browser: Browser) -> None:
    shop = LiveShop(incident_after=9 * MINUTE)
    shop.advance(6 * MINUTE)
    async with console(browser, shop) as watched:
        page = watched.page
        await page.add_init_script(COUNT)
        await watched.open()
        for _ in range(CHANGES):
            before = await page.locator("#foot").text_content() or ""
            shop.advance(5 * SECOND)
            await expect(page.locator("#foot")).not_to_have_text(before)
        assert shop.alarm_view is not None
        assert shop.alarm_view.alerts, "nothing began meanwhile"
        told = await page.evaluate("window.told")
        assert told["view"] == 1
        assert told["change"] >= CHANGES
        held = await text(page)
        await watched.open()
        assert held == await text(page)
