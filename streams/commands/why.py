"""`touchline why CUSTOMER`: the story of one customer, from a data file or a cluster – also while it runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from streams.config.structs import Config
from streams.errors import InputError, UsageError
from streams.runtime import clusters, why
from streams.runtime.clusters import Where
from streams.runtime.customer import CustomerView
from streams.runtime.store import schema
from streams.units import parse_duration

HELP = "the story of one customer: what happened, what was decided and why, what is to come"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("customer", metavar="CUSTOMER", help="the id, also one that was merged into another")
    parser.add_argument(
        "--data", default="./touchline.db", metavar="FILE.db", help="the data file (default %(default)s)"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=50,
        metavar="N",
        help="so many events and decisions, the latest (default %(default)s)",
    )
    clusters.options(parser)
    parser.add_argument(
        "--since",
        default="24h",
        metavar="DURATION",
        help="of a cluster: look through the log so far back for events (default %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, as GET /api/v1/customers/{id} answers")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when nothing is known of the customer."""
    if args.limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {args.limit}")
    where = clusters.chosen(args)
    view, config = _in_file(args) if where is None else _in_cluster(where, args)
    if view is None:
        place = args.data if where is None else f"cluster {where.name}"
        raise InputError(f"{place}: nothing is known of customer {args.customer}")
    if args.json:
        sys.stdout.write(msgspec.json.encode(view).decode() + "\n")
    else:
        zone = "UTC" if config is None else str(config.timezone)
        sys.stdout.writelines(f"{line}\n" for line in why.told(view, zone))
        if where is not None:
            sys.stdout.write(f"\nEvents of the last {args.since} of the log; --since looks further back.\n")
    return 0


def _in_file(args: argparse.Namespace) -> tuple[CustomerView | None, Config | None]:
    data = Path(args.data)
    schema.check(data)
    connection = schema.connect(data, read_only=True)
    try:
        config = why.config_of(connection)
        return why.gather(connection, args.customer, config, args.limit), config
    finally:
        connection.close()


def _in_cluster(where: Where, args: argparse.Namespace) -> tuple[CustomerView | None, Config | None]:
    from streams.runtime.cluster import questions  # Kafka's client takes a while to import

    try:
        look_back = parse_duration(args.since)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    return asyncio.run(questions.why(where, args.customer, args.limit, look_back))
