"""Everything of one customer as one object, with what others have left out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from streams.runtime.exporting import export
from streams.runtime.store import schema
from streams.runtime.why import config_of
from tests.streams.runtime.served_story import middle_of


def exported(data: Path, name: str) -> dict[str, object] | None:
    connection = schema.connect(data, read_only=True)
    try:
        found = export(connection, name, config_of(connection))
    finally:
        connection.close()
    return None if found is None else msgspec.json.decode(msgspec.json.encode(found), type=dict[str, object])


async def test_cases_deliveries_and_dead_letters_of_the_customer_and_of_nobody_else(tmp_path: Path) -> None:
    data = tmp_path / "s.db"
    await middle_of("case_clocks", "2d 12:00", data)
    connection = sqlite3.connect(data)
    with connection:
        decisions = connection.execute("SELECT id, subject FROM decisions ORDER BY sequence").fetchall()
        connection.executemany(
            "INSERT INTO deliveries (receiver, decision, about, bundle, state, attempts, created, next_at)"
            " VALUES ('ops', ?, '', '', 'pending', 1, 1000000, 2000000)",
            [(name,) for name, _ in decisions],
        )
        connection.executemany(
            "INSERT INTO dead_letters (sequence, offset, log_time, reason, message, state, body)"
            " VALUES (?, ?, 0, 'not_json', 'why', 'held', ?)",
            [(100, 100, b'{"subject": "anna"'), (101, 101, b'{"subject": "ben"'), (102, 102, b"\xff anna")],
        )
    connection.close()
    found = exported(data, "anna")
    assert found is not None
    cases, deliveries, letters = (found[part] for part in ("cases", "deliveries", "dead_letters"))
    assert isinstance(cases, list)
    assert [(case["customer"], case["rule"], case["breached"]) for case in cases] == [("anna", "detractor", True)]
    assert isinstance(deliveries, list)
    assert len(deliveries) == sum(subject == "anna" for _, subject in decisions)
    assert deliveries[0]["created"] == "1970-01-01T00:00:01.000Z"
    assert isinstance(letters, list)
    assert [letter["body"] for letter in letters] == ['{"subject": "anna"', "\\xff anna"]


async def test_a_file_that_only_an_earlier_release_has_written_is_read_too(tmp_path: Path) -> None:
    data = tmp_path / "s.db"
    await middle_of("merged", "3d", data)
    connection = sqlite3.connect(data)
    with connection:
        for table in ("cases", "deliveries"):
            connection.execute(f"DROP TABLE {table}")
    connection.close()
    found = exported(data, "anna")
    assert found is not None
    assert (found["cases"], found["deliveries"]) == ([], [])
    assert exported(data, "nobody") is None
