"""`touchline run`: the embedded service, from HTTP to committed decisions in one process and one file."""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import sys
from pathlib import Path

import msgspec

from streams.config.load import Loaded, load_file
from streams.errors import UsageError
from streams.runtime import logs
from streams.runtime.access import check_listen, parse_listen
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.retention import Retention
from streams.runtime.serve import serve
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.units import parse_duration

HELP = "run the embedded service: HTTP in, journeys and signals, console"
LISTEN = "127.0.0.1:8427"
_SIZE = re.compile(r"([1-9][0-9]*)\s*(KiB|MiB|GiB|TiB)")
_GC = (100_000, 50, 1_000)
"""Hundreds of thousands of customers in memory hold no cycles: looking through all of them stops everything for a
second and finds nothing, so it is done rarely."""
_UNITS = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the YAML file")
    parser.add_argument(
        "--data", default="./touchline.db", metavar="FILE.db", help="log, state and decisions (default %(default)s)"
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help=f"address of the HTTP side (default access.listen, else {LISTEN})"
    )
    parser.add_argument(
        "--log-age", default="7d", metavar="DURATION", help="keep the log so long (default %(default)s)"
    )
    parser.add_argument("--log-size", default="2GiB", metavar="SIZE", help="and up to this size (default %(default)s)")
    parser.add_argument(
        "--cache", type=int, default=Limits().cache, metavar="N", help="customers held in memory (default %(default)s)"
    )
    parser.add_argument(
        "--log-level", default="info", choices=logs.LEVELS, help="least level shown (default %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Returns once the service was told to stop and everything it had taken is committed."""
    loaded = load_file(args.config)
    for warning in loaded.warnings:
        sys.stderr.write(f"{warning}\n")
    access = loaded.config.access
    listen = args.listen or (access.listen if access is not None else None) or LISTEN
    host, port = parse_listen(listen)
    check_listen(host, access)
    retention = Retention(age=_duration("--log-age", args.log_age), size=_size("--log-size", args.log_size))
    if args.cache < 1:
        raise UsageError(f"--cache: expected a number of customers of at least 1, got {args.cache}")
    logs.configure(args.log_level)
    gc.set_threshold(*_GC)
    asyncio.run(_run(loaded, args, retention, listen, host, port))
    return 0


async def _run(
    loaded: Loaded, args: argparse.Namespace, retention: Retention, listen: str, host: str, port: int
) -> None:
    store = Store(Path(args.data), retention=retention, listen=listen)
    limits = msgspec.structs.replace(Limits(), cache=args.cache)
    embedded = Embedded(loaded, store, name=args.config, limits=limits)
    await serve(embedded, Web(embedded, loaded.config), host, port)


def _duration(option: str, text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _size(option: str, text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"{option}: expected a size such as 500MiB or 2GiB, got {text!r}")
    return int(match[1]) * _UNITS[match[2]]
