"""Erasing one customer from a data file: state, log, decisions, deliveries, cases, dead letters, examples.

Log rows that no restart reads again (below the head's `low`) go. Later ones, and the last one, which numbers the next,
stay as rows: their body becomes an event without a customer at the same time from the same source, so that offsets
have no gap, time goes as it went, and what was read stays accepted.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

import msgspec

from streams.codec import Rejection, decode, encode
from streams.model import Event
from streams.runtime import commit as commits
from streams.runtime.store.committing import read_head
from streams.runtime.store.examples import forget_examples
from streams.runtime.store.forgetting import DECISIONS, LETTERS, count_gone
from streams.runtime.store.of_customer import decisions_of, ids_of, in_portions, letters_of, log_of

ERASED = "customer.erased"
"""Type of the events that stand where a customer's were."""


class Erased(msgspec.Struct):
    """What went, counted."""

    ids: tuple[str, ...]
    """All ids under which the customer was known, the living one first."""
    states: int = 0
    log_deleted: int = 0
    log_blanked: int = 0
    decisions: int = 0
    deliveries: int = 0
    cases: int = 0
    dead_letters: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was anything of the customer."""
        return any(value for value in msgspec.structs.astuple(self)[1:])


def erase(connection: sqlite3.Connection, name: str, *, keep: bool = False) -> Erased:
    """Take everything of a customer out of the file, in one transaction. Only while no service has it open.

    `keep` changes nothing and says what would go. Raises CannotStart where the stored signals cannot be read, and
    sqlite3.Error; nothing has changed then.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        ids = ids_of(connection, name).all
        done = Erased(ids)
        forget_examples(connection, ids)
        _log(connection, ids, done)
        _decided(connection, ids, done)
        letters = letters_of(connection, ids)
        connection.executemany("DELETE FROM dead_letters WHERE id = ?", [(letter[0],) for letter in letters])
        count_gone(connection, LETTERS, Counter(letter[2] for letter in letters))
        done.dead_letters = len(letters)
        for marks, some in in_portions(ids):
            done.states += connection.execute(f"DELETE FROM customers WHERE key IN ({marks})", some).rowcount
            connection.execute(f"DELETE FROM timers WHERE key IN ({marks})", some)
            done.cases += connection.execute(f"DELETE FROM cases WHERE subject IN ({marks})", some).rowcount
        connection.execute("ROLLBACK" if keep else "COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return done


def rewrite(connection: sqlite3.Connection) -> None:
    """Write the file anew: pages in use before still hold earlier versions of what was erased. Raises sqlite3.Error."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _log(connection: sqlite3.Connection, ids: tuple[str, ...], done: Erased) -> None:
    head = read_head(connection)
    low = commits.decode(head).low if head else 0
    last = connection.execute("SELECT max(offset) FROM log").fetchone()[0]
    gone: list[tuple[int]] = []
    blanked: list[tuple[bytes, int]] = []
    for offset, _, body in log_of(connection, ids):
        if offset < low and offset != last:
            gone.append((offset,))
        else:
            blanked.append((_blank(offset, body), offset))
    connection.executemany("DELETE FROM log WHERE offset = ?", gone)
    connection.executemany("UPDATE log SET body = ? WHERE offset = ?", blanked)
    done.log_deleted, done.log_blanked = len(gone), len(blanked)


def _blank(offset: int, body: bytes) -> bytes:
    """What stands in the place of a row: taken as an event of nobody, or refused as the row was."""
    event = decode(body)
    if isinstance(event, Rejection):
        return b"{}"
    return encode(Event(id=f"erased-{offset}", source=event.source, type=ERASED, time=event.time))


def _decided(connection: sqlite3.Connection, ids: tuple[str, ...], done: Erased) -> None:
    decisions = [one for one, _ in decisions_of(connection, ids)]
    types: Counter[str] = Counter()
    for marks, some in in_portions(decisions):
        for table in ("deliveries", "told"):
            count = connection.execute(f"DELETE FROM {table} WHERE decision IN ({marks})", some).rowcount
            done.deliveries += count if table == "deliveries" else 0
        rows = connection.execute(f"DELETE FROM decisions WHERE id IN ({marks}) RETURNING type", some).fetchall()
        types.update(row[0] for row in rows)
    done.decisions = types.total()
    count_gone(connection, DECISIONS, types)
