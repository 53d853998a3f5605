"""A browser for each test of the console."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.servers.chromium import ARGUMENTS

expect.set_options(timeout=30_000)
"""How long a page takes to get there says nothing here: the machine may be busy, too busy for playwright's own 5 s."""


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        await browser.close()
