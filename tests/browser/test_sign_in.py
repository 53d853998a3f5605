"""Signing in to the console in a real browser, and what each role then sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from connectors.synthetic.incidents import SECOND
from streams.config.load import load_text
from tests.browser.live_shop import LiveShop, served
from tests.browser.test_cases import unhappy
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import FILE
from tests.streams.runtime.test_access import TOKENS

pytestmark = pytest.mark.browser


@asynccontextmanager
async def closed(browser: Browser, shop: LiveShop, place: str = "") -> AsyncIterator[Page]:
    """The console of a shop that asks for tokens, with an alert that fires."""
    access = load_text(FILE + TOKENS, "shop.yml").config.access
    shop.alarm_view = alarm_views.alarms(alarm_views.alert(shop.clock.now() - 60 * SECOND))
    async with served(shop, access=access) as side:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{side.port}/#{place}")
        yield page
        await context.close()


async def sign_in(page: Page, token: str) -> None:
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_wrong_token_is_told_and_the_right_one_leads_to_where_the_link_led(browser: Browser) -> None:
    async with closed(browser, await unhappy(), "alarm/f-checkout") as page:
        await expect(page.get_by_label("Token")).to_be_focused()
        await expect(page.locator("#nav a")).to_have_count(0)
        await sign_in(page, "wrong")
        await expect(page.get_by_role("alert")).to_have_text("This is none of the file’s tokens.")
        await sign_in(page, "t-viewer")
        await expect(page.get_by_role("heading", name="purchase: fewer than expected")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("heading", name="purchase: fewer than expected")).to_be_visible()
        assert await page.evaluate("document.cookie") == ""  # no script can read it


async def test_a_viewer_sees_boards_without_people_and_no_buttons_that_change_something(browser: Browser) -> None:
    shop = await unhappy()
    shop.hold(1, b"{}")
    async with closed(browser, shop) as page:
        await sign_in(page, "t-viewer")
        await expect(page.locator("#who")).to_have_text("wall · viewer")
        await expect(page.locator("#nav a")).to_have_text(
            ["Overview", "Decisions", "Dead letters 1", "File △", "Health", "Week"]
        )
        card = page.locator(".alert")
        await expect(card).to_contain_text("device mobile has 97 %")
        await expect(card).not_to_contain_text("c-1071")
        await expect(card.get_by_role("button", name="Acknowledge")).to_be_hidden()
        await page.get_by_role("link", name="Decisions").click()
        await expect(page.locator("#decision-list li").first).to_contain_text("a customer")
        await expect(page.locator("#decision-list")).not_to_contain_text("ann")
        await page.get_by_role("link", name="Dead letters").click()
        await expect(page.locator("[data-letter]")).to_contain_text("no id")
        await expect(page.locator("[data-letter]").get_by_role("button")).to_have_count(0)
        await expect(page.get_by_text("Show its bytes")).to_have_count(0)
        await page.goto(page.url.partition("#")[0] + "#cases")
        await expect(page.locator("#journeys")).to_be_visible()  # what is not for them leads to the first page


async def test_an_agent_works_with_customers_and_alerts_and_does_not_redrive(browser: Browser) -> None:
    shop = await unhappy()
    shop.hold(1, b"{}")
    async with closed(browser, shop) as page:
        await sign_in(page, "t-agent")
        await page.locator(".alert").get_by_role("button", name="Acknowledge").click()
        await expect(page.locator(".alert")).to_contain_text("shown as soon as it is in the log")
        assert b'"by":"desk"' in shop.log[-1]  # whoever gives no name is called as the token is
        await page.get_by_role("link", name="Cases").click()
        await page.locator(".case").get_by_role("button", name="Contacted").click()
        await expect(page.locator(".case")).to_contain_text("Noted")
        await page.get_by_role("link", name="Dead letters").click()
        await expect(page.get_by_text("Show its bytes")).to_be_visible()
        await expect(page.get_by_role("button", name="Redrive")).to_have_count(0)


async def test_an_admin_redrives_and_whoever_signs_out_sees_nothing_any_more(browser: Browser) -> None:
    shop = await unhappy()
    shop.hold(1, b"{}")
    async with closed(browser, shop, "letters") as page:
        await sign_in(page, "t-admin")
        await page.get_by_role("button", name="Redrive").click()
        await expect(page.locator("[data-letter]")).to_contain_text("In the log again")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Token")).to_be_visible()
        await expect(page.locator("[data-letter]")).to_have_count(0)


async def test_a_session_that_ends_while_the_page_is_open_leads_back_to_signing_in(browser: Browser) -> None:
    async with closed(browser, await unhappy()) as page:
        await sign_in(page, "t-agent")
        await expect(page.locator("#journeys")).to_be_visible()
        await page.context.clear_cookies()
        await page.get_by_role("link", name="Cases").click()
        await expect(page.get_by_label("Token")).to_be_visible()
