"""`touchline export CUSTOMER`: everything a data file has of one customer, as JSON – also while the service runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from streams.errors import InputError
from streams.runtime import why
from streams.runtime.exporting import export
from streams.runtime.store import schema

HELP = "everything that is kept of one customer, as JSON"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("customer", metavar="CUSTOMER", help="the id, also one that was merged into another")
    parser.add_argument(
        "--data", default="./touchline.db", metavar="FILE.db", help="the data file (default %(default)s)"
    )
    parser.add_argument("--out", default="-", metavar="FILE", help="where to write it (default standard output)")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when nothing is kept of the customer."""
    data = Path(args.data)
    schema.check(data)
    connection = schema.connect(data, read_only=True)
    try:
        # One snapshot: a commit in between must not tear what belongs together.
        connection.execute("BEGIN")
        found = export(connection, args.customer, why.config_of(connection))
    finally:
        connection.close()
    if found is None:
        raise InputError(f"{data}: nothing is kept of customer {args.customer}")
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
