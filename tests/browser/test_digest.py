"""The week on a page: what is kept of it, with n and interval, and fit for paper."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Locator, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from streams.runtime.service import Internals
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.browser.test_cases import hear
from tests.browser.test_console import shown, step
from tests.streams.runtime import alarm_views
from tests.streams.runtime.test_asking_api import CARE, LEARNING

pytestmark = pytest.mark.browser


async def week() -> LiveShop:
    shop = LiveShop()
    shop.advance(6 * MINUTE)
    await hear(shop, "survey.answered", "ann", metric="nps", score=2)
    await hear(shop, "survey.answered", "bob", metric="nps", score=3)
    since = shop.clock.now() - 90 * SECOND
    shop.alarm_view = alarm_views.alarms(
        alarm_views.alert(since), alarm_views.pending(since), alarm_views.resolved(since)
    )
    shop.kept = Internals(care=CARE, learning=LEARNING)
    return shop


async def test_the_week_says_what_fired_what_was_measured_and_what_was_done(browser: Browser) -> None:
    shop = await week()
    async with console(browser, shop, "digest") as watched:
        page = watched.page
        alarms = page.get_by_role("region", name="Alarms that fired").locator("tbody tr")
        await expect(alarms).to_have_count(2)  # the one that is only pending did not fire
        await expect(alarms.first).to_contain_text("purchase: fewer than expected go from checkout to paid")
        ways = page.get_by_role("region", name="Conversions of those").locator("tbody tr")
        await expect(ways).to_have_count(sum(len(journey.steps) - 1 for journey in shop.journey_views))
        estimate = step(shop, "support", "contact").windows["7d"].cohort
        answered = ways.filter(has_text="support: contact → answered")
        await expect(answered).to_contain_text(shown(estimate.value))
        await expect(answered.locator("td").last).to_have_text(f"{estimate.n:,}")
        cases = page.get_by_role("region", name="Cases and promises").locator("tbody tr")
        await expect(cases.filter(has_text="case opened").locator("td").last).to_have_text("2")


async def test_of_asking_it_says_how_many_answered_whose_answers_were_followed_up_and_what_was_learnt(
    browser: Browser,
) -> None:
    async with console(browser, await week(), "digest", language="uk-UA") as watched:
        page = watched.page

        def rows(name: str) -> Locator:
            return page.get_by_role("region", name=name).locator("tbody tr")

        responses = rows("Частка тих, хто відповів")
        await expect(responses).to_have_count(2)
        await expect(responses.first.locator("td")).to_have_text(
            ["after_call · SMS", "25,0%", re.compile("^21.* – 29.*"), "400"]
        )
        await expect(responses.nth(1)).to_contain_text("12")
        await expect(rows("З ким зв’язалися").first.locator("td")).to_have_text(
            ["nps · критик", "75,0%", re.compile("^64.* – 83.*"), "80"]
        )
        await expect(rows("Чого правила вчаться").first).to_contain_text("канал: SMS")
        await expect(rows("Чого правила вчаться").first).to_contain_text("83,0%")


async def test_where_nobody_is_asked_it_says_so(browser: Browser) -> None:
    shop = await week()
    shop.kept = Internals()
    async with console(browser, shop, "digest") as watched:
        page = watched.page
        await expect(page.get_by_role("region", name="Response rate")).to_contain_text("Nobody was asked yet.")
        await expect(page.get_by_role("region", name="Followed up")).to_contain_text("No answer with a class yet")
        await expect(page.get_by_role("region", name="What rules learn")).to_have_count(0)


async def test_decisions_are_counted_over_all_pages_of_the_list(browser: Browser) -> None:
    shop = await week()
    for number in range(1200):
        shop.publish(f"d-{number}", "promise.broken")
    async with console(browser, shop, "digest") as watched:
        cases = watched.page.get_by_role("region", name="Cases and promises").locator("tbody tr")
        await expect(cases.filter(has_text="promise broken").locator("td").last).to_have_text("1,200")


async def test_on_paper_there_is_the_week_alone_in_black_on_white(browser: Browser) -> None:
    async with console(browser, await week(), "digest", dark=True) as watched:
        page = watched.page
        await expect(page.locator(".digest table").first).to_be_visible()
        await page.emulate_media(media="print")
        for hidden in (page.locator("#nav"), page.locator("#foot"), page.get_by_role("button", name="Print")):
            await expect(hidden).to_be_hidden()
        seen = await page.evaluate("['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name])")
        assert seen == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        assert len(await page.pdf()) > 5_000
