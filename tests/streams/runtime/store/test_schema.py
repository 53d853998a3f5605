"""Opening data files: ours, somebody else's, newer ones, none at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from streams.errors import CannotStart
from streams.runtime.store import schema
from streams.runtime.store.lock import holder_of
from streams.runtime.store.store import Store


def test_a_new_file_is_made_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    schema.prepare(path)
    schema.prepare(path)
    connection = schema.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    path.write_text("id,time\n" * 1_000)
    with pytest.raises(CannotStart, match="not a database") as refused:
        Store(path)
    assert refused.value.exit_code == 3
    assert path.read_text() == "id,time\n" * 1_000
    assert holder_of(path) is None


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE orders (id)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(CannotStart, match="another program"):
        Store(path)
    assert path.read_bytes() == before


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    schema.prepare(path)
    connection = schema.connect(path)
    connection.execute(f"PRAGMA user_version = {schema.FORMAT + 1}")
    connection.close()
    for open_it in (Store, schema.check):
        with pytest.raises(CannotStart, match=f"format {schema.FORMAT + 1}.*use the release that wrote it"):
            open_it(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.db").mkdir()
    with pytest.raises(CannotStart, match="is it a folder"):
        Store(tmp_path / "shop.db")


def test_a_reader_is_told_when_there_is_no_file_or_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="no such file"):
        schema.check(tmp_path / "shop.db")
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE orders (id)")
    other.close()
    with pytest.raises(CannotStart, match="not a data file of Touchline"):
        schema.check(path)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("database or disk is full", "free some space"),
        ("attempt to write a readonly database", "read-only"),
        ("database is locked", "another program"),
        ("database disk image is malformed", "restore a backup"),
        ("something new", "something new"),
    ],
)
def test_what_sqlite_says_comes_with_what_to_do(said: str, told: str) -> None:
    assert told in schema.explain(sqlite3.OperationalError(said))
