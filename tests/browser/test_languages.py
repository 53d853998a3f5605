"""The console's languages in a real browser: asked for, switched, complete."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from playwright.async_api import Browser, Route, expect

from streams.runtime.web import CONSOLE
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.browser.test_cases import hear, unhappy
from tests.streams.runtime import alarm_views

pytestmark = pytest.mark.browser
PAGES = ("", "alarm/f-checkout", "cases", "customer/ann", "decisions", "letters", "file", "health", "wall", "digest")
UNSPOKEN = re.compile(r"[A-Za-z]{3,}")
VISIBLE = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const parent = node.parentElement;
    if (!parent.closest("noscript, [lang=en], #language")) found.push(node.data);
  }
  for (const node of document.querySelectorAll("main [aria-label], main [title], main [placeholder]")) {
    for (const name of ["aria-label", "title", "placeholder"]) found.push(node.getAttribute(name) || "");
  }
  return found;
}"""
"""Every text a reader meets, but for what is marked as the service's own English."""


async def full() -> LiveShop:
    """A shop with something on every page."""
    shop = await unhappy()
    await hear(shop, "call.ended", tier="gold", duration_s=60)
    shop.hold(1, b"{}")
    since = shop.clock.now() - 60_000_000
    shop.alarm_view = alarm_views.alarms(
        alarm_views.alert(since), alarm_views.pending(since), alarm_views.resolved(since)
    )
    return shop


async def test_the_console_speaks_what_the_browser_asks_for_until_another_language_is_chosen(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases", language="uk-UA") as watched:
        page = watched.page
        await expect(page.locator("html")).to_have_attribute("lang", "uk")
        await expect(page.get_by_role("heading", name="Кейси")).to_be_visible()
        await expect(page.locator("#cases .budget")).to_have_text("1 відкритий")
        await page.get_by_label("Мова", exact=True).select_option("en")
        await expect(page.get_by_role("heading", name="Cases")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await watched.open("health")
        await expect(page.get_by_role("heading", name="Health")).to_be_visible()


async def test_numbers_read_as_in_the_language(browser: Browser) -> None:
    shop = await full()
    async with console(browser, shop, "alarm/f-checkout", language="uk-UA") as watched:
        await expect(watched.page.locator("#alarm")).to_contain_text("спостерігаємо 31, очікували 82,4")


async def test_fixed_sentences_of_the_service_are_said_in_the_language_and_others_stay_marked_as_english(
    browser: Browser,
) -> None:
    shop = await full()
    since = shop.clock.now() - 60_000_000
    known = "device=mobile explains 97 % of what is missing: there 0.21 of the usual completions, elsewhere 1.01"
    shop.alarm_view = alarm_views.alarms(
        alarm_views.alert(since, explanation=known),
        alarm_views.alert(since, fingerprint="f-2", explanation="Something new."),
        series=[alarm_views.watched(sees="an outage within 2 min, nothing smaller than 45 %")],
    )
    async with console(browser, shop, "", language="uk-UA") as watched:
        page = watched.page
        await page.locator(".watched summary").click()
        await expect(page.locator(".watched tbody tr").first).to_contain_text(
            "повну відмову за 2 хв, нічого меншого за 45 %"
        )
        cards = page.locator(".alert")
        await expect(cards.first).to_contain_text("device=mobile пояснює 97 % того, чого бракує: там 0.21 звичних")
        await expect(cards.first.locator("[lang=en]").filter(has_text="explains")).to_have_count(0)
        await expect(cards.nth(1).locator("[lang=en]").filter(has_text="Something new.")).to_have_count(1)


@pytest.mark.parametrize("place", PAGES)
async def test_nothing_a_reader_meets_is_written_in_the_code(browser: Browser, place: str) -> None:
    """Every text is replaced by signs: what letters are left must come from the service."""
    shop = await full()
    texts = json.loads((CONSOLE / "texts" / "en.json").read_text())

    def masked(text: str) -> str:
        return "".join(
            part if part.startswith("{") else re.sub(r"[A-Za-z]", "ж", part) for part in re.split(r"(\{\w+\})", text)
        )

    signs = {
        key: {form: masked(one) for form, one in text.items()} if isinstance(text, dict) else masked(text)
        for key, text in texts.items()
    }

    async def answer(route: Route) -> None:
        await route.fulfill(json=signs)

    async with console(browser, shop, place) as watched:
        await watched.page.route("**/texts/en.json", answer)
        await watched.open()
        await expect(watched.page.locator("main")).to_contain_text("ж")
        for details in await watched.page.locator("main details").all():
            await details.evaluate("node => { node.open = true; }")
        shown: list[str] = await watched.page.evaluate(VISIBLE)
    told = [
        await shop.decisions(None, 1000, None),
        await shop.customer("ann"),
        await shop.cases_of("ann"),
        *(shop.journeys(), shop.signals(), shop.alarms(), shop.health()),
    ]
    data = msgspec.json.encode(told).decode()
    known = set(re.findall(r"[A-Za-z]+", data.replace("_", " "))) | {
        "Touchline",
        "Nov",
        "Mar",
    }  # the name, and months by Intl
    strange = {word for text in shown for word in UNSPOKEN.findall(text) if word not in known}
    assert strange == set()
