"""Deliveries as the API shows them, and sending them once more."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from streams.delivery.attempts import DELIVERED, PENDING
from streams.runtime.service import BadCursor, Page
from streams.units import format_time

_COLUMNS = (
    "row.id, row.receiver, row.decision, decisions.type, row.state, row.attempts, row.created, row.first_at,"
    " row.next_at, row.ended, row.last_error"
)


class DeliveryView(msgspec.Struct, frozen=True):
    """One delivery. Times are the clock's, RFC 3339."""

    id: int
    receiver: str
    decision: str
    """Id of the decision: what receivers tell repeats by."""
    type: str | None
    """The decision's; None where it is no longer kept."""
    state: str
    """`pending`, `delivered`, `failed` (given up) or `disabled` (its receiver is gone)."""
    attempts: int
    created_at: str
    first_at: str | None
    """Of the first attempt."""
    next_at: str | None
    """Of the next attempt."""
    delivered_at: str | None
    ended_at: str | None
    """When it was delivered, given up or disabled."""
    last_error: str | None


def deliveries_page(
    connection: sqlite3.Connection,
    since: int | None,
    limit: int,
    cursor: str | None,
    receiver: str | None = None,
    state: str | None = None,
) -> Page:
    """Deliveries, the last one first; `since` is when they came about, UTC epoch microseconds. Raises BadCursor."""
    where, values = ["1"], []
    for condition, value in (
        ("row.id < ?", None if cursor is None else _number(cursor)),
        ("row.created >= ?", since),
        ("row.receiver = ?", receiver),
        ("row.state = ?", state),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM deliveries AS row LEFT JOIN decisions ON decisions.id = row.decision"
        f" WHERE {' AND '.join(where)} ORDER BY row.id DESC LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    more = str(rows[limit - 1][0]) if len(rows) > limit else None
    return Page([_view(row) for row in rows[:limit]], more)


def replay_one(connection: sqlite3.Connection, delivery_id: int, now: int) -> str | None:
    """Let a delivery begin anew, as if it had never been tried; its receiver's name, None where there is no such."""
    row = connection.execute(
        "UPDATE deliveries SET state = 'pending', attempts = 0, first_at = NULL, next_at = ?1,"
        " ended = NULL WHERE id = ?2 RETURNING receiver",
        (now, delivery_id),
    ).fetchone()
    if row is None:
        return None
    _enable(connection, row[0])
    return str(row[0])


def replay_many(connection: sqlite3.Connection, receiver: str, since: int, until: int, now: int) -> int:
    """The same for all of a receiver that came about in [since, until) and are not waiting; how many."""
    _enable(connection, receiver)
    return connection.execute(
        "UPDATE deliveries SET state = 'pending', attempts = 0, first_at = NULL, next_at = ?1,"
        " ended = NULL WHERE receiver = ?2 AND state != 'pending' AND created >= ?3 AND created < ?4",
        (now, receiver, since, until),
    ).rowcount


def _enable(connection: sqlite3.Connection, receiver: str) -> None:
    connection.execute("UPDATE receivers SET disabled = NULL WHERE name = ?", (receiver,))


def _view(row: tuple[Any, ...]) -> DeliveryView:
    number, receiver, decision, type_, state, attempts, created, first, following, ended, error = row
    return DeliveryView(
        id=number,
        receiver=receiver,
        decision=decision,
        type=type_,
        state=state,
        attempts=attempts,
        created_at=format_time(created),
        first_at=None if first is None else format_time(first),
        next_at=format_time(following) if state == PENDING else None,
        delivered_at=format_time(ended) if state == DELIVERED else None,
        ended_at=None if ended is None else format_time(ended),
        last_error=error,
    )


def _number(cursor: str) -> int:
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 19:
        return int(cursor)
    raise BadCursor(f"cursor {cursor!r}: expected the `next` of an earlier page")
