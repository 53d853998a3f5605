"""The cases of the console in a real browser: from an unhappy answer to a case that is closed."""

from __future__ import annotations

import msgspec
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from streams.codec import decode
from streams.model import Event
from streams.units import format_time
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.streams.care.caring import Story

pytestmark = pytest.mark.browser
FILE = """
cases:
  complaint: {on: complaint.received, owner: support}
"""


async def hear(shop: LiveShop, kind: str, subject: str = "ann", **data: object) -> None:
    """Something reaches the shop, and it notices."""
    event = Event(
        id=f"n-{len(shop.log)}", source="desk", type=kind, time=format_time(shop.now()), subject=subject, data=data
    )
    await shop.submit([msgspec.json.encode(event)])
    shop.advance(10 * SECOND)


async def unhappy(subject: str = "ann") -> LiveShop:
    """A young shop, and a customer who would recommend it to nobody."""
    shop = LiveShop()
    shop.advance(MINUTE)
    await hear(shop, "survey.answered", subject, metric="nps", score=2)
    return shop


def card(page: Page, customer: str = "ann") -> Locator:
    """The case of a customer who is unhappy."""
    return page.get_by_role("article", name=f"case of {customer}, detractor")


async def test_a_case_is_claimed_worked_on_and_closed(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        case = card(watched.page)
        await expect(case).to_contain_text("ann · detractor")
        await expect(case).to_contain_text("care has it · contact due")
        await expect(case).to_contain_text("score=2")
        await watched.page.get_by_label("Work as").fill("olena")
        for button, word, then in (
            ("Claim", "assigned", "olena has it"),
            ("Contacted", "contacted", "olena was in contact"),
            ("Resolved", "resolved", "olena resolved it"),
            ("Told", "communicated", "olena told the customer"),
        ):
            await case.get_by_role("button", name=button).click()
            await expect(case).to_contain_text("Noted; shown as soon as it is in the log.")
            written = decode(shop.log[-1])
            assert isinstance(written, Event)
            assert written.data is not None
            assert (written.type, written.subject, written.data["by"]) == (f"case.{word}", "ann", "olena")
            shop.advance(10 * SECOND)
            await expect(case).to_contain_text(then)
            await expect(case.get_by_role("button", name=button)).to_be_hidden()
        await case.get_by_text("Close", exact=True).click()
        await case.get_by_label("What was behind it").fill("wrong part packed")
        await case.get_by_label("How it ended").select_option("answered")
        await case.get_by_role("button", name="Close the case").click()
        await expect(case).to_contain_text("Noted")
        shop.advance(10 * SECOND)
        await expect(case).to_have_count(0)
        ended = await shop.cases_of("ann")
        assert [(one.state, one.cause, one.disposition, one.incomplete) for one in ended] == [
            ("closed", "wrong part packed", "answered", False)
        ]


async def test_all_of_it_can_be_done_by_keyboard(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        page, case = watched.page, card(watched.page)
        await case.get_by_role("button", name="Claim").focus()
        for button in ("Contacted", "Resolved", "Told"):
            await page.keyboard.press("Tab")
            await expect(case.get_by_role("button", name=button)).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(case.get_by_label("What was behind it")).to_be_focused()
        await page.keyboard.type("late courier")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(case).to_contain_text("Noted")
        written = decode(shop.log[-1])
        assert isinstance(written, Event)
        assert (written.type, written.data) == (
            "case.closed",
            {
                "case": (await shop.cases_of("ann"))[0].id,
                "by": "console",
                "cause": "late courier",
                "disposition": "resolved",
                "communicated": True,
            },
        )


async def test_a_closing_without_a_cause_is_not_sent(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        case, before = card(watched.page), len(shop.log)
        await case.get_by_text("Close", exact=True).click()
        await case.get_by_role("button", name="Close the case").click()
        await expect(case.get_by_label("What was behind it")).to_be_focused()
        await case.get_by_label("What was behind it").fill("late courier")
        await case.get_by_role("button", name="Close the case").click()
        await expect(case.get_by_label("the customer was told")).to_be_focused()
        assert len(shop.log) == before


async def test_a_half_written_closing_stays_when_other_cases_come_and_go(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        case = card(watched.page)
        await case.get_by_text("Close", exact=True).click()
        cause = case.get_by_label("What was behind it")
        await cause.fill("wrong p")
        story = Story(FILE)
        story.say(0, "complaint.received")
        shop.show(story.decisions)
        await expect(watched.page.locator(".case").filter(has_text="complaint")).to_be_visible()
        await expect(cause).to_be_focused()
        await watched.page.get_by_label("order of the cases").select_option("due")
        await expect(watched.page.locator(".case h3").first).to_have_text("ann · complaint")
        await cause.focus()
        await watched.page.keyboard.press("End")
        await watched.page.keyboard.type("art")
        await expect(cause).to_have_value("wrong part")


async def test_what_somebody_else_did_is_shown_without_a_reload(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        case = card(watched.page)
        await expect(case).to_contain_text("care has it")
        await hear(shop, "case.assigned", owner="bob")
        await expect(case).to_contain_text("bob has it")
        await hear(shop, "case.closed")
        await expect(case).to_have_count(0)


async def test_what_the_service_refuses_is_said(browser: Browser) -> None:
    shop = await unhappy()
    async with console(browser, shop, "cases") as watched:
        case = card(watched.page)
        await expect(case).to_be_visible()
        (one,) = await shop.cases_of("ann")
        story = Story("")
        story.say(0, "case.opened", case=one.id)
        story.say(1, "case.resolved")
        shop.rewrite(story.decisions)  # known to the service, not yet to the page
        await case.get_by_role("button", name="Contacted").click()
        await expect(case).to_contain_text("The case is there already.")
        assert watched.complaints == ["Failed to load resource: the server responded with a status of 409 (Conflict)"]
        watched.complaints.clear()


async def test_a_case_that_waited_too_long_stands_out_and_the_order_can_be_chosen(browser: Browser) -> None:
    shop = await unhappy()
    story = Story(FILE)
    story.say(0, "complaint.received")
    shop.show(story.decisions)
    async with console(browser, shop, "cases") as watched:
        page = watched.page
        names = page.locator(".case h3")
        late = page.locator(".case").filter(has_text="complaint").filter(has_text="▲ too late")
        await expect(late).to_have_attribute("data-state", "late")
        await expect(page.locator("#cases .budget")).to_contain_text("▲ 1 too late")
        await expect(names.first).to_have_text("ann · detractor")
        await page.get_by_label("order of the cases").select_option("due")
        await expect(names.first).to_have_text("ann · complaint")
        await watched.open()
        await expect(names.first).to_have_text("ann · complaint")


async def test_of_many_cases_the_first_are_shown_and_all_of_them_on_demand(browser: Browser) -> None:
    shop = await unhappy()
    for number in range(6):
        story = Story(FILE)
        story.say(number, "case.opened", case=f"CRM-{number}")
        shop.show(story.decisions)
    async with console(browser, shop, "cases") as watched:
        page = watched.page
        await expect(page.locator(".case:visible")).to_have_count(4)
        await page.get_by_role("button", name="Show all 7").press("Enter")
        await expect(page.locator(".case:visible")).to_have_count(7)
        await page.get_by_role("button", name="Show fewer").press("Enter")
        await expect(page.locator(".case:visible")).to_have_count(4)


async def test_what_customers_are_called_is_text_never_markup(browser: Browser) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    shop = await unhappy(hostile)
    async with console(browser, shop, "cases") as watched:
        await expect(watched.page.locator(".case").filter(has_text=hostile)).to_be_visible()
        await expect(watched.page.locator("img")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 800])
async def test_cases_fit_narrow_screens(browser: Browser, width: int) -> None:
    shop = await unhappy("a-customer-with-a-very-long-name-that-nobody-would-ever-break-anywhere")
    async with console(browser, shop, "cases", width=width) as watched:
        await watched.page.locator(".case").first.get_by_text("Close", exact=True).click()
        assert await watched.page.evaluate("document.documentElement.scrollWidth") <= width
