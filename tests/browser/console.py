"""The console opened in a real browser, and what it complained about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, expect

from streams.runtime.web import Web
from tests.browser.live_shop import LiveShop, served


class Watched:
    """A page, and whatever it complained about or asked for."""

    def __init__(self, page: Page, side: Web) -> None:
        self.page = page
        self.side = side
        self.complaints: list[str] = []
        self.requested: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requested.append(request.url))

    async def open(self) -> None:
        await self.page.goto(f"http://127.0.0.1:{self.side.port}/")
        await expect(self.page.locator("article.journey").first).to_be_visible()


@asynccontextmanager
async def console(
    browser: Browser, shop: LiveShop, *, demo: bool = False, width: int = 1320, dark: bool = False
) -> AsyncIterator[Watched]:
    """The console of a shop, opened; leaving fails on anything it complained about."""
    async with served(shop, demo=demo) as side:
        context = await browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Kyiv",
        )
        watched = Watched(await context.new_page(), side)
        await watched.open()
        yield watched
        await context.close()
    assert watched.complaints == []
