"""The alarms of the console in a real browser: from a firing alert to an acknowledged one."""

from __future__ import annotations

import re

import msgspec
import pytest
from playwright.async_api import Browser, Route, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from streams.codec import decode
from streams.model import Event
from streams.view import AlertView
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.streams.runtime import alarm_views

pytestmark = pytest.mark.browser
HIDE = """() => new Promise(done => {
  Object.defineProperty(document, "hidden", { get: () => true });
  requestAnimationFrame(done);
})"""
"""The tab goes to the background; ends when what was to be drawn before is drawn."""
SEES = "an outage within 2 min, nothing smaller than 45 %"


def shop_with(*alerts: AlertView) -> LiveShop:
    """A shop two minutes old, whose detection shows these alerts."""
    shop = LiveShop()
    shop.advance(2 * MINUTE)
    shop.alarm_view = alarm_views.alarms(*alerts)
    return shop


def show(shop: LiveShop, *alerts: AlertView) -> None:
    """From now on detection shows these."""
    assert shop.alarm_view is not None
    shop.alarm_view = msgspec.structs.replace(shop.alarm_view, alerts=list(alerts))


def since(shop: LiveShop) -> int:
    """A minute before the shop's now."""
    return shop.clock.now() - MINUTE


async def test_a_firing_alert_is_told_in_words_and_can_be_acknowledged(browser: Browser) -> None:
    shop = shop_with()
    async with console(browser, shop) as watched:
        page = watched.page
        await expect(page.locator("#alarms")).to_contain_text("Nothing fires.")
        alert = alarm_views.alert(since(shop))
        show(shop, alert)
        card = page.get_by_role("article", name="firing: purchase: fewer than expected go from checkout to paid")
        for words in (
            "▲ critical",
            "62 % fewer (51 – 70 %): 31 seen, 82.4 expected",
            "early",
            "device mobile",
            "device mobile has 97 % of the deficit",
            "payments-mobile 2.41.0 at",
            "checkout-team",
            "1.24 (fires at 1) · guarantee: given baseline",
            "c-1071, c-88",
        ):
            await expect(card).to_contain_text(words)
        await expect(card).to_contain_text(
            re.compile(r"since \d\d:\d\d:\d\d \(between \d\d:\d\d:\d\d and \d\d:\d\d:\d\d\)")
        )
        await expect(card.get_by_role("link", name="Runbook")).to_have_attribute("href", str(alert.runbook))
        await expect(page).to_have_title("▲ 1 · Touchline")
        await card.get_by_text("Timeline (3)").click()
        await expect(card.get_by_role("listitem")).to_have_count(3)

        await page.get_by_label("Acknowledge as").fill("Olha")
        async with page.expect_response(re.compile("/api/v1/alerts/f-checkout/ack$")) as answered:
            await card.get_by_role("button", name="Acknowledge").press("Enter")
        assert (await answered.value).status == 202
        said = decode(shop.log[-1])
        assert isinstance(said, Event)
        assert (said.type, said.subject, (said.data or {})["by"]) == ("alert.acknowledged", "f-checkout", "Olha")
        await expect(card).to_contain_text("shown as soon as it is in the log")
        show(shop, msgspec.structs.replace(alert, acknowledged_by="Olha"))
        await expect(card).to_contain_text("acknowledged by Olha")
        await expect(card.get_by_role("button", name="Acknowledge")).to_have_count(0)


async def test_an_outage_of_the_shop_is_acknowledged_through_the_log(browser: Browser) -> None:
    shop = LiveShop(rate=60, incident_after=6 * MINUTE)
    shop.advance(6 * MINUTE)
    async with console(browser, shop) as watched:
        page = watched.page
        await expect(page.locator("#alarms")).to_contain_text("Nothing fires.")
        shop.advance(100 * SECOND)
        card = page.get_by_role("article", name="firing: purchase: fewer than expected go from checkout to paid")
        await expect(card).to_contain_text("payments-mobile")
        await page.get_by_label("Acknowledge as").fill("Olha")
        await card.get_by_role("button", name="Acknowledge").click()
        await expect(card).to_contain_text("shown as soon as it is in the log")
        await expect(card).not_to_contain_text("acknowledged by")
        shop.advance(5 * SECOND)
        await expect(card).to_contain_text("acknowledged by Olha")
        await card.get_by_text("Timeline").click()
        await expect(card.get_by_role("listitem").filter(has_text="acknowledged")).to_contain_text("by Olha")


async def test_an_alert_is_snoozed_for_as_long_as_chosen_or_accepted_as_the_new_normal(browser: Browser) -> None:
    shop = shop_with()
    show(shop, alarm_views.alert(since(shop)))
    async with console(browser, shop) as watched:
        card = watched.page.locator(".alert")
        await card.get_by_label("snooze for").select_option("8h")
        for kind, button in (("snooze", "Snooze"), ("accept", "Accept as the new normal")):
            async with watched.page.expect_response(re.compile(f"/api/v1/alerts/f-checkout/{kind}$")) as answered:
                await card.get_by_role("button", name=button).click()
            assert (await answered.value).status == 202
        said = [body for body in map(decode, shop.log) if isinstance(body, Event)]
        assert [(one.type, one.subject) for one in said] == [
            ("alert.snoozed", "f-checkout"),
            ("alert.accepted", "f-checkout"),
        ]
        assert [one.data for one in said] == [{"by": "console", "for": "8h"}, {"by": "console"}]


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not know this alert"), (405, "cannot take orders"), (500, "answered 500")]
)
async def test_an_order_that_is_not_taken_says_why(browser: Browser, status: int, words: str) -> None:
    shop = shop_with()
    show(shop, alarm_views.alert(since(shop)))

    async def refuse(route: Route) -> None:
        await route.fulfill(status=status)

    async with console(browser, shop) as watched:
        await watched.page.route("**/ack", refuse)
        card = watched.page.locator(".alert")
        await card.get_by_role("button", name="Acknowledge").click()
        await expect(card.get_by_role("status")).to_contain_text(words)
        assert all(f"status of {status}" in text for text in watched.complaints)  # the browser's own note
        watched.complaints.clear()


async def test_firing_comes_before_pending_and_pending_before_resolved_and_all_keep_their_place(
    browser: Browser,
) -> None:
    shop = shop_with()
    began = since(shop)
    every = [alarm_views.alert(began), alarm_views.pending(began), alarm_views.resolved(began - 10 * MINUTE)]
    show(shop, *every)
    async with console(browser, shop) as watched:
        page = watched.page
        titles = page.locator(".alert h3")
        await expect(titles).to_have_text([
            "purchase: fewer than expected go from checkout to paid",
            "handle time is higher than expected",
            "delivery: nothing comes any more",
        ])  # fmt: skip
        await expect(page.locator(".alert").nth(1)).to_contain_text("not enough data to tell")
        await expect(page.locator(".alert").nth(1).get_by_role("button", name="Acknowledge")).to_have_count(0)
        await expect(page.locator(".alert").nth(2)).to_contain_text("lasted 4.0 min")
        # A newer alert comes in above: what has the focus keeps it.
        snooze = page.locator(".alert").first.get_by_role("button", name="Snooze")
        await snooze.focus()
        show(shop, alarm_views.alert(began + SECOND, fingerprint="f-cart", step="cart", next_step="checkout"), *every)
        await expect(titles).to_have_count(4)
        await expect(page.locator(".alert").nth(1).get_by_role("button", name="Snooze")).to_be_focused()
        await expect(page.locator("#news")).to_contain_text("go from cart to checkout")
        show(shop)
        await expect(titles).to_have_count(0)


async def test_the_budget_and_what_was_handed_out_of_it_are_shown(browser: Browser) -> None:
    shop = shop_with()
    async with console(browser, shop) as watched:
        said = watched.page.locator("#alarms")
        await expect(said).to_contain_text("budget 1 per week · expected false alarms handed out so far 0.03")
        assert shop.alarm_view is not None
        shop.alarm_view = msgspec.structs.replace(shop.alarm_view, budget_per_week=0.25, credit_used=0.001)
        await expect(said).to_contain_text(
            "budget 0.25 per week · expected false alarms handed out so far less than 0.01"
        )


async def test_a_tab_in_the_background_says_in_its_title_that_something_fires(browser: Browser) -> None:
    shop = shop_with()
    async with console(browser, shop) as watched:
        await watched.page.evaluate(HIDE)
        show(shop, alarm_views.alert(since(shop)))
        await expect(watched.page).to_have_title("▲ 1 · Touchline")
        await expect(watched.page.locator(".alert")).to_have_count(0)  # nothing is drawn that nobody sees


async def test_without_detection_nothing_is_said_of_alarms(browser: Browser) -> None:
    shop = shop_with()
    shop.alarm_view = None
    async with console(browser, shop) as watched:
        await expect(watched.page.locator("#alarms")).to_be_hidden()
        await expect(watched.page.locator(".alarmed:visible")).to_have_count(0)


async def test_the_map_marks_what_fires_and_a_step_shows_what_its_series_can_see(browser: Browser) -> None:
    shop = shop_with()
    began = since(shop)
    series = [
        alarm_views.watched(state="firing"),
        alarm_views.watched(dimension="device", value="mobile", sees=SEES),
        alarm_views.watched(dimension="device", value="desktop", sees=SEES),
        alarm_views.watched(dimension="channel", value="web", sees="", state="learning"),
        alarm_views.watched(step="cart", sees="an outage within 10 s"),
    ]
    shop.alarm_view = alarm_views.alarms(alarm_views.alert(began), alarm_views.pending(began), series=series)
    async with console(browser, shop) as watched:
        page = watched.page
        checkout = page.locator("[data-journey=purchase] .pass").nth(2)
        await expect(checkout).to_contain_text("▲ alarm: 62 % fewer, device mobile")
        await expect(page.locator("[data-journey=purchase] .pass").nth(1).locator(".alarmed")).to_be_hidden()
        await expect(page.locator("[data-signal=handle_time]")).to_contain_text("△ pending: handle time up")
        await checkout.click()
        sight = page.get_by_role("region", name="segments of purchase, checkout").locator(".sight li")
        await expect(sight).to_have_text([
            "The whole ▲ firing: an outage within 40 s, nothing smaller than 25 %",
            f"device mobile, desktop watching: {SEES}",
            "channel web learning",
        ])  # fmt: skip
        await page.get_by_text("What is watched").click()
        rows = page.get_by_role("region", name="series under watch").get_by_role("row")
        await expect(rows).to_have_count(3)
        await expect(rows.nth(2)).to_contain_text("purchase › cart")


async def test_what_alerts_carry_is_shown_as_text_never_as_markup(browser: Browser) -> None:
    shop = shop_with()
    hostile = "<img src=x onerror=alert(1)>"
    alert = alarm_views.alert(
        since(shop),
        examples=[hostile],
        explanation=hostile,
        segments=[{"device": hostile}],
        runbook="javascript:alert(1)",
    )
    show(shop, alert)
    async with console(browser, shop) as watched:
        await expect(watched.page.locator(".alert")).to_contain_text(hostile)
        await expect(watched.page.locator("img")).to_have_count(0)
        addresses = await watched.page.locator(".alert a").evaluate_all(
            "links => links.map(one => one.getAttribute('href'))"
        )
        assert addresses == ["#alarm/f-checkout"]


@pytest.mark.parametrize("width", [360, 800])
async def test_alarms_fit_narrow_screens(browser: Browser, width: int) -> None:
    shop = shop_with()
    began = since(shop)
    show(shop, alarm_views.alert(began), alarm_views.pending(began), alarm_views.resolved(began))
    async with console(browser, shop, width=width) as watched:
        await watched.page.get_by_text("What is watched").click()
        await expect(watched.page.locator(".sheet table")).to_be_visible()
        assert await watched.page.evaluate("document.documentElement.scrollWidth") <= width
