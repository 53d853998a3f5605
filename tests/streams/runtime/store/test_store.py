"""The store: group commits, the compare-and-swap on the head, what goes and what stays."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from streams.effects import DeadLetter
from streams.model import Record
from streams.runtime import commit as commits
from streams.runtime.commit import Commit, Head, HeadMoved, NewDecision, NewPartial
from streams.runtime.retention import DAY, Retention
from streams.runtime.store import committing
from streams.runtime.store.log import Entry
from streams.runtime.store.store import Store, StoreFailed, new_head

NOW = 1_772_000_000_000_000


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "shop.db")
    yield opened
    await opened.close()


def commit_on(store: Store, **changes: object) -> Commit:
    head = new_head(store.head if not store.head_body else commits.decode(store.head_body), "hash")
    fields = {"before": store.head_body, "head": commits.encode(head), "low": 0, "now": NOW, "first_decision": 0}
    return Commit(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name, checked by the store's reading


def read(store: Store, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(store.path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_calls_that_gather_share_transactions_and_keep_their_order(store: Store) -> None:
    arrived: list[Record] = []
    store.listen(arrived.extend)
    calls = [[Entry(NOW, f"{call}.{at}".encode()) for at in range(3)] for call in range(1_500)]
    appended = await asyncio.gather(*(store.append(call) for call in calls))
    assert [record.offset for records in appended for record in records] == list(range(4_500))
    assert [[record.body for record in records] for records in appended] == [[e.body for e in call] for call in calls]
    assert arrived == [record for records in appended for record in records]
    assert store.next_offset == 4_500
    assert await store.records(0, 10_000) == arrived


async def test_a_call_larger_than_a_group_is_one_transaction_all_the_same(store: Store) -> None:
    records = await store.append([Entry(NOW, b"x")] * 5_000)
    assert len(records) == 5_000
    assert len(await store.records(4_990, 100)) == 10


async def test_records_come_in_portions_of_bytes_and_at_least_one(store: Store) -> None:
    await store.append([Entry(NOW, b"x" * 100)] * 10)
    assert len(await store.records(0, 10, size=250)) == 3
    assert len(await store.records(0, 10, size=1)) == 1


async def test_a_call_the_disk_refuses_is_not_taken_and_the_next_one_is(store: Store) -> None:
    await store._writer.run(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(StoreFailed, match="disk is full"):
        await store.append([Entry(NOW, b"x" * 100_000)] * 10)
    assert store.next_offset == 0
    await store._writer.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {2**30}").fetchall())
    assert [record.offset for record in await store.append([Entry(NOW, b"y")])] == [0]


async def test_a_commit_is_stored_whole(store: Store) -> None:
    letter = DeadLetter(0, 4, NOW, "not_json", "record: not JSON", b"{")
    decision = NewDecision("id-1", "touchline.signal.breached", NOW, "csat", b"{}")
    await store.commit(
        commit_on(
            store,
            states={"c-1": b"one", "c-2": b"two", "odd\0key": b"three"},
            timers={"c-1": 5, "c-2": 6},
            partials=[NewPartial(0, 1, b"p0"), NewPartial(1, 2, b"p1")],
            decisions=[decision],
            dead_letters=[letter],
            pieces={"meta": b"m"},
        )
    )
    await store.commit(commit_on(store, states={"c-1": None}, timers={"c-2": None}, pieces={"meta": None, "x": b"y"}))
    assert await store.states(["c-1", "c-2", "odd\0key"]) == {"c-1": None, "c-2": b"two", "odd\0key": b"three"}
    assert await store.timers() == [("c-1", 5)]
    assert await store.partials(1, 10) == [b"p1"]
    assert await store.pieces() == {"x": b"y"}
    assert store.letters.held == store.letters.invalid == {"not_json": 1}
    assert await store.decision_counts() == {"touchline.signal.breached": 1}


async def test_a_commit_on_another_head_writes_nothing(store: Store) -> None:
    await store.commit(commit_on(store))
    late = commit_on(store, states={"c-1": b"late"})
    await store.commit(commit_on(store, states={"c-1": b"winner"}))
    with pytest.raises(HeadMoved):
        await store.commit(late)
    assert await store.states(["c-1"]) == {"c-1": b"winner"}
    assert read(store, "SELECT body FROM head") == [(store.head_body,)]


async def test_an_effect_that_is_already_there_is_an_error_and_not_a_second_one(store: Store) -> None:
    await store.commit(commit_on(store, partials=[NewPartial(0, 1, b"p")]))
    with pytest.raises(sqlite3.IntegrityError):
        await store.commit(commit_on(store, partials=[NewPartial(0, 1, b"p")], states={"c-1": b"x"}))
    assert await store.states(["c-1"]) == {"c-1": None}


async def test_an_owner_whose_answer_got_lost_finds_its_token_and_knows_it_was_done(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost:
        """A connection whose COMMIT is done, and then says that it was not."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            cursor = self._connection.execute(statement, *values)
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return cursor

    await store.commit(commit_on(store))
    given = commit_on(store, states={"c-1": b"x"})
    await store._writer.run(lambda connection: committing.write_commit(Lost(connection), given, Retention()))  # type: ignore[arg-type]  # stands in for a connection
    assert read(store, "SELECT body FROM head") == [(given.head,)]


async def test_old_rows_of_the_log_go_with_commits_but_never_below_low(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop.db", retention=Retention(age=DAY, portion=4))
    await store.append([Entry(NOW - 2 * DAY, b"old")] * 10 + [Entry(NOW, b"new")] * 2)
    await store.commit(commit_on(store, low=3))
    assert (store.first_offset, read(store, "SELECT min(offset) FROM log")) == (3, [(3,)])
    await store.commit(commit_on(store, low=12))
    assert store.first_offset == 7 + 1, "one row is looked at, then a portion"
    await store.commit(commit_on(store, low=12))
    assert store.first_offset == 10
    await store.close()


async def test_the_numbers_of_the_log_go_on_when_all_of_it_is_old(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop.db", retention=Retention(age=DAY))
    await store.append([Entry(NOW - 2 * DAY, b"old")] * 10)
    for _ in range(3):
        await store.commit(commit_on(store, low=10))
    await store.close()
    again = Store(tmp_path / "shop.db")
    assert again.next_offset == 10
    assert again.first_offset == 9
    await again.close()


async def test_partials_stay_a_day_and_until_the_signals_contain_them(store: Store) -> None:
    partials = [NewPartial(number, number, b"p") for number in range(6)]
    await store.commit(commit_on(store, partials=partials[:4], now=NOW - 2 * DAY))
    await store.commit(commit_on(store, partials=partials[4:], now=NOW))
    await store.commit(commit_on(store, signal_read=2, now=NOW))
    assert len(await store.partials(0, 10)) == 4
    await store.commit(commit_on(store, signal_read=6, now=NOW))
    assert len(await store.partials(0, 10)) == 2


async def test_the_write_ahead_log_is_folded_into_the_file_while_it_runs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.runtime.store.store._WAL_LIMIT", 200_000)
    wal = store.path.with_name("shop.db-wal")
    sizes = []
    for _ in range(40):
        await store.append([Entry(NOW, b"x" * 1_000)] * 50)
        await store.commit(commit_on(store))
        if store._checkpoint is not None:
            await store._checkpoint
        sizes.append(wal.stat().st_size)
    assert max(sizes) < 20 * 50 * 1_000, "it starts anew instead of growing"


async def test_a_closed_store_has_done_everything_it_was_handed(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop.db")
    waiting = [asyncio.ensure_future(store.append([Entry(NOW, b"x")])) for _ in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*waiting)) == 100
    with pytest.raises(RuntimeError, match="closed"):
        await store.states(["c-1"])


def test_each_owner_raises_the_epoch_and_nothing_else_of_the_position() -> None:
    first = new_head(None, "hash")
    assert (first.epoch, first.partitions, first.read, first.config) == (1, 1, 0, "hash")
    stored = msgspec.structs.replace(first, read=7, low=5, watermark=9, stage=b"s", signal_read=3)
    second = new_head(stored, "other")
    assert (second.epoch, second.commit) == (2, 1)
    assert second.token != stored.token
    position = ("read", "low", "watermark", "stage", "signal_read", "config", "sequences")
    assert [getattr(second, name) for name in position] == [getattr(stored, name) for name in position]


def test_a_head_of_a_newer_release_is_refused() -> None:
    newer = commits.encode(msgspec.structs.replace(new_head(None, "hash"), format=commits.FORMAT + 1))
    with pytest.raises(ValueError, match="use the release that wrote it"):
        commits.decode(newer)
    assert isinstance(commits.decode(commits.encode(new_head(None, "hash"))), Head)
