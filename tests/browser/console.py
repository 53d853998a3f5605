"""The console opened in a real browser, and what it complained about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, expect

from streams.runtime.web import Web
from tests.browser.live_shop import LiveShop, served


class Watched:
    """A page, and whatever it complained about or asked for."""

    def __init__(self, page: Page, side: Web, place: str = "") -> None:
        self.page = page
        self.side = side
        self.place = place
        self.complaints: list[str] = []
        self.alone = False
        """The service is gone for good, and the browser complains of that as often as it tries."""
        self.requested: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requested.append(request.url))

    @property
    def address(self) -> str:
        """Of the console, with a slash at its end."""
        return f"http://127.0.0.1:{self.side.port}/"

    async def open(self, place: str | None = None) -> None:
        """Load the console anew at a place such as `cases` or `customer/ann`; None: where it was opened first."""
        await self.page.goto("about:blank")  # else another place of the same page would not load it anew
        await self.page.goto(f"{self.address}#{self.place if place is None else place}")
        await expect(self.page.locator("#link")).to_have_attribute("data-state", "live")
        await expect(self.page.locator("#foot")).not_to_be_empty()


@asynccontextmanager
async def console(
    browser: Browser,
    shop: LiveShop,
    place: str = "",
    *,
    demo: bool = False,
    width: int = 1320,
    dark: bool = False,
    language: str = "en-GB",
) -> AsyncIterator[Watched]:
    """The console of a shop, opened at a place; leaving fails on anything it complained about."""
    async with served(shop, demo=demo) as side:
        context = await browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Kyiv",
            locale=language,
        )
        watched = Watched(await context.new_page(), side, place)
        await watched.open()
        yield watched
        await context.close()
    assert watched.alone or watched.complaints == []
