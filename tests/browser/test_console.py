"""The console in a real browser: it shows what the service knows, lives, and asks nobody else for anything."""

from __future__ import annotations

import msgspec
import pytest
from playwright.async_api import Browser, expect

from connectors.synthetic.incidents import MINUTE, SECOND
from streams.runtime.web import Web
from streams.view import SegmentView, StepView
from tests.browser.console import console
from tests.browser.live_shop import LiveShop, served

pytestmark = pytest.mark.browser


def step(shop: LiveShop, journey: str, name: str) -> StepView:
    """A step as the service knows it."""
    views = next(view for view in shop.journey_views if view.name == journey)
    return next(view for view in views.steps if view.name == name)


def shown(value: float | None) -> str:
    """A ratio as the console shows it."""
    assert value is not None
    return f"{value * 100:.1f}%"


async def test_the_console_shows_every_journey_and_signal_of_the_file_with_interval_and_n(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(8 * MINUTE)
    async with console(browser, shop) as watched:
        page = watched.page
        for journey in shop.journey_views:
            card = page.locator(f"[data-journey={journey.name}]")
            await expect(card.locator(".step h4")).to_have_text([view.name for view in journey.steps])
        checkout = page.locator("[data-journey=purchase] .pass").nth(2)
        estimate = step(shop, "purchase", "checkout").windows["5m"].throughput
        await expect(checkout.locator(".rate")).to_have_text(shown(estimate.value))
        await expect(checkout).to_contain_text(f"n {estimate.n:,}")
        await expect(checkout).to_contain_text(shown(estimate.high))
        await expect(page.locator(".signal")).to_have_count(len(shop.signal_views))
        await expect(page.locator(".kind h3")).to_have_text(["Interaction", "Perception", "Outcome"])
        await expect(page.locator("[data-signal=ces] .value")).to_contain_text("collecting")
        await expect(page.locator("#link")).to_have_text("live")
        await expect(page.locator("#demo")).to_be_hidden()


async def test_the_numbers_move_with_the_service_without_a_reload(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(4 * MINUTE)
    async with console(browser, shop) as watched:
        entered = watched.page.locator("[data-journey=purchase] .step .big").first
        await expect(entered).to_have_text(f"{step(shop, 'purchase', 'product').windows['5m'].entered:,}")
        before = await entered.text_content()
        shop.advance(30 * SECOND)
        now = f"{step(shop, 'purchase', 'product').windows['5m'].entered:,}"
        assert now != before
        await expect(entered).to_have_text(now)


async def test_the_window_is_switched_by_keyboard_and_remembered(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(8 * MINUTE)
    async with console(browser, shop) as watched:
        page = watched.page
        rate = page.locator("[data-journey=purchase] .pass .rate").nth(2)
        five, hour = (step(shop, "purchase", "checkout").windows[name].throughput.value for name in ("5m", "1h"))
        assert five != hour
        await expect(rate).to_have_text(shown(five))
        await page.get_by_role("radio", name="5m").focus()
        await page.keyboard.press("ArrowRight")
        await expect(rate).to_have_text(shown(hour))
        await page.get_by_role("radio", name="entry cohort").check(force=True)
        await expect(rate).to_have_text(shown(step(shop, "purchase", "checkout").windows["1h"].cohort.value))
        await watched.open()
        await expect(page.get_by_role("radio", name="1h")).to_be_checked()
        await expect(page.get_by_role("radio", name="entry cohort")).to_be_checked()


async def test_an_incident_shows_as_a_breach_and_its_segment_stands_out(browser: Browser) -> None:
    shop = LiveShop(rate=60, incident_after=5 * MINUTE)
    shop.advance(5 * MINUTE)
    async with console(browser, shop) as watched:
        page = watched.page
        await expect(page.locator(".signal[data-state=breached]")).to_have_count(0)
        shop.advance(2 * MINUTE)
        broken = page.locator("[data-signal=payment_failures]")
        await expect(broken).to_contain_text("▲ breached")
        checkout = page.locator("[data-journey=purchase] .pass").nth(2)
        await expect(checkout).to_contain_text("payment failures breached")
        await checkout.focus()
        await page.keyboard.press("Enter")
        await expect(checkout).to_have_attribute("aria-expanded", "true")
        rows = page.get_by_role("region", name="segments of purchase, checkout").get_by_role("row")
        await expect(rows.filter(has_text="mobile")).to_contain_text("▼")
        await expect(rows.filter(has_text="desktop")).not_to_contain_text("▼")
        await page.keyboard.press("Enter")
        await expect(rows).to_have_count(0)
        await broken.get_by_role("button", name="payment failures").press("Enter")
        await expect(broken.get_by_role("row").filter(has_text="mobile")).to_contain_text("▲")
        await expect(broken.get_by_role("row").filter(has_text="desktop")).not_to_contain_text("▲")
        await page.get_by_role("link", name="Decisions").click()
        decisions = page.locator("#decision-list li")
        await expect(decisions.filter(has_text="signal breached")).to_contain_text("payment_failures")
        fired = decisions.filter(has_text="alert firing")
        await expect(fired).to_contain_text("purchase: fewer than expected go from checkout to paid")


async def test_the_console_asks_nobody_but_its_own_service(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    async with console(browser, shop, demo=True) as watched:
        await expect(watched.page.locator("#plant")).to_be_visible()
        own = f"http://127.0.0.1:{watched.side.port}/"
        assert {url for url in watched.requested if not url.startswith(own)} <= {"about:blank"}
        asked = {url.removeprefix(own) for url in watched.requested}
        assert {
            "app.js",
            "dom.js",
            "style.css",
            "texts/en.json",
            "api/v1/session",
            "api/v1/stream?view=changes",
        } <= asked
        assert "texts/uk.json" not in asked


async def test_in_the_demo_a_button_plants_an_incident(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    async with console(browser, shop, demo=True) as watched:
        page = watched.page
        await expect(page.locator("#incident")).to_contain_text("next planted incident at")
        await page.get_by_role("button", name="Plant an incident").click()
        await expect(page.locator("#incident")).to_contain_text("80% of mobile payments fail")
        await expect(page.get_by_role("button", name="Plant an incident")).to_be_disabled()
        assert shop.simulation.incident().running


async def test_a_lost_connection_is_said_and_the_service_coming_back_is_noticed(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    async with served(shop) as side:
        context = await browser.new_context()
        page = await context.new_page()
        await page.clock.install()
        await page.goto(f"http://127.0.0.1:{side.port}/")
        await expect(page.locator("#link")).to_have_text("live")
        port = side.port
    await page.clock.fast_forward(8000)
    await expect(page.locator("#link")).to_contain_text("no data for")
    again = Web(shop, shop.loaded.config, interval=0.1)
    await again.start("127.0.0.1", port)
    await expect(page.locator("#link")).to_have_text("live")
    await context.close()
    await again.stop()


async def test_a_service_that_stopped_says_why(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(MINUTE)
    async with console(browser, shop) as watched:
        await expect(watched.page.locator("#notice")).to_be_hidden()
        shop.status, shop.reason = "stopped", "almost everything is invalid"
        await expect(watched.page.locator("#notice")).to_contain_text("almost everything is invalid")


async def test_what_customers_send_is_shown_as_text_never_as_markup(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(8 * MINUTE)
    hostile = "<img src=x onerror=alert(1)>"
    journey = shop.journey_views[0]
    first = journey.steps[0]
    segments = [msgspec.structs.replace(first.segments[0], value=hostile), *first.segments[1:]]
    assert isinstance(segments[0], SegmentView)
    steps = [msgspec.structs.replace(first, segments=segments), *journey.steps[1:]]
    shop.journey_views = [msgspec.structs.replace(journey, steps=steps), *shop.journey_views[1:]]
    async with console(browser, shop) as watched:
        await watched.page.locator(".pass").first.click()
        await expect(watched.page.get_by_role("cell", name=hostile)).to_be_visible()
        await expect(watched.page.locator("img")).to_have_count(0)


async def test_an_employee_with_few_customers_is_named_without_a_number(browser: Browser) -> None:
    shop = LiveShop()
    shop.advance(4 * MINUTE)
    journey = shop.journey_views[0]
    first = journey.steps[0]
    few = SegmentView("agent", "olena", {}, None, employee=True, withheld=["5m", "1h"])
    steps = [msgspec.structs.replace(first, segments=[*first.segments, few]), *journey.steps[1:]]
    shop.journey_views = [msgspec.structs.replace(journey, steps=steps), *shop.journey_views[1:]]
    async with console(browser, shop) as watched:
        await watched.page.locator(".pass").first.click()
        await expect(watched.page.locator(".withheld")).to_have_text(
            "Not shown, as too few customers are in it: agent olena"
        )
        await expect(watched.page.get_by_role("cell", name="olena")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 800, 1100])
async def test_nothing_is_cut_off_on_narrower_screens(browser: Browser, width: int) -> None:
    shop = LiveShop()
    shop.advance(8 * MINUTE)
    async with console(browser, shop, width=width) as watched:
        await watched.page.locator(".pass").nth(2).click()
        assert await watched.page.evaluate("document.documentElement.scrollWidth") <= width
