"""`touchline cases`: who waits to hear from us, the most urgent first, read from a data file or a cluster's store."""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import get_args

import msgspec

from streams.care.state import STATES
from streams.runtime.case_reader import CaseQuery, CaseView, Order
from streams.runtime.service import Page
from streams.runtime.store import schema
from streams.runtime.store.cases import cases_page

HELP = "open cases: who waits to hear from us, and by when"
_PAGE = 500
_COLUMNS = (("DUE", 24), ("STATE", 12), ("LATE", 8), ("PRIORITY", 8), ("RULE", 16), ("OWNER", 16), ("CUSTOMER", 16))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--data", default="./touchline.db", metavar="FILE.db", help="the data file (default %(default)s)"
    )
    parser.add_argument("--redis", metavar="URL", help="of a cluster: its store, redis://HOST:PORT/DB; no --data then")
    parser.add_argument("--all", action="store_true", help="also those that are closed")
    parser.add_argument("--state", choices=STATES, help="those in this state")
    parser.add_argument("--owner", metavar="OWNER", help="those of this owner")
    parser.add_argument("--rule", metavar="RULE", help="those of this rule of the file")
    parser.add_argument("--customer", metavar="CUSTOMER", help="those of this customer")
    parser.add_argument(
        "--order",
        choices=get_args(Order),
        default="urgent",
        help="urgent: by priority, worth and due time; due; newest (default %(default)s)",
    )
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def run(args: argparse.Namespace) -> int:
    """0, whether or not there are any."""
    unclosed = not args.all and args.state is None
    query = CaseQuery(args.state, args.owner, args.rule, args.customer, unclosed, None, args.order)
    found = _in_cluster(args.redis, query, args.limit) if args.redis else _in_file(Path(args.data), query, args.limit)
    if args.json:
        for case in found:
            sys.stdout.write(msgspec.json.encode(case).decode() + "\n")
    elif not found:
        sys.stdout.write("no open cases\n" if unclosed else "no cases\n")
    else:
        sys.stdout.write("  ".join(f"{name:<{width}}" for name, width in _COLUMNS) + "  CASE\n")
        for case in found:
            cells = zip(_cells(case), _COLUMNS, strict=True)
            sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, (_, width) in cells) + f"  {case.id}\n")
    return 0


def _cells(case: CaseView) -> tuple[str, ...]:
    late = "breached" if case.breached else "warned" if case.warned else "-"
    return case.due_at, case.state, late, f"{case.priority:g}", case.rule, case.owner or "-", case.customer


def _in_file(data: Path, query: CaseQuery, limit: int) -> list[CaseView]:
    schema.check(data)
    connection = schema.connect(data, read_only=True)
    try:
        return [] if _none_yet(connection) else list(_cases(partial(cases_page, connection), query, limit))
    finally:
        connection.close()


def _in_cluster(redis: str, query: CaseQuery, limit: int) -> list[CaseView]:
    from streams.runtime.cluster import questions  # the clients take a while to import

    return list(_cases(asyncio.run(questions.cases(redis)), query, limit))


def _cases(page_of: Callable[[CaseQuery, int, str | None], Page], query: CaseQuery, limit: int) -> Iterator[CaseView]:
    cursor: str | None = None
    while limit > 0:
        page = page_of(query, min(_PAGE, limit), cursor)
        yield from page.items
        limit -= len(page.items)
        cursor = page.next
        if cursor is None:
            return


def _none_yet(connection: sqlite3.Connection) -> bool:
    """A file that only earlier releases have written has no place for cases."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'cases'").fetchone() is None
