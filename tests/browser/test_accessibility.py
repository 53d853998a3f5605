"""The console for everybody: what axe finds on each page in both themes, the keyboard, phones."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.browser.test_languages import PAGES, full
from tests.browser.test_sign_in import closed
from tests.servers import axe
from tests.servers.base import ServerMissing, skip_or_fail

pytestmark = pytest.mark.browser
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def checks() -> str:
    """The code of axe-core."""
    try:
        return axe.script().read_text()
    except ServerMissing as missing:
        skip_or_fail(str(missing))


async def findings(page: Page, checks: str) -> list[str]:
    """What is serious or critical, as `rule: element`."""
    await page.evaluate(checks)
    found: dict[str, Any] = await page.evaluate("levels => axe.run({runOnly: levels})", LEVELS)
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


async def unfold(page: Page) -> None:
    """Open all that is folded up."""
    for details in await page.locator("main details").all():
        await details.evaluate("node => { node.open = true; }")
    for button in await page.locator("main .pass, main .opener").all():
        await button.click()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page(browser: Browser, checks: str, dark: bool) -> None:
    shop = await full()
    async with console(browser, shop, dark=dark) as watched:
        for place in PAGES:
            await watched.open(place)
            await unfold(watched.page)
            assert await findings(watched.page, checks) == [], place


async def test_axe_finds_nothing_serious_on_a_phone_in_ukrainian(browser: Browser, checks: str) -> None:
    shop = await full()
    async with console(browser, shop, width=360, language="uk-UA") as watched:
        for place in PAGES:
            await watched.open(place)
            assert await findings(watched.page, checks) == [], place
            assert await watched.page.evaluate("document.documentElement.scrollWidth") <= 360, place


async def test_axe_finds_nothing_serious_where_one_signs_in(browser: Browser, checks: str) -> None:
    async with closed(browser, LiveShop()) as page:
        await expect(page.get_by_label("Token")).to_be_visible()
        assert await findings(page, checks) == []


async def test_axe_does_find_what_is_wrong(browser: Browser, checks: str) -> None:
    page = await browser.new_page()
    await page.set_content(
        "<html lang=en><title>t</title><main><h1>x</h1><img src=x><p style='color:#ccc;background:#fff'>pale</p>"
    )
    found = [line.partition(":")[0] for line in await findings(page, checks)]
    assert found == ["color-contrast", "image-alt"]
    await page.close()


async def test_every_page_is_reached_by_keyboard_and_the_focus_is_seen(browser: Browser) -> None:
    shop = await full()
    async with console(browser, shop) as watched:
        page = watched.page
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        for name, heading in (("Decisions", "Decisions"), ("File", "Configuration"), ("Health", "Health")):
            link = page.locator("#nav").get_by_role("link", name=name)
            await link.focus()
            outline = await link.evaluate("node => getComputedStyle(node).outlineStyle")
            assert outline == "solid", name
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("heading", name=heading, level=2)).to_be_visible()
            await expect(page.locator("main")).to_be_focused()
            await expect(link).to_have_attribute("aria-current", "page")


async def test_a_screen_reader_is_told_what_began_and_not_every_number(browser: Browser) -> None:
    shop = await full()
    async with console(browser, shop) as watched:
        live = await watched.page.locator("[role=status], [role=alert], [aria-live]").evaluate_all(
            "nodes => nodes.map(node => node.id || node.className)"
        )
        assert set(live) <= {"link", "notice", "news", "fine told", "incident"}
