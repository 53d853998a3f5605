"""One commit as one transaction: compare the head, write everything, let go of what is old enough."""

from __future__ import annotations

import sqlite3

from streams.runtime.commit import Commit, HeadMoved
from streams.runtime.retention import Retention
from streams.runtime.store.cases import write_cases
from streams.runtime.store.deliveries import write_deliveries
from streams.runtime.store.forgetting import Forgotten, forget


def write_commit(
    connection: sqlite3.Connection, commit: Commit, retention: Retention, excess: tuple[int, int] = (0, 0)
) -> Forgotten:
    """Store the commit, whole or not at all. Raises HeadMoved when the stored head is not the one it builds on.

    Returns what went with it (`forget` says what `excess` is). When SQLite gives no clear answer, the head tells: ours
    is there, so it was done (exactness rule 6).
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        if read_head(connection) != commit.before:
            raise HeadMoved("another owner has committed to this file; start again from what is stored")
        _write(connection, commit)
        forgotten = forget(connection, commit, retention, excess)
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if read_head(connection) != commit.head:
            raise
        return Forgotten()
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return forgotten


def read_head(connection: sqlite3.Connection) -> bytes:
    """The head as stored; empty before the first commit."""
    row = connection.execute("SELECT body FROM head").fetchone()
    return b"" if row is None else row[0]


def _write(connection: sqlite3.Connection, commit: Commit) -> None:
    many = connection.executemany
    kept = sorted((key, state) for key, state in commit.states.items() if state is not None)
    gone = [(key,) for key, state in commit.states.items() if state is None]
    many("INSERT INTO customers VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state", kept)
    many("DELETE FROM customers WHERE key = ?", gone)
    set_timers = sorted((key, due) for key, due in commit.timers.items() if due is not None)
    many("INSERT INTO timers VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET due = excluded.due", set_timers)
    many("DELETE FROM timers WHERE key = ?", [(key,) for key, due in commit.timers.items() if due is None])
    many(
        "INSERT INTO partials VALUES (?, ?, ?, ?)",
        [(partial.sequence, partial.tick, commit.now, partial.body) for partial in commit.partials],
    )
    many(
        "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)",
        [
            (sequence, decision.id, decision.type, decision.time, decision.subject, decision.body)
            for sequence, decision in enumerate(commit.decisions, commit.first_decision)
        ],
    )
    write_cases(connection, commit)
    write_deliveries(connection, commit)
    many(
        "INSERT INTO dead_letters (sequence, offset, log_time, reason, message, state, body) "
        "VALUES (?, ?, ?, ?, ?, 'held', ?)",
        [
            (letter.sequence, letter.offset, letter.log_time, letter.reason, letter.message, letter.body)
            for letter in commit.dead_letters
        ],
    )
    many(
        "INSERT INTO pieces VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        [(name, body) for name, body in commit.pieces.items() if body is not None],
    )
    many("DELETE FROM pieces WHERE name = ?", [(name,) for name, body in commit.pieces.items() if body is None])
    connection.execute("INSERT OR REPLACE INTO head VALUES (0, ?)", (commit.head,))
