"""What leaves the file with a commit: old log rows, partials and decisions; dead letters done with, or too many.

Everything goes in portions, so that no commit takes long; what is still counted somewhere is summed up before it goes.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping

import msgspec

from streams.runtime.commit import Commit
from streams.runtime.retention import PARTIALS_AGE, Retention
from streams.runtime.store.cases import forget_cases
from streams.runtime.store.deliveries import forget_deliveries

_PORTION = 2_000
DECISIONS, LETTERS, DROPPED = "decision", "dead_letter", "dropped"
"""Kinds of rows in the table `let_go`: decisions by type; dead letters by reason, and those of them still held."""


class Forgotten(msgspec.Struct, frozen=True):
    """What the shell must know about it."""

    log_from: int | None = None
    """The log's first offset, where rows of it went."""
    dropped: Mapping[str, int] = {}
    """Held dead letters that went because there were too many, by reason."""
    dropped_bytes: int = 0


def forget(
    connection: sqlite3.Connection, commit: Commit, retention: Retention, excess: tuple[int, int] = (0, 0)
) -> Forgotten:
    """Let go of what is old enough. `excess`: held dead letters beyond the limit, and their bytes beyond the other."""
    log_from = _forget_log(connection, commit, retention)
    _forget_partials(connection, commit)
    if commit.watermark is not None:
        _forget_decisions(connection, commit.watermark - retention.decisions)
        forget_cases(connection, commit.watermark - retention.decisions)
    _forget_redriven(connection, commit.now - retention.age)
    dropped, size = _drop_held(connection, *excess) if max(excess) > 0 else ({}, 0)
    forget_deliveries(connection, commit.now)
    return Forgotten(log_from, dropped, size)


def let_go(connection: sqlite3.Connection, what: str) -> dict[str, int]:
    """How many rows of a kind have gone since the file was made, by name."""
    rows = connection.execute("SELECT name, count FROM let_go WHERE what = ? ORDER BY name", (what,))
    return dict(rows.fetchall())


def _forget_log(connection: sqlite3.Connection, commit: Commit, retention: Retention) -> int | None:
    """The last row stays, it numbers the next."""
    last = connection.execute("SELECT offset, reach FROM log ORDER BY offset DESC LIMIT 1").fetchone()
    if last is None:
        return None
    log_from = None
    for portion in (1, retention.portion):
        oldest = connection.execute(
            "SELECT offset, received, reach FROM log ORDER BY offset LIMIT ?", (portion,)
        ).fetchall()
        keep = retention.keep_from(oldest, last[1], min(commit.low, last[0]), commit.now)
        if keep is None:
            break
        connection.execute("DELETE FROM log WHERE offset < ?", (keep,))
        log_from = keep
    return log_from


def _forget_partials(connection: sqlite3.Connection, commit: Commit) -> None:
    young = commit.now - PARTIALS_AGE
    oldest = connection.execute("SELECT sequence, stored FROM partials ORDER BY sequence LIMIT 1").fetchone()
    if oldest is not None and oldest[1] < young and oldest[0] < commit.signal_read:
        connection.execute(
            "DELETE FROM partials WHERE sequence < ? AND sequence < ? AND stored < ?",
            (oldest[0] + _PORTION, commit.signal_read, young),
        )


def _forget_decisions(connection: sqlite3.Connection, before: int) -> None:
    gone = connection.execute(
        "DELETE FROM decisions WHERE sequence IN "
        "(SELECT sequence FROM decisions WHERE time < ? ORDER BY time LIMIT ?) RETURNING type",
        (before, _PORTION),
    ).fetchall()
    count_gone(connection, DECISIONS, Counter(row[0] for row in gone))


def _forget_redriven(connection: sqlite3.Connection, before: int) -> None:
    gone = connection.execute(
        "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters "
        "WHERE state = 'redriven' AND log_time < ? ORDER BY log_time LIMIT ?) RETURNING reason",
        (before, _PORTION),
    ).fetchall()
    count_gone(connection, LETTERS, Counter(row[0] for row in gone))


def _drop_held(connection: sqlite3.Connection, rows: int, size: int) -> tuple[dict[str, int], int]:
    """The oldest held ones, until both are met or the portion is full."""
    dropped: Counter[str] = Counter()
    freed = 0
    last = None
    oldest = connection.execute(
        "SELECT id, reason, length(body) FROM dead_letters WHERE state = 'held' ORDER BY id LIMIT ?", (_PORTION,)
    )
    for number, reason, length in oldest:
        if dropped.total() >= rows and freed >= size:
            break
        dropped[reason] += 1
        freed += length
        last = number
    connection.execute("DELETE FROM dead_letters WHERE state = 'held' AND id <= ?", (-1 if last is None else last,))
    count_gone(connection, LETTERS, dropped)
    count_gone(connection, DROPPED, dropped)
    return dict(dropped), freed


def count_gone(connection: sqlite3.Connection, what: str, gone: Mapping[str, int]) -> None:
    """Rows of a kind have gone, by name; no total falls because of it."""
    connection.executemany(
        "INSERT INTO let_go VALUES (?, ?, ?) ON CONFLICT (what, name) DO UPDATE SET count = count + excluded.count",
        [(what, name, count) for name, count in gone.items()],
    )
