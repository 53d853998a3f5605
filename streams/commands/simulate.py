"""`touchline simulate`: the demo's shop as a sender of its own, over HTTP to a door elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal

import structlog

from connectors.synthetic.traffic import Traffic
from streams.errors import UsageError
from streams.runtime import logs
from streams.runtime.clock import SystemClock
from streams.runtime.remote_door import RemoteDoor
from streams.runtime.simulation import Simulation
from streams.units import parse_duration

HELP = "send simulated shop traffic over HTTP, to try an installation"

KEY = "TOUCHLINE_WRITE_KEY"
"""Names the write key in the environment; on a command line other users of the machine could read it."""
_log = structlog.get_logger("simulate")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--to",
        required=True,
        metavar="URL",
        help=f"the door, such as http://127.0.0.1:8427; its write key, if it asks for one, is in {KEY}",
    )
    parser.add_argument(
        "--rate", type=float, default=50.0, metavar="N", help="mean events per second (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other visitors")
    parser.add_argument(
        "--timezone", default="Europe/Kyiv", metavar="ZONE", help="of the shop's day (default: %(default)s)"
    )
    parser.add_argument(
        "--incidents", choices=["planned", "now", "none"], default="planned",
        help="payments by phone fail for three minutes: every ten from the first minute on, once at once, or never"
        " (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--for", dest="lasts", metavar="DURATION", help="stop by itself, after 60s for example")
    parser.add_argument(
        "--log-level", default="info", choices=logs.LEVELS, help="least level shown (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Returns once stopped, by Ctrl-C, SIGTERM or `--for`."""
    if not 0 < args.rate <= 5000 or args.seed < 0:
        raise UsageError("--rate: expected events per second between 0 and 5000; --seed: a whole number from 0")
    try:
        lasts = None if args.lasts is None else parse_duration(args.lasts) / 1e6
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None
    logs.configure(args.log_level)
    return asyncio.run(_send(args, lasts))


async def _send(args: argparse.Namespace, lasts_s: float | None) -> int:
    clock = SystemClock()
    now = clock.now()
    try:
        door = RemoteDoor(args.to, os.environ.get(KEY) or None, clock)
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None
    try:
        traffic = Traffic(args.seed, rate=args.rate, opens=now, timezone=args.timezone, disorder=True)
    except (KeyError, ValueError) as error:
        raise UsageError(f"--timezone: {error}") from None
    simulation = Simulation(door, traffic, clock, now)
    if args.incidents == "planned":
        simulation.plan()
    elif args.incidents == "now":
        simulation.plant()
    feeding = asyncio.create_task(simulation.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, feeding.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(lasts_s):
                await feeding
    finally:
        await door.close()
        _log.info("traffic_ended", accepted=door.accepted, rejected=door.rejected)
    return 0
