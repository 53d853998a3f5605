"""`touchline erase CUSTOMER`: everything of one customer leaves a data file that no service has open, or a cluster."""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
from pathlib import Path

from streams.errors import CannotStart, InputError, UsageError
from streams.runtime import clusters
from streams.runtime.clusters import Where
from streams.runtime.store import schema
from streams.runtime.store.erasing import Erased, erase, rewrite
from streams.runtime.store.lock import FileLock
from streams.units import SECOND, format_duration, parse_duration

HELP = "erase everything that is kept of one customer; a service must be stopped, a cluster runs"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("customer", metavar="CUSTOMER", help="the id; ids that were merged into it go too")
    parser.add_argument(
        "--data", default="./touchline.db", metavar="FILE.db", help="the data file (default %(default)s)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="do not write the file anew: remains may be left in unused space until it is used again",
    )
    clusters.options(parser)
    parser.add_argument(
        "--wait",
        default="60s",
        metavar="DURATION",
        help="of a cluster: how long to wait for its workers (default %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """0, or 1 when nothing is kept of the customer."""
    where = clusters.chosen(args)
    if where is not None:
        return _in_cluster(where, args)
    data = Path(args.data)
    schema.check(data)
    with FileLock(data):
        schema.prepare(data)
        connection = schema.connect(data)
        try:
            done = erase(connection, args.customer, keep=args.dry_run)
            if done.anything and not args.dry_run and not args.quick:
                _rewrite(connection, data)
        except sqlite3.Error as error:
            raise CannotStart(f"{data}: {schema.explain(error)}; nothing was erased") from None
        finally:
            connection.close()
    if not done.anything:
        raise InputError(f"{data}: nothing is kept of customer {args.customer}")
    _say(done, "would be erased" if args.dry_run else "erased")
    return 0


def _in_cluster(where: Where, args: argparse.Namespace) -> int:
    from streams.runtime.cluster import questions  # Kafka's client takes a while to import

    try:
        wait = parse_duration(args.wait) / SECOND
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from None
    found = asyncio.run(questions.find(where, args.customer))
    also = f" (also {', '.join(found.merged)})" if found.merged else ""
    if args.dry_run:
        sys.stdout.write(f"{found.id}{also}: would be erased\n  {'state':<12} {len(found.states)}\n")
        return 0
    written, left = asyncio.run(questions.erase(where, found, wait))
    sys.stdout.write(f"{found.id}{also}: {'erased' if not left else 'to be erased'}\n")
    sys.stdout.write(f"  {'state':<12} {len(found.states)}\n")
    sys.stdout.write(f"  {'deliveries':<12} {asyncio.run(questions.erase_deliveries(where, found))}\n")
    for one in written:
        waits = "  waits for a worker: nobody has come to it yet" if one in left else ""
        sys.stdout.write(f"  {'log record':<12} partition {one.partition}, offset {one.offset}{waits}\n")
    for topic, kept in asyncio.run(questions.retentions(where)).items():
        goes = "never: set a retention" if kept < 0 else f"within {format_duration(kept * 1000)}"
        sys.stdout.write(f"  {topic}: what was written before goes {goes}\n")
    return 1 if left else 0


def _rewrite(connection: sqlite3.Connection, data: Path) -> None:
    try:
        rewrite(connection)
    except sqlite3.Error as error:
        sys.stderr.write(
            f"{data}: erased, but the file could not be written anew ({schema.explain(error)}): earlier versions may be"
            " left in unused space; make room and erase any customer again, or use VACUUM of sqlite3\n"
        )


def _say(done: Erased, what: str) -> None:
    also = f" (also {', '.join(done.ids[1:])})" if len(done.ids) > 1 else ""
    sys.stdout.write(f"{done.ids[0]}{also}: {what}\n")
    for name, count in (
        ("state", done.states),
        ("log records", done.log_deleted + done.log_blanked),
        ("decisions", done.decisions),
        ("deliveries", done.deliveries),
        ("cases", done.cases),
        ("dead letters", done.dead_letters),
    ):
        sys.stdout.write(f"  {name:<12} {count}\n")
    if done.log_blanked:
        sys.stdout.write(
            f"  {done.log_blanked} of the log records are replaced by events of nobody: a restart reads them again\n"
        )
