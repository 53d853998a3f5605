"""The story of one customer in a real browser: searched for, or reached from a case."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.console import console
from tests.browser.test_cases import card, hear, unhappy

pytestmark = pytest.mark.browser


async def test_who_asks_for_a_customer_reads_what_happened_and_why_nobody_asked(browser: Browser) -> None:
    shop = await unhappy()
    await hear(shop, "call.ended", tier="gold", duration_s=60)
    shop.advance(120 * 1_000_000)
    async with console(browser, shop, "customer") as watched:
        page = watched.page
        search = page.get_by_label("Customer", exact=True)
        await search.fill("nobody")
        await search.press("Enter")
        await expect(page.get_by_text("Nothing is kept of nobody.")).to_be_visible()
        assert ["404" in complaint for complaint in watched.complaints] == [True]  # the browser's own
        watched.complaints.clear()
        await search.fill("ann")
        await search.press("Enter")
        story = page.locator("#customer article")
        await expect(story.get_by_role("heading", name="ann")).to_be_focused()
        await expect(story).to_contain_text("not asked for csat (rule call_csat): a case was open")
        await expect(story).to_contain_text("detractor: assigned, care has it")
        await expect(story).to_contain_text("without contact the owner of case")


async def test_a_case_leads_to_the_story_of_its_customer_and_the_address_can_be_shared(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        page = watched.page
        await card(page).get_by_role("link", name="story of ann").press("Enter")
        await expect(page.locator("#customer article")).to_contain_text("case detractor opened")
        assert page.url.endswith("#customer/ann")
        await page.reload()
        await expect(page.locator("#customer article")).to_contain_text("case detractor opened")
