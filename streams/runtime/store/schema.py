"""The tables of a data file, and opening one: pragmas, format version, clear refusals."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from streams.errors import CannotStart
from streams.runtime.store import cases, deliveries

FORMAT = 1
"""Version of the tables; a file with a higher one is refused."""
APPLICATION = 0x546F7563
"""`Touc`: marks the file as ours in SQLite's header."""

TABLES = """
CREATE TABLE log (
  offset INTEGER PRIMARY KEY,
  received INTEGER NOT NULL,
  internal INTEGER NOT NULL,
  reach INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE customers (key TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE timers (key TEXT PRIMARY KEY, due INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 0), body BLOB NOT NULL);
CREATE TABLE partials (
  sequence INTEGER PRIMARY KEY,
  tick INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE pieces (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE decisions (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  time INTEGER NOT NULL,
  subject TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX decisions_by_time ON decisions (time);
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL UNIQUE,
  offset INTEGER NOT NULL,
  log_time INTEGER,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  state TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE configs (hash TEXT PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL);
"""
_LATER = """
CREATE TABLE IF NOT EXISTS let_go (
  what TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (what, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS dead_letters_redriven ON dead_letters (log_time) WHERE state = 'redriven';
CREATE INDEX IF NOT EXISTS decisions_by_subject ON decisions (subject, time);
"""
"""What files of the same format may not have yet."""
"""`received`, `stored` and all times: UTC epoch microseconds; `log.reach`: bytes written to the log up to this row."""

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 4194304;
PRAGMA cache_size = -65536;
PRAGMA busy_timeout = 10000;
"""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to an existing, checked file; transactions are the caller's."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    if read_only:
        connection.executescript("PRAGMA busy_timeout = 10000; PRAGMA query_only = ON;")
    else:
        connection.executescript(_PRAGMAS)
    return connection


def prepare(path: Path) -> None:
    """Make the file or check it. Raises CannotStart for a file that is none of ours, newer, or not writable."""
    connection = None
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION and tables:
            raise CannotStart(f"{path} is the database of another program; name another file with --data")
        if version > FORMAT:
            raise CannotStart(
                f"{path} has format {version}, this release reads up to {FORMAT}; use the release that wrote it"
            )
        connection.executescript(_PRAGMAS)
        if not tables:
            connection.executescript(
                f"BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION};"
                f" PRAGMA user_version = {FORMAT}; COMMIT;"
            )
        else:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE head SET id = 0")
            connection.execute("ROLLBACK")
        connection.executescript(f"BEGIN IMMEDIATE; {_LATER} {deliveries.TABLES} {cases.TABLES} COMMIT;")
    except sqlite3.Error as error:
        raise CannotStart(f"{path}: {explain(error)}") from None
    finally:
        if connection is not None:
            connection.close()


def in_memory() -> sqlite3.Connection:
    """Empty tables that end with the process."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(f"{TABLES} {_LATER} {deliveries.TABLES} {cases.TABLES}")
    return connection


def check(path: Path) -> None:
    """Like `prepare` for someone who only reads: the file must exist."""
    if not path.exists():
        raise CannotStart(f"{path}: no such file; name the data file of the service with --data")
    try:
        connection = connect(path, read_only=True)
        try:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise CannotStart(f"{path}: {explain(error)}") from None
    if application != APPLICATION:
        raise CannotStart(f"{path} is not a data file of Touchline")
    if version > FORMAT:
        raise CannotStart(
            f"{path} has format {version}, this release reads up to {FORMAT}; use the release that wrote it"
        )


def explain(error: sqlite3.Error) -> str:
    """What SQLite says, and what to do about it."""
    text = str(error)
    if "not a database" in text:
        return "this file is not a database; name another one with --data"
    if "disk is full" in text:
        return "the disk is full; free some space, nothing is lost"
    if "readonly" in text:
        return "the file is read-only; Touchline needs to write it"
    if "unable to open" in text:
        return "the file cannot be opened; is it a folder, or not readable?"
    if "malformed" in text:
        return "the file is damaged; restore a backup, or export it with `sqlite3 FILE .recover`"
    if "locked" in text:
        return "another program holds the database; close it and try again"
    return text
