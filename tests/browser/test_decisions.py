"""Decisions in a real browser: as they leave, with their reasons, chosen by kind and by words."""

from __future__ import annotations

import msgspec
import pytest
from playwright.async_api import Browser, expect

from connectors.synthetic.incidents import MINUTE
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.browser.test_cases import hear, unhappy

pytestmark = pytest.mark.browser

LISTEN = """() => new Promise(open => {
  const stream = new EventSource("api/v1/stream");
  stream.addEventListener("decision", () => console.log("heard"));
  stream.addEventListener("open", () => open(), {once: true});
})"""
"""Says so in the browser's console when a decision comes; ends once the stream is open."""


async def test_decisions_made_before_are_listed_and_new_ones_come_by_themselves(browser: Browser) -> None:
    shop = await unhappy()
    before = len(shop.published)
    assert before
    async with console(browser, shop, "decisions") as watched:
        items = watched.page.locator("#decision-list .what")
        await expect(items).to_have_count(before)
        await hear(shop, "survey.answered", "bob", metric="nps", score=1)
        first = watched.page.locator("#decision-list li").filter(has_text="bob").first
        await expect(first).to_contain_text("case")
        await first.get_by_role("link", name="bob").click()
        await expect(watched.page.get_by_role("heading", name="bob")).to_be_visible()


async def test_a_decision_not_to_ask_says_all_its_reasons_in_words(browser: Browser) -> None:
    shop = await unhappy()
    await hear(shop, "call.ended", tier="gold", duration_s=60)
    shop.advance(2 * MINUTE)
    async with console(browser, shop, "decisions") as watched:
        page = watched.page
        await page.get_by_label("Kind").select_option("feedback")
        await page.get_by_label("With the words").fill("ann")
        withheld = page.locator("#decision-list li")
        await expect(withheld).to_have_count(1)
        await expect(withheld).to_contain_text("feedback withheld")
        await expect(withheld).to_contain_text("call_csat · about csat · a case was open")


async def test_held_still_the_list_waits_until_it_is_let_go(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "decisions") as watched:
        page = watched.page
        items = page.locator("#decision-list .what")
        count = len(shop.published)
        await expect(items).to_have_count(count)
        await page.get_by_label("hold still").check()
        async with page.expect_console_message(lambda message: message.text == "heard"):
            await page.evaluate(LISTEN)
            await hear(shop, "survey.answered", "bob", metric="nps", score=1)
        await expect(items).to_have_count(count)
        await page.get_by_label("hold still").uncheck()
        await expect(items).to_have_count(len(shop.published))


async def test_a_signal_says_what_was_measured_and_what_was_expected(browser: Browser) -> None:
    shop = LiveShop(rate=60, incident_after=5 * MINUTE)
    shop.advance(7 * MINUTE)
    async with console(browser, shop, "decisions") as watched:
        await watched.page.get_by_label("Kind").select_option("signal")
        (breached,) = [
            msgspec.json.decode(one.body)["data"] for one in shop.published if b"signal.breached" in one.body
        ]
        item = watched.page.locator("#decision-list li").filter(has_text="signal breached")
        await expect(item).to_contain_text(f"share {breached['value'] * 100:.1f}%")
        await expect(item).to_contain_text("expected 15.0%")
