"""Everything a data file has of one customer as one JSON object, to hand to that customer."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from streams.config.structs import Config
from streams.runtime.case_reader import CaseQuery
from streams.runtime.store.cases import cases_page
from streams.runtime.store.of_customer import (
    decisions_of,
    has_table,
    ids_of,
    in_portions,
    letters_of,
    log_of,
    state_of,
)
from streams.runtime.why import gather
from streams.units import format_time

_MOST_CASES = 1_000
_TIMES = ("created", "first_at", "next_at", "ended")
_DELIVERY = ("receiver", "decision", "state", "attempts", *_TIMES, "last_error")


def export(connection: sqlite3.Connection, name: str, config: Config | None) -> dict[str, Any] | None:
    """All of it, None when there is nothing. Times are UTC; in `state` they are microseconds since 1970."""
    ids = ids_of(connection, name)
    states = {one: state for one in ids.all if (state := state_of(connection, one)) is not None}
    found: dict[str, Any] = {
        "customer": ids.id,
        "merged": list(ids.merged),
        "profile": gather(connection, name, config, 1),
        "state": {one: plain(state) for one, state in states.items()},
        "log": [
            {"offset": offset, "received": format_time(received), "record": shown(body)}
            for offset, received, body in log_of(connection, ids.all)
        ],
        "decisions": [msgspec.Raw(body) for _, body in decisions_of(connection, ids.all)],
        "deliveries": _deliveries(connection, [one for one, _ in decisions_of(connection, ids.all)]),
        "cases": [case for one in ids.all for case in _cases(connection, one)],
        "dead_letters": [
            {
                "id": number,
                "time": None if time is None else format_time(time),
                "reason": reason,
                "message": message,
                "body": body.decode("utf-8", "backslashreplace"),
            }
            for number, time, reason, message, body in letters_of(connection, ids.all)
        ],
    }
    if found["profile"] is None and not any(found[part] for part in ("state", "log", "decisions", "dead_letters")):
        return None
    profile = found["profile"]
    if profile is not None:
        # The whole log and all decisions stand beside it.
        found["profile"] = msgspec.structs.replace(profile, touchpoints=[], decisions=[])
    return found


def _deliveries(connection: sqlite3.Connection, decisions: list[str]) -> list[dict[str, Any]]:
    if not has_table(connection, "deliveries"):
        return []
    found = []
    for marks, some in in_portions(decisions):
        rows = connection.execute(
            f"SELECT {', '.join(_DELIVERY)} FROM deliveries WHERE decision IN ({marks}) ORDER BY id", some
        )
        for row in rows:
            one = dict(zip(_DELIVERY, row, strict=True))
            found.append({k: format_time(v) if k in _TIMES and v is not None else v for k, v in one.items()})
    return found


def _cases(connection: sqlite3.Connection, subject: str) -> list[Any]:
    if not has_table(connection, "cases"):
        return []
    return list(cases_page(connection, CaseQuery(customer=subject), _MOST_CASES, None).items)


def plain(value: Any) -> Any:
    """Structs as objects with the names of their fields; bytes (hashes of event ids) in hexadecimal."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key).replace("\0", " "): plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [plain(below) for below in value]
    return value.hex() if isinstance(value, bytes) else value


def shown(body: bytes) -> Any:
    """A record as JSON where it is JSON, else as text."""
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "backslashreplace")
    return msgspec.Raw(body)
