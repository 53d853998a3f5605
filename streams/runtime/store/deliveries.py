"""The outbox as rows: one per receiver and decision, written with the decision, changed by each attempt."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from streams.delivery.attempts import (
    DELIVERED,
    DISABLED,
    FAILED,
    GIVEN_UP,
    GIVEN_UP_REASON,
    IN_ORDER,
    KEPT_DELIVERED,
    KEPT_FAILED,
    PENDING,
    Attempted,
    Due,
)
from streams.delivery.digest import is_digest
from streams.delivery.grouping import Key, Told
from streams.delivery.receivers import Abilities
from streams.runtime.commit import Commit

TABLES = """
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY,
  receiver TEXT NOT NULL,
  decision TEXT NOT NULL,
  about TEXT NOT NULL,
  bundle TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  created INTEGER NOT NULL,
  first_at INTEGER,
  next_at INTEGER NOT NULL,
  ended INTEGER,
  last_error TEXT,
  UNIQUE (receiver, decision)
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (receiver, next_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_about ON deliveries (receiver, about) WHERE state = 'pending' AND about != '';
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_ended ON deliveries (state, ended) WHERE ended IS NOT NULL;
CREATE TABLE IF NOT EXISTS receivers (
  name TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  disabled TEXT,
  delivered INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
  receiver TEXT NOT NULL, about TEXT NOT NULL, level INTEGER NOT NULL, decision TEXT NOT NULL,
  PRIMARY KEY (receiver, about)
) WITHOUT ROWID;
"""
"""`receivers.address` is a hash; `told` is what each receiver knows to be open. Times are the clock's."""

_PORTION = 2_000

_DUE = """
SELECT row.id, row.decision, row.attempts, row.first_at, row.bundle, decisions.body
FROM deliveries AS row LEFT JOIN decisions ON decisions.id = row.decision
WHERE row.receiver = ? AND row.state = 'pending' AND {condition}
"""
_FREE = """
row.next_at <= ? AND NOT EXISTS (
  SELECT 1 FROM deliveries AS earlier
  WHERE earlier.receiver = row.receiver AND earlier.state = 'pending' AND earlier.about = row.about
  AND earlier.about != '' AND earlier.id < row.id AND earlier.attempts < {IN_ORDER}
) ORDER BY row.next_at, row.id LIMIT ?
""".replace("{IN_ORDER}", str(IN_ORDER))
_TOGETHER = "row.bundle = ? AND (row.attempts = 0 OR row.next_at <= ?) ORDER BY row.id LIMIT ?"


class ReceiverRow(msgspec.Struct, frozen=True):
    """What is kept of a receiver."""

    name: str
    address: str
    disabled: str | None
    """Why nothing is sent any more."""
    delivered: int
    retried: int
    failed: int
    pending: int
    waiting_since: int | None
    """Since when (clock) the longest waiting delivery has been due."""


def write_deliveries(connection: sqlite3.Connection, commit: Commit) -> None:
    """The rows of a commit's decisions, within its transaction. What a disabled receiver would get waits as such."""
    connection.executemany(
        "INSERT OR IGNORE INTO deliveries"
        " (receiver, decision, about, bundle, state, attempts, created, next_at, ended)"
        " SELECT ?1, ?2, ?3, ?4, CASE off WHEN 1 THEN 'disabled' ELSE 'pending' END, 0, ?5, ?6,"
        " CASE off WHEN 1 THEN ?5 END FROM"
        " (SELECT EXISTS (SELECT 1 FROM receivers WHERE name = ?1 AND disabled IS NOT NULL) AS off)",
        [
            (one.receiver, one.decision, one.about, one.bundle, commit.now, commit.now + one.wait)
            for one in commit.deliveries
        ],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)",
        [(*key, told.level, told.decision) for key, told in commit.told.items() if told is not None],
    )
    connection.executemany(
        "DELETE FROM told WHERE receiver = ? AND about = ?", [key for key, told in commit.told.items() if told is None]
    )


def due(
    connection: sqlite3.Connection, receiver: str, now: int, limit: int, able: Abilities, busy: Collection[int]
) -> tuple[list[list[Due]], int | None]:
    """Up to `limit` batches of deliveries that may leave now, and when the next one may after those.

    `busy` are under way and left out. Where the receiver groups, a batch is one bundle, else whatever is due.
    """
    groups, most = able.groups, able.most
    rows = connection.execute(
        _DUE.format(condition=_FREE), (receiver, now, limit * (1 if groups else most) + len(busy))
    )
    taken = set(busy)
    batches: list[list[Due]] = []
    for row in map(_due, rows.fetchall()):
        if row.id in taken:
            continue
        if groups and row.bundle:
            room = able.digest if is_digest(row.bundle) else most
            together = connection.execute(
                _DUE.format(condition=_TOGETHER), (receiver, row.bundle, now, room + len(busy))
            )
            batch = [one for one in map(_due, together.fetchall()) if one.id not in taken][:room]
            batches.append(batch if row.id in {one.id for one in batch} else [row])
        elif groups or not batches or len(batches[-1]) >= most:
            batches.append([row])
        else:
            batches[-1].append(row)
        taken.update(one.id for one in batches[-1])
    later = connection.execute(
        "SELECT min(next_at) FROM deliveries WHERE receiver = ? AND state = 'pending' AND next_at > ?", (receiver, now)
    ).fetchone()[0]
    return batches[:limit], later


def write_attempts(
    connection: sqlite3.Connection, receiver: str, attempts: Sequence[Attempted], gone: str | None, now: int
) -> None:
    """What an attempt changed; `gone` disables the receiver and all that waits for it."""
    connection.executemany(
        "UPDATE deliveries SET state = ?, attempts = ?, first_at = ?, next_at = ?, ended = ?, last_error = ?"
        " WHERE id = ?",
        [(a.state, a.attempts, a.first_at, a.next_at, a.ended, a.last_error, a.id) for a in attempts],
    )
    states = [attempt.state for attempt in attempts]
    connection.execute(
        "UPDATE receivers SET delivered = delivered + ?, retried = retried + ?, failed = failed + ? WHERE name = ?",
        (states.count(DELIVERED), states.count(PENDING), states.count(FAILED), receiver),
    )
    if gone is not None:
        connection.execute("UPDATE receivers SET disabled = ? WHERE name = ?", (gone, receiver))
        connection.execute(
            "UPDATE deliveries SET state = 'disabled', ended = ? WHERE receiver = ? AND state = 'pending'",
            (now, receiver),
        )


def know_receivers(connection: sqlite3.Connection, addresses: Mapping[str, str]) -> None:
    """Keep these receivers (name -> hash of the address).

    One whose address has changed is no longer disabled: whoever said it was gone was another. What those were told that
    are not among them is forgotten: nobody tells them of its end any more.
    """
    connection.executemany(
        "INSERT INTO receivers (name, address) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET"
        " disabled = CASE address WHEN excluded.address THEN disabled END, address = excluded.address",
        addresses.items(),
    )
    known = connection.execute("SELECT DISTINCT receiver FROM told").fetchall()
    connection.executemany("DELETE FROM told WHERE receiver = ?", [row for row in known if row[0] not in addresses])


def receiver_rows(connection: sqlite3.Connection) -> dict[str, ReceiverRow]:
    """All receivers there ever were, with what waits for them now."""
    waiting = connection.execute(
        "SELECT receiver, count(*), min(coalesce(first_at, next_at)) FROM deliveries WHERE state = 'pending'"
        " GROUP BY receiver"
    )
    pending = {row[0]: row[1:] for row in waiting.fetchall()}
    rows = connection.execute("SELECT name, address, disabled, delivered, retried, failed FROM receivers ORDER BY name")
    return {row[0]: ReceiverRow(*row, *pending.get(row[0], (0, None))) for row in rows.fetchall()}


def told(connection: sqlite3.Connection) -> dict[Key, Told]:
    """What each receiver knows to be open."""
    rows = connection.execute("SELECT receiver, about, level, decision FROM told")
    return {(row[0], row[1]): Told(row[2], row[3]) for row in rows.fetchall()}


def open_records(connection: sqlite3.Connection, receiver: str) -> list[bytes]:
    """The records of what a receiver knows to be open and has heard of, as it was last told."""
    rows = connection.execute(
        "SELECT decisions.body FROM told JOIN decisions ON decisions.id = told.decision JOIN deliveries"
        " ON deliveries.decision = told.decision AND deliveries.receiver = told.receiver"
        " WHERE told.receiver = ? AND deliveries.state = 'delivered' ORDER BY told.about",
        (receiver,),
    )
    return [row[0] for row in rows.fetchall()]


def forget_deliveries(connection: sqlite3.Connection, now: int) -> None:
    """Let go of what is over and old enough, and give up what has waited too long, in portions."""
    for state, kept in ((DELIVERED, KEPT_DELIVERED), (FAILED, KEPT_FAILED), (DISABLED, KEPT_FAILED)):
        connection.execute(
            "DELETE FROM deliveries WHERE id IN"
            " (SELECT id FROM deliveries WHERE state = ? AND ended IS NOT NULL AND ended < ? ORDER BY ended LIMIT ?)",
            (state, now - kept, _PORTION),
        )
    rows = connection.execute(
        "UPDATE deliveries SET state = 'failed', ended = ?, last_error = coalesce(last_error, ?) WHERE id IN"
        " (SELECT id FROM deliveries WHERE state = 'pending' AND next_at < ? ORDER BY next_at LIMIT ?)"
        " RETURNING receiver",
        (now, GIVEN_UP_REASON, now - GIVEN_UP, _PORTION),
    ).fetchall()
    given_up = Counter(row[0] for row in rows)
    connection.executemany(
        "UPDATE receivers SET failed = failed + ? WHERE name = ?", [(n, name) for name, n in given_up.items()]
    )


def _due(row: tuple[Any, ...]) -> Due:
    return Due(*row)
