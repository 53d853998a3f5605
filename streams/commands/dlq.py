"""`touchline dlq`: the dead letters of a data file – list them, look at one, send them through again."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from streams.errors import CannotStart, InputError, UsageError
from streams.runtime.service import BadCursor, StoredDeadLetter
from streams.runtime.store import pages, schema
from streams.runtime.store.lock import FileLock, Holder, holder_of
from streams.runtime.store.log import append_directly
from streams.runtime.store.pages import mark_redriven

if TYPE_CHECKING:
    from streams.runtime.cluster.dead_letters import Letter
    from streams.runtime.cluster.topics import Names

HELP = "dead letters: list, show, redrive"
TOKEN = "TOUCHLINE_TOKEN"
"""Environment variable with a console token of role admin, where the service asks for one."""
_PAGE = 500
_TIMEOUT_SECONDS = 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="list|show|redrive")
    listing = commands.add_parser("list", help="the dead letters, the last one first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default %(default)s)")
    showing = commands.add_parser("show", help="one dead letter and its bytes")
    showing.add_argument("id", type=int, metavar="ID")
    redriving = commands.add_parser("redrive", help="append their bytes to the log again, through dedup")
    redriving.add_argument("id", type=int, nargs="*", metavar="ID")
    for command in (listing, redriving):
        command.add_argument("--reason", metavar="REASON", help="those of this reason")
    for command in (listing, showing, redriving):
        command.add_argument(
            "--data", default="./touchline.db", metavar="FILE.db", help="the data file (default %(default)s)"
        )
        command.add_argument(
            "--kafka", metavar="HOST:PORT", help="those of a cluster, from its topic: bootstrap address"
        )
        command.add_argument(
            "--name", default="touchline", help="with --kafka: prefix of the topics (default %(default)s)"
        )
    listing.add_argument("--all", action="store_true", help="also those that were re-driven")
    for command in (listing, showing):
        command.add_argument("--json", action="store_true", help="one JSON object per line")


def run(args: argparse.Namespace) -> int:
    """0 when done, 1 when a dead letter of that id is not there."""
    if args.kafka is not None:
        return _in_cluster(args)
    data = Path(args.data)
    schema.check(data)
    if args.action == "list":
        return _list(data, args)
    if args.action == "show":
        return _show(data, args)
    return _redrive(data, args)


def _list(data: Path, args: argparse.Namespace) -> int:
    letters = _letters(data, args.reason, None if args.all else "held", args.limit)
    if args.json:
        for letter in letters:
            _write_json(letter)
        return 0
    if not letters:
        sys.stdout.write("no dead letters\n")
        return 0
    sys.stdout.write(f"{'ID':>7}  {'TIME':<24}  {'STATE':<8}  {'BYTES':>7}  {'REASON':<20}  MESSAGE\n")
    for letter in letters:
        sys.stdout.write(
            f"{letter.id:>7}  {letter.time or '-':<24}  {letter.state:<8}  {letter.size:>7}"
            f"  {letter.reason:<20}  {letter.message}\n"
        )
    return 0


def _show(data: Path, args: argparse.Namespace) -> int:
    letter = _letter(data, args.id)
    if args.json:
        _write_json(letter)
        return 0
    for name in ("id", "offset", "time", "reason", "message", "size", "state"):
        sys.stdout.write(f"{name:<8} {getattr(letter, name)}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()
    sys.stdout.buffer.write((letter.body or b"") + b"\n")
    return 0


def _redrive(data: Path, args: argparse.Namespace) -> int:
    _check_choice(args)
    wanted = args.id or [letter.id for letter in reversed(_letters(data, args.reason, "held", None))]
    letters = [_letter(data, number) for number in wanted]
    holder = holder_of(data)
    for letter in letters:
        offset = _redrive_over_http(holder, letter) if holder is not None else _redrive_directly(data, letter)
        sys.stdout.write(f"{letter.id}: in the log again at offset {offset}\n")
    if not letters:
        sys.stdout.write("no dead letters\n")
    elif holder is None:
        sys.stdout.write("the service is not running; it will read them at its next start\n")
    return 0


def _check_choice(args: argparse.Namespace) -> None:
    if not args.id and args.reason is None:
        raise UsageError("touchline dlq redrive: name the IDs, or all of one reason with --reason REASON")
    if args.id and args.reason is not None:
        raise UsageError("touchline dlq redrive: either IDs or --reason, not both")


def _redrive_over_http(holder: Holder, letter: StoredDeadLetter) -> int:
    if not holder.listen:
        raise CannotStart(f"process {holder.pid} has the data file open and listens nowhere; stop it first")
    address = f"http://{holder.listen}/api/v1/dlq/{letter.id}/redrive"
    headers = {"Authorization": f"Bearer {os.environ[TOKEN]}"} if os.environ.get(TOKEN) else {}
    request = urllib.request.Request(address, data=b"", headers=headers, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return int(msgspec.json.decode(answer.read())["offset"])
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise CannotStart(f"{address}: the service asks for a console token of role admin; set {TOKEN}") from None
        raise CannotStart(f"{address}: {error.code} {_detail(error.read())}") from None
    except OSError as error:
        raise CannotStart(f"{address}: the service does not answer ({error})") from None


def _redrive_directly(data: Path, letter: StoredDeadLetter) -> int:
    with FileLock(data):
        schema.prepare(data)
        connection = schema.connect(data)
        try:
            offset = append_directly(connection, letter.body or b"", time.time_ns() // 1000)
            mark_redriven(connection, letter.id)
        finally:
            connection.close()
    return offset


def _letters(data: Path, reason: str | None, state: str | None, limit: int | None) -> list[StoredDeadLetter]:
    connection = schema.connect(data, read_only=True)
    found: list[StoredDeadLetter] = []
    cursor: str | None = None
    try:
        while limit is None or len(found) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(found))
            page = pages.dead_letters_page(connection, None, size, cursor, reason, state)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
    except BadCursor as error:
        raise InputError(str(error)) from None
    finally:
        connection.close()
    return found


def _letter(data: Path, number: int) -> StoredDeadLetter:
    connection = schema.connect(data, read_only=True)
    try:
        letter = pages.dead_letter(connection, number)
    finally:
        connection.close()
    if letter is None:
        raise InputError(f"{data}: no dead letter {number}; `touchline dlq list` shows them")
    return letter


def _write_json(letter: StoredDeadLetter | Letter) -> None:
    fields = msgspec.structs.asdict(letter)
    body = fields.pop("body")
    if body is not None:
        fields["body"] = body.decode("utf-8", "replace")
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body).get("detail", ""))
    except (msgspec.MsgspecError, AttributeError):
        return ""


# -- a cluster's -----------------------------------------------------------------------------------------------------


def _in_cluster(args: argparse.Namespace) -> int:
    from streams.runtime.cluster.dead_letters import letter_of, letters  # Kafka's client only where it is needed
    from streams.runtime.cluster.topics import Names

    names = Names(args.name)
    if args.action == "list":
        return _list_cluster(asyncio.run(letters(args.kafka, names, last=args.limit, reason=args.reason)), args.json)
    if args.action == "show":
        return _show_cluster(asyncio.run(letter_of(args.kafka, names, args.id)), args.json)
    _check_choice(args)
    return asyncio.run(_redrive_in_cluster(args.kafka, names, args.id, args.reason))


async def _redrive_in_cluster(kafka: str, names: Names, ids: list[int], reason: str | None) -> int:
    from streams.runtime.cluster.dead_letters import letter_of, letters, redrive

    if ids:
        chosen = [await letter_of(kafka, names, number) for number in ids]
    else:
        chosen = await letters(kafka, names, reason=reason)
    for letter, (partition, offset) in zip(chosen, await redrive(kafka, names, chosen), strict=True):
        sys.stdout.write(f"{letter.id}: in the log again at offset {offset} of partition {partition}\n")
    if not chosen:
        sys.stdout.write("no dead letters\n")
    return 0


def _list_cluster(found: list[Letter], as_json: bool) -> int:
    if as_json:
        for letter in reversed(found):
            _write_json(letter)
        return 0
    if not found:
        sys.stdout.write("no dead letters\n")
        return 0
    sys.stdout.write(f"{'ID':>7}  {'TIME':<24}  {'PLACE':<12}  {'BYTES':>7}  {'REASON':<20}  MESSAGE\n")
    for letter in reversed(found):
        place = f"{letter.partition}:{letter.offset}"
        sys.stdout.write(
            f"{letter.id:>7}  {letter.time:<24}  {place:<12}  {len(letter.body):>7}"
            f"  {letter.reason:<20}  {letter.message}\n"
        )
    return 0


def _show_cluster(letter: Letter, as_json: bool) -> int:
    if as_json:
        _write_json(letter)
        return 0
    for name in ("id", "topic", "partition", "offset", "time", "reason", "message"):
        sys.stdout.write(f"{name:<9} {getattr(letter, name)}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(letter.body + b"\n")
    return 0
