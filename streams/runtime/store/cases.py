"""Cases as rows, for reading: made of their decisions in the same commit. What holds is in the customers' state."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from streams.runtime.case_reader import CaseQuery, CaseView, Order
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.service import BadCursor, Page
from streams.units import format_time, parse_time

TABLES = """
CREATE TABLE IF NOT EXISTS cases (
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  owner TEXT,
  opened INTEGER NOT NULL,
  due INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  warned INTEGER NOT NULL,
  breached INTEGER NOT NULL,
  informed INTEGER NOT NULL,
  priority REAL NOT NULL,
  worth REAL NOT NULL,
  because TEXT NOT NULL,
  incomplete INTEGER NOT NULL,
  cause TEXT,
  disposition TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cases_by_opening ON cases (opened, id);
CREATE INDEX IF NOT EXISTS cases_open ON cases (due, id) WHERE state != 'closed';
CREATE INDEX IF NOT EXISTS cases_urgent ON cases (-priority, -worth, due, id) WHERE state != 'closed';
CREATE INDEX IF NOT EXISTS cases_of ON cases (subject);
CREATE INDEX IF NOT EXISTS cases_by_change ON cases (changed);
"""
"""Times: event time, UTC epoch microseconds."""

_PREFIX = "touchline.case."
_PORTION = 2_000
_COLUMNS = (
    "id, rule, subject, state, owner, opened, due, changed, warned, breached, informed, priority, worth, because,"
    " incomplete, cause, disposition"
)
_OPENED = f"INSERT OR REPLACE INTO cases ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, 0, NULL, NULL)"
_MOVED = """
INSERT INTO cases (id, rule, subject, state, owner, opened, due, changed, warned, breached, informed, priority, worth,
  because, incomplete, cause, disposition)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 = 'warned', ?9 = 'breached', ?9 = 'communicated', 0, 0, ?10, ?11, ?12, ?13)
ON CONFLICT (id) DO UPDATE SET
  subject = ?3, state = ?4, owner = ?5, due = ?7, changed = max(changed, ?8),
  warned = ?9 != 'reopened' AND (warned OR ?9 = 'warned'),
  breached = ?9 != 'reopened' AND (breached OR ?9 = 'breached'),
  informed = ?9 != 'reopened' AND (informed OR ?9 = 'communicated' OR (?9 = 'closed' AND ?14)),
  incomplete = ?11, cause = ?12, disposition = ?13
"""
"""A case whose opening is not known, as after a row was let go and the case opened again, is made from what is said."""
_ORDERS: dict[Order, tuple[str, str, str]] = {
    "newest": ("opened, id", "<", "opened DESC, id DESC"),
    "due": ("due, id", ">", "due, id"),
    "urgent": ("-priority, -worth, due, id", ">", "-priority, -worth, due, id"),
}
"""The key of a row, how the next page's compares with the last one shown, and the order of the page."""


class _Data(msgspec.Struct, frozen=True):
    """A decision's `data`, as far as rows are made of it."""

    rule: str
    because: list[str]
    case: str
    state: str
    owner: str | None
    opened_at: str
    due_at: str
    priority: float = 0.0
    worth: float = 0.0
    incomplete: bool = False
    cause: str | None = None
    disposition: str | None = None
    communicated: bool = False


class _Record(msgspec.Struct, frozen=True):
    data: _Data


_decode = msgspec.json.Decoder(_Record).decode


def write_cases(connection: sqlite3.Connection, commit: Commit) -> None:
    """Bring the rows to where the commit's decisions leave them, within its transaction."""
    for decision in commit.decisions:
        if decision.type.startswith(_PREFIX):
            write_case(connection, decision)


def write_case(connection: sqlite3.Connection, decision: NewDecision) -> None:
    """Bring one row to where a decision about its case leaves it; decisions of one case come in their order."""
    data = _decode(decision.body).data
    verb = decision.type.removeprefix(_PREFIX)
    because = msgspec.json.encode(data.because).decode()
    times = parse_time(data.opened_at), parse_time(data.due_at), decision.time
    who = data.case, data.rule, decision.subject, data.state, data.owner
    if verb == "opened":
        connection.execute(_OPENED, (*who, *times, data.priority, data.worth, because))
    else:
        informed = data.communicated or not data.incomplete
        ending = data.incomplete, data.cause, data.disposition, informed
        connection.execute(_MOVED, (*who, *times, verb, because, *ending))


def cases_page(connection: sqlite3.Connection, query: CaseQuery, limit: int, cursor: str | None) -> Page:
    """Cases in the order asked for; the cursor is the id of the last one shown. Raises BadCursor."""
    key, comes_after, order = _ORDERS[query.order]
    where, values = ["1"], list[Any]()
    for condition, value in (
        ("state = ?", query.state),
        ("owner = ?", query.owner),
        ("rule = ?", query.rule),
        ("subject = ?", query.customer),
        ("opened >= ?", query.since),
        ("changed < ?", query.changed_before),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    if query.open:
        where.append("state != 'closed'")
    if cursor is not None:
        if case(connection, cursor) is None:
            raise BadCursor(f"cursor {cursor!r}: expected the `next` of an earlier page")
        where.append(f"({key}) {comes_after} (SELECT {key} FROM cases WHERE id = ?)")
        values.append(cursor)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM cases WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?", (*values, limit + 1)
    ).fetchall()
    return Page([_view(row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None)


def case(connection: sqlite3.Connection, case_id: str) -> CaseView | None:
    """One; None when there is none of that id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM cases WHERE id = ?", (case_id,)).fetchone()
    return None if row is None else _view(row)


def oldest_cases(connection: sqlite3.Connection) -> dict[str, int]:
    """Rule -> opening of its oldest case that is not closed, in microseconds."""
    rows = connection.execute("SELECT rule, min(opened) FROM cases WHERE state != 'closed' GROUP BY rule ORDER BY rule")
    return dict(rows.fetchall())


def forget_cases(connection: sqlite3.Connection, before: int) -> None:
    """Let go of rows about which nothing was decided since, as their customers are, in portions."""
    connection.execute(
        "DELETE FROM cases WHERE id IN (SELECT id FROM cases WHERE changed < ? ORDER BY changed LIMIT ?)",
        (before, _PORTION),
    )


def _view(row: tuple[Any, ...]) -> CaseView:
    return CaseView(
        id=row[0],
        rule=row[1],
        customer=row[2],
        state=row[3],
        owner=row[4],
        opened_at=format_time(row[5]),
        due_at=format_time(row[6]),
        changed_at=format_time(row[7]),
        warned=bool(row[8]),
        breached=bool(row[9]),
        informed=bool(row[10]),
        priority=row[11],
        worth=row[12],
        because=msgspec.json.decode(row[13], type=list[str]),
        incomplete=bool(row[14]),
        cause=row[15],
        disposition=row[16],
    )
