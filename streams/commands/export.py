"""`touchline export CUSTOMER`: everything a data file or a cluster has of one customer, as JSON, also while it runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import InputError
from streams.runtime import clusters, why
from streams.runtime.clusters import Where
from streams.runtime.exporting import export
from streams.runtime.store import schema

HELP = "everything that is kept of one customer, as JSON"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("customer", metavar="CUSTOMER", help="the id, also one that was merged into another")
    parser.add_argument(
        "--data", default="./touchline.db", metavar="FILE.db", help="the data file (default %(default)s)"
    )
    clusters.options(parser)
    parser.add_argument("--out", default="-", metavar="FILE", help="where to write it (default standard output)")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when nothing is kept of the customer."""
    where = clusters.chosen(args)
    found = _in_file(args) if where is None else _in_cluster(where, args.customer)
    if found is None:
        place = args.data if where is None else f"cluster {where.name}"
        raise InputError(f"{place}: nothing is kept of customer {args.customer}")
    body = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    if args.out == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        return 0
    try:
        Path(args.out).write_bytes(body)
    except OSError as fault:
        raise InputError(f"{args.out}: cannot be written: {fault.strerror or fault}") from None
    return 0


def _in_file(args: argparse.Namespace) -> dict[str, Any] | None:
    data = Path(args.data)
    schema.check(data)
    connection = schema.connect(data, read_only=True)
    try:
        # One snapshot: a commit in between must not tear what belongs together.
        connection.execute("BEGIN")
        return export(connection, args.customer, why.config_of(connection))
    finally:
        connection.close()


def _in_cluster(where: Where, customer: str) -> dict[str, Any] | None:
    from streams.runtime.cluster import questions  # Kafka's client takes a while to import

    return asyncio.run(questions.export(where, customer))
