"""Everything a data file has of one customer: under which ids, in the log, decided, delivered, refused."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from streams.codec import Rejection, decode
from streams.customer import Customer
from streams.customer import decode as decode_customer
from streams.model import Event
from streams.runtime.customer import Touchpoint
from streams.units import format_time

MERGED = "customer.merged"
_AT_ONCE = 500


class Ids(msgspec.Struct, frozen=True):
    """The ids one customer has had."""

    id: str
    """The one that lives."""
    merged: tuple[str, ...]
    """Those that ended in it, in order."""

    @property
    def all(self) -> tuple[str, ...]:
        """The living one first."""
        return self.id, *self.merged


def ids_of(connection: sqlite3.Connection, name: str) -> Ids:
    """Forward to the id that lives, then back to all that ended in it, as far as they are still known."""
    living, passed = name, {name}
    while (state := state_of(connection, living)) is not None and state.into is not None:
        living = state.into
        if living in passed:
            break
        passed.add(living)
    found = {living} | passed
    waiting = list(found)
    while waiting:
        ended = waiting.pop()
        rows = connection.execute("SELECT key, state FROM customers WHERE instr(state, ?)", (ended.encode(),))
        for key, body in rows.fetchall():
            if key not in found and decode_customer(body).into == ended:
                found.add(key)
                waiting.append(key)
    return Ids(living, tuple(sorted(found - {living})))


def state_of(connection: sqlite3.Connection, name: str) -> Customer | None:
    """The stored state under an id."""
    row = connection.execute("SELECT state FROM customers WHERE key = ?", (name,)).fetchone()
    return None if row is None else decode_customer(row[0])


def touchpoints_of(connection: sqlite3.Connection, ids: Collection[str], limit: int) -> list[Touchpoint]:
    """The latest `limit` events of the log, the last one written first."""
    wanted = set(ids)
    needles = sorted({form for name in wanted for form in written(name)})
    where = " OR ".join(["instr(body, ?)"] * len(needles))
    rows = connection.execute(
        f"SELECT received, body FROM log WHERE internal = 0 AND ({where}) ORDER BY offset DESC", needles
    )
    found: list[Touchpoint] = []
    for received, body in rows:
        event = decode(body)
        if not isinstance(event, Rejection) and concerns(event, wanted):
            found.append(touchpoint(event, received))
            if len(found) >= limit:
                break
    return found


def log_since(connection: sqlite3.Connection) -> int | None:
    """When the oldest row of the log was received; None while the log has all rows there ever were."""
    row = connection.execute("SELECT offset, received FROM log ORDER BY offset LIMIT 1").fetchone()
    return None if row is None or row[0] == 0 else row[1]


def log_of(connection: sqlite3.Connection, ids: Collection[str]) -> Iterator[tuple[int, int, bytes]]:
    """All rows of the log that are the customer's: offset, received, body. Reads the whole log."""
    wanted = set(ids)
    for offset, received, body in connection.execute(
        "SELECT offset, received, body FROM log WHERE internal = 0 ORDER BY offset"
    ):
        taken = decode(body)
        mine = names(taken.body or body, wanted) if isinstance(taken, Rejection) else concerns(taken, wanted)
        if mine:
            yield offset, received, body


def decisions_of(
    connection: sqlite3.Connection, ids: Sequence[str], limit: int | None = None
) -> list[tuple[str, bytes]]:
    """Ids and bodies, the latest first."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(
        f"SELECT id, body FROM decisions WHERE subject IN ({marks}) ORDER BY time DESC, sequence DESC LIMIT ?",
        (*ids, -1 if limit is None else limit),
    )
    return rows.fetchall()


def letters_of(connection: sqlite3.Connection, ids: Collection[str]) -> list[tuple[int, int | None, str, str, bytes]]:
    """Dead letters that name the customer: id, log time, reason, message, body."""
    rows = connection.execute("SELECT id, log_time, reason, message, body FROM dead_letters ORDER BY id")
    return [row for row in rows if names(row[4], ids)]


def in_portions(values: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """As many placeholders as values, for `IN (…)`, a few hundred at once."""
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        yield ",".join("?" * len(some)), some


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Files of earlier releases lack some, as long as only readers have opened them."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def names(body: bytes, ids: Collection[str]) -> bool:
    """Whether bytes that could not be taken name one of the ids: as a text of their JSON, else as a word of its own."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in ids)
    return any(text.strip() in ids for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def concerns(event: Event, ids: Collection[str]) -> bool:
    """Whether an event is about one of the ids."""
    if event.subject in ids:
        return True
    return event.type == MERGED and event.data is not None and event.data.get("into") in ids


def written(name: str) -> Iterator[bytes]:
    """How an id may stand in JSON."""
    yield json.dumps(name, ensure_ascii=False)[1:-1].encode()
    yield json.dumps(name)[1:-1].encode()


def touchpoint(event: Event, received: int) -> Touchpoint:
    """An event as it is shown; `received`: when the log took it, UTC epoch microseconds."""
    time = event.time or format_time(received)
    return Touchpoint(time, event.type, event.source, event.id, event.subject or "", event.data or {})
