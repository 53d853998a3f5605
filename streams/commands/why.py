"""`touchline why CUSTOMER`: the story of one customer, from a data file – also while the service runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from streams.errors import InputError, UsageError
from streams.runtime import why
from streams.runtime.store import schema

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
    parser.add_argument("--json", action="store_true", help="one JSON object, as GET /api/v1/customers/{id} answers")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when nothing is known of the customer."""
    if args.limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {args.limit}")
    data = Path(args.data)
    schema.check(data)
    connection = schema.connect(data, read_only=True)
    try:
        config = why.config_of(connection)
        view = why.gather(connection, args.customer, config, args.limit)
    finally:
        connection.close()
    if view is None:
        raise InputError(f"{data}: nothing is known of customer {args.customer}")
    if args.json:
        sys.stdout.write(msgspec.json.encode(view).decode() + "\n")
    else:
        zone = "UTC" if config is None else str(config.timezone)
        sys.stdout.writelines(f"{line}\n" for line in why.told(view, zone))
    return 0
