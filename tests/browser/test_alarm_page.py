"""The page of one alert in a real browser: linked to, compared with before, spoken to."""

from __future__ import annotations

import re

import msgspec
import pytest
from playwright.async_api import Browser, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from streams.codec import decode
from streams.model import Event
from tests.browser.console import console
from tests.browser.live_shop import LiveShop
from tests.browser.test_alarms import shop_with, show, since
from tests.streams.runtime import alarm_views

pytestmark = pytest.mark.browser


async def outage() -> tuple[LiveShop, str]:
    """A shop in which paying by phone has just broken, and the alert's fingerprint."""
    shop = LiveShop(rate=60, incident_after=8 * MINUTE)
    shop.advance(8 * MINUTE)
    shop.advance(100 * SECOND)
    assert shop.alarm_view is not None
    return shop, shop.alarm_view.alerts[0].fingerprint


async def test_an_outage_is_told_with_its_chart_and_compared_with_before(browser: Browser) -> None:
    shop, fingerprint = await outage()
    async with console(browser, shop, f"alarm/{fingerprint}") as watched:
        page = watched.page
        box = page.get_by_role("article", name="purchase: fewer than expected go from checkout to paid")
        for words in ("▲ critical", "device mobile", "payments-mobile", "checkout-team", "since"):
            await expect(box).to_contain_text(words)
        assert shop.alarm_view is not None
        alert = shop.alarm_view.alerts[0]
        await expect(box.locator(".bars")).to_contain_text(f"observed{alert.observed:,.0f}")
        chart = box.get_by_role("img", name="Conversion minute by minute")
        await expect(chart.locator("path.seen")).to_have_attribute("d", re.compile("^M.*L"))
        rows = box.get_by_role("row")
        mobile = rows.filter(has_text="last 5 minutes").filter(has_text="mobile")
        step = next(view for view in shop.journey_views[0].steps if view.name == "checkout")
        value = next(one for one in step.segments if one.value == "mobile").windows["5m"].throughput.value
        assert value is not None
        await expect(mobile).to_contain_text(f"{value * 100:.1f}%")
        for window in ("minute", "5 minutes", "hour", "24 hours", "7 days"):
            await expect(rows.filter(has_text=f"last {window}everybody")).to_have_count(1)
        before = await chart.get_attribute("aria-label")
        shop.advance(MINUTE)
        await expect(chart).not_to_have_attribute("aria-label", str(before))


async def test_what_is_usual_can_be_another_time(browser: Browser) -> None:
    shop, fingerprint = await outage()
    step = next(view for view in shop.journey_views[0].steps if view.name == "checkout")
    windows = dict(step.windows)
    low = msgspec.structs.replace(windows["24h"].throughput, value=0.4, low=0.35, high=0.45)
    windows["24h"] = msgspec.structs.replace(windows["24h"], throughput=low)
    steps = [
        msgspec.structs.replace(one, windows=windows) if one is step else one for one in shop.journey_views[0].steps
    ]
    shop.journey_views = [msgspec.structs.replace(shop.journey_views[0], steps=steps), *shop.journey_views[1:]]
    async with console(browser, shop, f"alarm/{fingerprint}") as watched:
        chart = watched.page.get_by_role("img", name="Conversion minute by minute")
        await expect(chart).not_to_have_attribute("aria-label", re.compile("usually 40.0%"))
        await watched.page.get_by_label("Usual:").select_option("24h")
        await expect(chart).to_have_attribute("aria-label", re.compile("usually 40.0%"))


async def test_a_card_and_a_decision_lead_to_the_page_and_back(browser: Browser) -> None:
    shop, fingerprint = await outage()
    async with console(browser, shop) as watched:
        page = watched.page
        await page.locator(".alert").first.get_by_role("link", name="purchase: fewer").press("Enter")
        await expect(page).to_have_url(re.compile(f"#alarm/{fingerprint}$"))
        await expect(page).to_have_title("▲ 1 · Alarm · Touchline")
        await page.get_by_role("link", name="All alarms").click()
        await expect(page.locator("#journeys")).to_be_visible()
        await page.get_by_role("link", name="Decisions").click()
        await page.get_by_label("Kind").select_option("alert")
        await page.get_by_role("link", name="purchase: fewer").first.click()
        await expect(page.locator("#alarm-title")).to_be_visible()


async def test_it_is_acknowledged_snoozed_and_accepted_from_the_page(browser: Browser) -> None:
    shop = shop_with()
    alert = alarm_views.alert(since(shop))
    show(shop, alert)
    async with console(browser, shop, "alarm/f-checkout") as watched:
        box = watched.page.locator("#alarm")
        await box.get_by_label("Acknowledge as").fill("Olha")
        await box.get_by_label("Acknowledge as").press("Tab")
        await box.get_by_role("button", name="Acknowledge").click()
        await expect(box).to_contain_text("Acknowledged; shown")
        await box.get_by_label("snooze for").select_option("30m")
        await box.get_by_role("button", name="Snooze").click()
        await expect(box).to_contain_text("Snoozed for 30m")
        await box.get_by_role("button", name="Accept as the new normal").click()
        await expect(box).to_contain_text("Accepted; shown")
        said = [(one.type, one.data) for one in map(decode, shop.log) if isinstance(one, Event)]
        assert said == [
            ("alert.acknowledged", {"by": "Olha"}),
            ("alert.snoozed", {"by": "Olha", "for": "30m"}),
            ("alert.accepted", {"by": "Olha"}),
        ]
        show(shop, msgspec.structs.replace(alert, acknowledged_by="Olha"))
        await expect(box).to_contain_text("acknowledged by Olha")
        await expect(box.get_by_role("button", name="Acknowledge")).to_be_hidden()
        show(shop, msgspec.structs.replace(alert, state="resolved", resolved_at=alert.since_high))
        await expect(box).to_contain_text("▼ resolved")
        await expect(box.get_by_role("button", name="Snooze")).to_be_hidden()


@pytest.mark.parametrize(
    "changes", [{"signal": "arrivals", "direction": "up"}, {"signal": "silence"}, {"signal": "nps"}]
)
async def test_alerts_of_other_kinds_have_a_page_too(browser: Browser, changes: dict[str, str]) -> None:
    shop = shop_with()
    show(shop, alarm_views.alert(since(shop), **changes, source="delivery"))
    async with console(browser, shop, "alarm/f-checkout") as watched:
        await expect(watched.page.locator("#alarm .bars")).to_contain_text("31")
        await expect(watched.page.locator("#alarm .chart")).to_be_hidden()


async def test_an_address_of_no_alert_says_so(browser: Browser) -> None:
    async with console(browser, shop_with(), "alarm/f-unknown%") as watched:
        await expect(watched.page.get_by_text("No alarm of this address")).to_be_visible()
