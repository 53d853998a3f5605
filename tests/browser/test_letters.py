"""Dead letters in a real browser: counted, looked into, sent through the door again."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from connectors.synthetic.incidents import MINUTE
from streams.runtime.service import Stopped
from tests.browser.console import console
from tests.browser.live_shop import LiveShop

pytestmark = pytest.mark.browser
BODY = b'{"specversion":"1.0"}'


async def test_a_dead_letter_is_looked_into_and_sent_again(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    async with console(browser, shop) as watched:
        page = watched.page
        await expect(page.get_by_role("link", name="Dead letters")).to_have_text("Dead letters")
        shop.hold(1, BODY)
        await expect(page.get_by_role("link", name="Dead letters")).to_have_text("Dead letters 1")
        await page.get_by_role("link", name="Dead letters").click()
        letter = page.locator("[data-letter='1']")
        await expect(letter).to_contain_text("no id · id: it is missing")
        await expect(letter).to_contain_text("21 B")
        await letter.get_by_text("Show its bytes").click()
        await expect(letter.locator("pre")).to_have_text(BODY.decode())
        await letter.get_by_role("button", name="Redrive").press("Enter")
        await expect(letter).to_contain_text("In the log again, at 0.")
        await expect(letter.get_by_role("button", name="Redrive")).to_be_hidden()
        assert shop.log == [BODY]


async def test_bytes_that_are_no_text_are_shown_as_base64_and_markup_as_text(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    shop.hold(1, b"\xff\x00", "not_json")
    shop.hold(2, b"<img src=x onerror=alert(1)>", "not_json")
    async with console(browser, shop, "letters") as watched:
        page = watched.page
        for number, shown in ((1, "base64: /wA="), (2, "<img src=x onerror=alert(1)>")):
            letter = page.locator(f"[data-letter='{number}']")
            await letter.get_by_text("Show its bytes").click()
            await expect(letter.locator("pre")).to_have_text(shown)
        await expect(page.locator("img")).to_have_count(0)


async def test_a_redrive_that_is_refused_says_why(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    shop.hold(1, BODY)
    async with console(browser, shop, "letters") as watched:
        letter = watched.page.locator("[data-letter='1']")
        await expect(letter).to_be_visible()
        shop.refuses = Stopped("shutting down")
        await letter.get_by_role("button", name="Redrive").click()
        await expect(letter).to_contain_text("The service takes nothing at the moment.")
        assert ["503" in complaint for complaint in watched.complaints] == [True]  # the browser's own note
        watched.complaints.clear()
