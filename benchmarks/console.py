"""The console with 200 live series: first paint, cost of an update, weight, and what an open one costs the service.

    python -m benchmarks.console [--seconds 20] [--consoles 50]

`touchline run` watches 25 journeys of five steps and 100 signals, so that a page shows 100 conversions and 100 signals
with their intervals, and takes 100 events/s meanwhile. A chromium without a cache opens it. First paint and the first
numbers are timed from the navigation; an update is one change of the stream, its cost the time the browser's main
thread was busy per change. The service's cost of an open console is the CPU time with so many streams beside that with
none. Browser, sender and service share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import CDPSession, async_playwright

from benchmarks.asking import Service, post
from benchmarks.cluster.servers import cpu_seconds
from benchmarks.result import write

JOURNEYS, STEPS, SIGNALS = 25, 5, 100
RATE = 100
"""Events a second."""
LOADS = 5
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WATCH = """
new MutationObserver((_, watcher) => {
  if (!document.querySelector(".journey .rate")) return;
  watcher.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstNumbers = performance.now(); }));
}).observe(document, {childList: true, subtree: true});
"""
COUNT = """
window.views = 0;
const source = new EventSource("api/v1/stream?only=view&view=changes");
for (const kind of ["view", "change"]) source.addEventListener(kind, () => window.views++);
"""


def file() -> str:
    """The file that is watched."""
    journeys = "".join(
        f"  j{number}:\n    steps:\n      - {{name: s0, on: j{number}.s0}}\n"
        + "".join(f"      - {{name: s{step}, on: j{number}.s{step}, within: 30m}}\n" for step in range(1, STEPS))
        for number in range(JOURNEYS)
    )
    signals = "".join(
        f"  m{number}: {{on: j{number % JOURNEYS}.s{number // JOURNEYS}, value: amount, as: mean, kind: outcome}}\n"
        for number in range(SIGNALS)
    )
    return f"version: 1\nsegments: [device]\njourneys:\n{journeys}signals:\n{signals}"


class Watched(Service):
    """The service, and what its process has used."""

    def cpu_seconds(self) -> float:
        """CPU time of the process so far, all threads."""
        return cpu_seconds(self._process.pid)


def events(first: int, count: int, at: float) -> list[dict[str, Any]]:
    """So many customers' events, spread over all journeys; four of five customers go on at each step."""
    made = []
    for number in range(first, first + count):
        journey, step = number % JOURNEYS, number // JOURNEYS % STEPS
        customer = number // JOURNEYS // STEPS
        if customer % 5 < step:
            continue
        whole = int(at)
        made.append(
            {
                "specversion": "1.0",
                "id": f"e-{number}",
                "source": "shop",
                "type": f"j{journey}.s{step}",
                "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((at - whole) * 1e6):06}Z",
                "subject": f"c-{journey}-{customer}",
                "data": {"device": ("mobile", "desktop")[customer % 2], "amount": 10 + number % 90},
            }
        )
    return made


async def feed(address: str, first: int) -> None:
    """`RATE` events a second until it is cancelled."""
    async with aiohttp.ClientSession(address) as session:
        begun, sent = time.time(), 0
        while True:
            portion = events(first + sent, RATE // 4, time.time())
            if portion:
                await post(session, portion)
            sent += RATE // 4
            await asyncio.sleep(max(0.0, begun + sent / RATE - time.time()))


class Listener:
    """A console that only reads."""

    def __init__(self, form: str, coding: str) -> None:
        self._address = f"/api/v1/stream?view={form}"
        self._headers = {"Accept-Encoding": coding}
        self.size = 0
        """Bytes as sent."""

    async def listen(self, address: str, until: asyncio.Event) -> None:
        async with (
            aiohttp.ClientSession(address, timeout=aiohttp.ClientTimeout(None), auto_decompress=False) as session,
            session.get(self._address, headers=self._headers) as answer,
        ):
            while not until.is_set():
                self.size += len(await answer.content.readany())


async def served(
    service: Watched, consoles: int, seconds: float, form: str = "changes", coding: str = "gzip"
) -> tuple[float, float]:
    """CPU seconds a second with so many consoles open, and the bytes a second that each of them reads."""
    until = asyncio.Event()
    listeners = [Listener(form, coding) for _ in range(consoles)]
    open_ones = [asyncio.create_task(one.listen(service.address, until)) for one in listeners]
    await asyncio.sleep(2)
    before, begun, read = service.cpu_seconds(), time.perf_counter(), sum(one.size for one in listeners)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - begun
    used, read = (service.cpu_seconds() - before) / took, sum(one.size for one in listeners) - read
    until.set()
    await asyncio.gather(*open_ones)
    return used, read / took / max(consoles, 1)


async def busy(cdp: CDPSession) -> dict[str, float]:
    """Seconds the page's main thread has spent, by kind."""
    held = (await cdp.send("Performance.getMetrics"))["metrics"]
    return {one["name"]: one["value"] for one in held if one["name"].endswith("Duration")}


async def shown(address: str, seconds: float) -> dict[str, Any]:
    """What a browser needs for it."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is not on PATH; install it with: apt-get install chromium")
    paints, numbers, sent, raw = [], [], 0, 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        for load in range(LOADS):
            context = await browser.new_context(viewport={"width": 1320, "height": 900}, locale="en-GB")
            page = await context.new_page()
            await page.add_init_script(WATCH)
            await page.goto(address)
            while (first := await page.evaluate("window.firstNumbers")) is None:
                await asyncio.sleep(0.02)
            numbers.append(first)
            paints.append(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            loaded = await page.evaluate(
                "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
                ".filter(one => !one.name.includes('/api/')).map(one => [one.transferSize, one.decodedBodySize])"
            )
            sent, raw = (sum(one[at] for one in loaded) for at in (0, 1))
            if load < LOADS - 1:
                await context.close()
        series = await page.locator(".pass .range, .signal .range").count()
        await page.evaluate(COUNT)
        cdp = await context.new_cdp_session(page)
        await cdp.send("Performance.enable")
        before, views = await busy(cdp), await page.evaluate("window.views")
        await asyncio.sleep(seconds)
        after, views = await busy(cdp), await page.evaluate("window.views") - views
        await browser.close()
    spent = {name: (after[name] - before[name]) * 1000 / views for name in after}
    return {
        "series": series,
        "page_bytes_sent": sent,
        "page_bytes": raw,
        "first_paint_milliseconds": round(sorted(paints)[LOADS // 2], 1),
        "first_numbers_milliseconds": round(sorted(numbers)[LOADS // 2], 1),
        "update_milliseconds": round(spent["TaskDuration"], 2),
        "update_script_milliseconds": round(spent["ScriptDuration"], 2),
        "update_layout_milliseconds": round(spent["LayoutDuration"] + spent["RecalcStyleDuration"], 2),
        "views": views,
    }


async def measure(folder: Path, seconds: float, consoles: int) -> dict[str, Any]:
    """All figures; `load_average` is the machine's before, as times mean little where others are at work."""
    load = os.getloadavg()[0]
    service = Watched(folder, file())
    await service.start()
    async with aiohttp.ClientSession(service.address) as session:
        history = 40_000
        for first in range(0, history, 500):
            await post(session, events(first, 500, time.time() - 120 + 110 * first / history))
    feeding = asyncio.create_task(feed(service.address, history))
    try:
        await asyncio.sleep(5)
        browser = await shown(service.address + "/", seconds)
        none, _ = await served(service, 0, seconds)
        one, _ = await served(service, 1, seconds)
        many, zipped = await served(service, consoles, seconds)
        forms = {
            f"{form}_{coding}_bytes_per_second": round((await served(service, 1, seconds / 2, form, coding))[1])
            for form, coding in (("whole", "identity"), ("whole", "gzip"), ("changes", "identity"))
        }
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await service.end()
    return {
        "events_per_second": RATE,
        "load_average": round(load, 1),
        **browser,
        **forms,
        "changes_gzip_bytes_per_second": round(zipped),
        "service_cpu_percent_without_console": round(100 * none, 2),
        "service_cpu_percent_of_the_first_console": round(100 * (one - none), 2),
        "consoles": consoles,
        "service_cpu_percent_per_further_console": round(100 * (many - one) / (consoles - 1), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--consoles", type=int, default=50)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), args.seconds, args.consoles))
    print(figures)  # noqa: T201  # the benchmark's report
    write("console", figures)


if __name__ == "__main__":
    main()
