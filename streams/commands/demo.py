"""`touchline demo`: the embedded service on simulated shop traffic, with a live terminal and console."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from connectors.synthetic.incidents import MINUTE
from connectors.synthetic.traffic import Traffic
from streams.codec import decode
from streams.config.load import Loaded, load_file
from streams.errors import UsageError
from streams.model import Event
from streams.runtime import logs
from streams.runtime.access import Role, check_listen, parse_listen
from streams.runtime.clock import SystemClock
from streams.runtime.collection import rare_collection
from streams.runtime.embedded import Embedded
from streams.runtime.greeting import console_address
from streams.runtime.service import Published
from streams.runtime.simulation import Simulation
from streams.runtime.store.store import Store
from streams.runtime.terminal import Frame, draw, line
from streams.runtime.web import Web
from streams.units import parse_duration, parse_time

HELP = "show everything at once: a service on simulated shop traffic, with a live console"

NAME = "touchline demo"
"""What the file goes by; the console shows its demo controls where it reads this."""
SECOND = 1_000_000
HISTORY = 30 * MINUTE
"""Simulated past fed at the first start: windows have something to show, alarms know what is normal."""
LONGEST_GAP = 60 * MINUTE
"""A demo started again makes up for at most this long."""
_PLAIN_SECONDS = 5.0
_BEAT_SECONDS = 0.2
_CAUGHT_UP_SECONDS = 15.0
"""So far behind the clock the watermark may be when the past counts as worked off; in quiet hours it is."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--data", type=Path, default=Path("touchline-demo.db"), metavar="FILE", help="data file (default: %(default)s)"
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:8427", metavar="HOST:PORT", help="address of the console (default: %(default)s)"
    )
    parser.add_argument(
        "--rate", type=float, default=50.0, metavar="N", help="mean events per second (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other visitors")
    parser.add_argument("--incident", choices=["now"], help="plant an incident at once, not after a minute")
    parser.add_argument("--for", dest="lasts", metavar="DURATION", help="stop by itself, after 60s for example")
    parser.add_argument("--no-terminal", action="store_true", help="plain lines instead of the live picture")


def run(args: argparse.Namespace) -> int:
    """Returns once stopped, by Ctrl-C, `q` or `--for`."""
    with rare_collection():
        return asyncio.run(_demo(args))


async def _demo(args: argparse.Namespace) -> int:
    try:
        lasts = None if args.lasts is None else parse_duration(args.lasts)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None
    if not 0 < args.rate <= 5000 or args.seed < 0:
        raise UsageError("--rate: expected events per second between 0 and 5000; --seed: a whole number from 0")
    console = Console()
    live = console.is_terminal and not args.no_terminal
    logs.configure("warning")
    loaded = load_file(_file())
    host, port = parse_listen(args.listen)
    check_listen(host, loaded.config.access)
    stop = _until_told()
    async with _service(loaded, args, host, port) as (service, simulation, web_side):
        url = console_address(host, web_side.port)
        console.print(f"Console: {url}   data: {args.data}   Ctrl-C ends it", highlight=False, soft_wrap=True)
        decisions = _Decisions(service)
        feeding = asyncio.create_task(_feed(simulation))
        await _catch_up(service, console, feeding, stop)
        simulation.plan()
        await decisions.load()
        if args.incident == "now":
            simulation.plant()
        tasks = [feeding, asyncio.create_task(decisions.follow())]
        tasks.append(asyncio.create_task(service.wait()))
        if lasts is not None:
            tasks.append(asyncio.create_task(_after(lasts, stop)))
        for task in tasks:
            task.add_done_callback(lambda _: stop.set())

        def frame(keys: bool = False) -> Frame:
            seen, planted = list(decisions.items), simulation.incident()
            alarms = service.alarms()
            return Frame(service.journeys(), service.signals(), service.health(), seen, planted, url, keys, alarms)

        try:
            await (_show_live(console, frame, simulation, stop) if live else _show_lines(frame, stop))
        finally:
            await _end(tasks)
    read = service.health().events.read
    console.print(
        f"Stopped: {simulation.fed:,} events fed and {decisions.count:,} decisions in this run. {args.data} holds"
        f" {read:,} events; started again the demo goes on from there, with another --data FILE it begins anew.",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _file() -> Path:
    """The demo's file: beside this module in an installed package, in examples/ in the repository."""
    packaged = Path(__file__).with_name("demo.yml")
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "examples" / "demo.yml"


@contextlib.asynccontextmanager
async def _service(
    loaded: Loaded, args: argparse.Namespace, host: str, port: int
) -> AsyncIterator[tuple[Embedded, Simulation, Web]]:
    """The service, its traffic and its HTTP side, started; stopped in the right order at the end."""
    clock = SystemClock()
    store = Store(args.data, listen=args.listen)
    embedded = Embedded(loaded, store, clock, name=NAME)
    started = False
    try:
        opened = await _opened(store)
        await embedded.start()
        started = True
        now = clock.now()
        watermark = embedded.health().watermark
        since = now - HISTORY if watermark is None else max(parse_time(watermark), now - LONGEST_GAP)
        traffic = Traffic(
            args.seed,
            rate=args.rate,
            opens=since if opened is None else opened,
            timezone=loaded.config.timezone,
            disorder=True,
        )
        simulation = Simulation(embedded, traffic, clock, since)
        web_side = Web(embedded, loaded.config)
        add_button(web_side, simulation)
        await web_side.start(host, port)
        try:
            yield embedded, simulation, web_side
        finally:
            await web_side.stop()
    finally:
        if started:
            await embedded.stop()
        else:
            await store.close()


async def _opened(store: Store) -> int | None:
    """When the shop of this data file opened: the time of its first event; None in a new file."""
    for record in await store.records(store.first_offset, 20):
        event = record.body if isinstance(record.body, Event) else decode(record.body)
        if isinstance(event, Event) and event.time is not None:
            return parse_time(event.time)
    return None


def add_button(web_side: Web, simulation: Simulation) -> None:
    """The console's demo controls: what is planted, and a button that plants."""

    async def show(request: web.Request) -> web.StreamResponse:
        return _answer(simulation.incident())

    async def plant(request: web.Request) -> web.StreamResponse:
        return _answer(simulation.plant())

    web_side.add_route("GET", "/api/v1/demo/incident", show, Role.VIEWER)
    web_side.add_route("POST", "/api/v1/demo/incident", plant)


def _answer(value: Any) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


class _Decisions:
    """The newest decisions, newest first."""

    def __init__(self, service: Embedded) -> None:
        self._service = service
        self._queue = service.subscribe()
        self.items: deque[dict[str, Any]] = deque(maxlen=20)
        self.count = 0

    async def load(self) -> None:
        """Those stored before this moment."""
        while not self._queue.empty():
            self._queue.get_nowait()
            self.count += 1
        page = await self._service.decisions(None, 20, None)
        self.items.extend(msgspec.json.decode(item) for item in page.items)

    async def follow(self) -> None:
        """Those that come."""
        while True:
            published: Published = await self._queue.get()
            self.items.appendleft(msgspec.json.decode(published.body))
            self.count += 1


async def _feed(simulation: Simulation) -> None:
    """The past, then at once the present: a pause between them would be an outage of everything."""
    await simulation.catch_up()
    await simulation.run()


async def _catch_up(service: Embedded, console: Console, feeding: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait until the past is worked off, with a bar of event time."""
    columns = (TextColumn("Replaying the last minutes of the shop"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None)
        longest = 0.0
        while not feeding.done() and not await _waited(stop, _BEAT_SECONDS):
            lag = service.health().lag_seconds
            if lag is None:
                continue
            longest = max(longest, lag)
            if lag <= _CAUGHT_UP_SECONDS:
                break
            progress.update(bar, completed=longest - lag, total=longest - _CAUGHT_UP_SECONDS)


async def _show_live(
    console: Console, frame: Callable[[bool], Frame], simulation: Simulation, stop: asyncio.Event
) -> None:
    """Redraw twice a second until told to stop."""

    def picture_of(keys: bool) -> RenderableType:
        return draw(frame(keys), console.width, console.height)

    with (
        _keys({"i": simulation.plant, "q": stop.set}) as keys,
        Live(picture_of(keys), console=console, auto_refresh=False, screen=False, vertical_overflow="crop") as picture,
    ):
        while not await _waited(stop, 0.5):
            picture.update(picture_of(keys), refresh=True)


async def _show_lines(frame: Callable[[], Frame], stop: asyncio.Event) -> None:
    while not await _waited(stop, _PLAIN_SECONDS):
        print(line(frame()), flush=True)  # noqa: T201  this is the command's output


@contextlib.contextmanager
def _keys(actions: dict[str, Callable[[], Any]]) -> Iterator[bool]:
    """Call an action when its key is pressed; yields whether keys can be read."""
    if not sys.stdin.isatty():
        yield False
        return
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        for key in os.read(file, 64).decode(errors="ignore").lower():
            if key in actions:
                actions[key]()

    tty.setcbreak(file)
    loop.add_reader(file, pressed)
    try:
        yield True
    finally:
        loop.remove_reader(file)
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _until_told() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _waited(stop: asyncio.Event, seconds: float) -> bool:
    """Whether told to stop within so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


async def _after(duration: int, stop: asyncio.Event) -> None:
    await asyncio.sleep(duration / SECOND)
    stop.set()


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what still runs; raise what went wrong in what does not."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
