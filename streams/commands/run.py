"""`touchline run`: the embedded service in one process and one file, or with --kafka the door of a cluster."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from pathlib import Path

import msgspec

from streams.config.load import Loaded, load_file
from streams.errors import UsageError
from streams.runtime import baselines, logs
from streams.runtime.access import check_listen, parse_listen
from streams.runtime.clock import SystemClock
from streams.runtime.collection import rare_collection
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.greeting import console_address, greet
from streams.runtime.reload import Reload
from streams.runtime.retention import Retention
from streams.runtime.serve import serve
from streams.runtime.sinks import check_receivers
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.units import parse_duration

HELP = "run the embedded service: HTTP in, journeys and signals, console"
LISTEN = "127.0.0.1:8427"
_SIZE = re.compile(r"([1-9][0-9]*)\s*(KiB|MiB|GiB|TiB)")
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
        "--kafka",
        metavar="HOST:PORT",
        help="be the door of a cluster: events go to this Kafka, nothing is kept or shown here; --data, --log-age,"
        " --log-size and --cache mean nothing then",
    )
    parser.add_argument(
        "--redis",
        metavar="URL",
        help="with --kafka: the cluster's store, redis://HOST:PORT/DB; the door then has console and API too",
    )
    parser.add_argument(
        "--name", default="touchline", metavar="PREFIX", help="with --kafka: prefix of the topics (default %(default)s)"
    )
    parser.add_argument(
        "--log-age", default="7d", metavar="DURATION", help="keep the log so long (default %(default)s)"
    )
    parser.add_argument("--log-size", default="2GiB", metavar="SIZE", help="and up to this size (default %(default)s)")
    parser.add_argument(
        "--cache", type=int, default=Limits().cache, metavar="N", help="customers held in memory (default %(default)s)"
    )
    baselines.option(parser)
    parser.add_argument(
        "--log-level", default="info", choices=logs.LEVELS, help="least level shown (default %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Returns once the service was told to stop and everything it had taken is committed, or acknowledged by Kafka."""
    loaded = load_file(args.config)
    check_receivers(loaded)
    for warning in loaded.warnings:
        sys.stderr.write(f"{warning.at(args.config)}\n")
    listen = _listen(loaded, args)
    retention = Retention(age=_duration("--log-age", args.log_age), size=_size("--log-size", args.log_size))
    learnt = baselines.read(args.learnt, loaded)
    if args.cache < 1:
        raise UsageError(f"--cache: expected a number of customers of at least 1, got {args.cache}")
    if args.redis is not None and args.kafka is None:
        raise UsageError("--redis: goes with --kafka, for the door of a cluster")
    logs.configure(args.log_level)
    with rare_collection():
        asyncio.run(_open_door(loaded, args, listen) if args.kafka else _run(loaded, args, retention, listen, learnt))
    return 0


async def _open_door(loaded: Loaded, args: argparse.Namespace, listen: str) -> None:
    from streams.runtime.cluster.door import serve as serve_door  # Kafka's client takes a while to import

    host, port = parse_listen(listen)
    await serve_door(loaded, kafka=args.kafka, name=args.name, host=host, port=port, redis=args.redis, file=args.config)


async def _run(
    loaded: Loaded, args: argparse.Namespace, retention: Retention, listen: str, learnt: bytes | None
) -> None:
    host, port = parse_listen(listen)
    store = Store(Path(args.data), retention=retention, listen=listen)
    clock = SystemClock()
    limits = msgspec.structs.replace(Limits(), cache=args.cache)
    embedded = Embedded(loaded, store, clock, name=args.config, limits=limits, learnt=learnt)
    web = Web(embedded, loaded.config)

    def started() -> None:
        greet(console_address(host, web.port), args.data, asks_token=bool(loaded.config.access.console))

    reload = Reload(embedded, args.config, lambda: _read_again(args), clock)
    await serve(embedded, web, host, port, reload=reload, started=started)


def _listen(loaded: Loaded, args: argparse.Namespace) -> str:
    """The address to listen on. Raises CannotStart where the file has no tokens for it."""
    listen: str = args.listen or loaded.config.access.listen or LISTEN
    check_listen(parse_listen(listen)[0], loaded.config.access)
    return listen


def _read_again(args: argparse.Namespace) -> Loaded:
    """The file as it is now, refused where the next start would refuse it."""
    loaded = load_file(args.config)
    check_receivers(loaded)
    _listen(loaded, args)
    return loaded


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
