"""Lists as the API shows them: newest first, in pages, by a cursor."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from streams.runtime.service import BadCursor, Page, Published, StoredDeadLetter
from streams.runtime.store.forgetting import DECISIONS, DROPPED, LETTERS, let_go
from streams.units import format_time

_LETTER = "SELECT id, offset, log_time, reason, message, length(body), state"


def decisions_page(connection: sqlite3.Connection, since: int | None, limit: int, cursor: str | None) -> Page:
    """Decisions by time, newest first; among equal times the last published first. Raises BadCursor."""
    where, values = "time >= ?", [-(2**63) if since is None else since]
    if cursor is not None:
        time, sequence = _numbers(cursor, 2)
        where += " AND (time < ? OR (time = ? AND sequence < ?))"
        values += [time, time, sequence]
    rows = connection.execute(
        f"SELECT body, time, sequence FROM decisions WHERE {where} ORDER BY time DESC, sequence DESC LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    more = f"{rows[limit - 1][1]}.{rows[limit - 1][2]}" if len(rows) > limit else None
    return Page([msgspec.Raw(row[0]) for row in rows[:limit]], more)


def decisions_after(connection: sqlite3.Connection, decision_id: str, limit: int) -> Sequence[Published]:
    """Decisions published after the one of that id, oldest first."""
    rows = connection.execute(
        "SELECT id, body FROM decisions WHERE sequence > (SELECT sequence FROM decisions WHERE id = ?) "
        "ORDER BY sequence LIMIT ?",
        (decision_id, limit),
    )
    return [Published(row[0], row[1]) for row in rows]


def dead_letters_page(
    connection: sqlite3.Connection,
    since: int | None,
    limit: int,
    cursor: str | None,
    reason: str | None = None,
    state: str | None = None,
) -> Page:
    """Dead letters without bodies, the last one first. Raises BadCursor."""
    where, values = ["1"], []
    for condition, value in (
        ("id < ?", None if cursor is None else _numbers(cursor, 1)[0]),
        ("log_time >= ?", since),
        ("reason = ?", reason),
        ("state = ?", state),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    rows = connection.execute(
        f"{_LETTER} FROM dead_letters WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", (*values, limit + 1)
    ).fetchall()
    more = str(rows[limit - 1][0]) if len(rows) > limit else None
    return Page([_letter(row) for row in rows[:limit]], more)


def dead_letter(connection: sqlite3.Connection, letter_id: int) -> StoredDeadLetter | None:
    """One with its bytes; None when there is none of that id."""
    row = connection.execute(f"{_LETTER}, body FROM dead_letters WHERE id = ?", (letter_id,)).fetchone()
    return None if row is None else _letter(row)


class LetterCounts(msgspec.Struct):
    """Dead letters as of the last commit, by reason."""

    held: dict[str, int]
    """Not re-driven."""
    held_bytes: int
    invalid: dict[str, int]
    """All there ever were."""
    dropped: dict[str, int]
    """Held ones that went because there were too many."""


def letter_counts(connection: sqlite3.Connection) -> LetterCounts:
    """Counted from the rows and from what has been let go."""
    rows = connection.execute(
        "SELECT reason, sum(state = 'held'), sum((state = 'held') * length(body)), count(*) "
        "FROM dead_letters GROUP BY reason ORDER BY reason"
    ).fetchall()
    gone = let_go(connection, LETTERS)
    every = Counter({row[0]: row[3] for row in rows}) + Counter(gone)
    held = dict.fromkeys(gone, 0) | {row[0]: row[1] for row in rows}
    return LetterCounts(held, sum(row[2] for row in rows), dict(every), let_go(connection, DROPPED))


def decision_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """All decisions there ever were, by type."""
    rows = connection.execute("SELECT type, count(*) FROM decisions GROUP BY type").fetchall()
    return dict(sorted((Counter(dict(rows)) + Counter(let_go(connection, DECISIONS))).items()))


def mark_redriven(connection: sqlite3.Connection, letter_id: int) -> tuple[str, int] | None:
    """The bytes are in the log again; returns reason and size of one that was held until now."""
    row: tuple[str, int] | None = connection.execute(
        "UPDATE dead_letters SET state = 'redriven' WHERE id = ? AND state = 'held' RETURNING reason, length(body)",
        (letter_id,),
    ).fetchone()
    return row


def _letter(row: tuple[Any, ...]) -> StoredDeadLetter:
    time = None if row[2] is None else format_time(row[2])
    return StoredDeadLetter(row[0], row[1], time, row[3], row[4], row[5], row[6], row[7] if len(row) > 7 else None)


def _numbers(cursor: str, count: int) -> list[int]:
    try:
        numbers = [int(part) for part in cursor.split(".")]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(abs(number) >= 2**63 for number in numbers):
        raise BadCursor(f"cursor {cursor!r}: expected the `next` of an earlier page")
    return numbers
