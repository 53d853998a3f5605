"""What leaves the file by and by, and that no count falls with it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from streams.effects import DeadLetter
from streams.runtime import commit as commits
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.retention import DAY, Retention
from streams.runtime.store import forgetting
from streams.runtime.store.store import Store, new_head

NOW = 1_772_000_000_000_000


class Shop:
    """A store and what the next commit is numbered."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.decisions = self.letters = 0

    async def commit(
        self,
        *,
        decided: list[tuple[str, int]] | None = None,
        letters: list[tuple[str, bytes]] | None = None,
        watermark: int | None = NOW,
        now: int = NOW,
    ) -> None:
        """One commit with decisions (type, time) and dead letters (reason, body)."""
        store = self.store
        before = commits.decode(store.head_body) if store.head_body else None
        made = [
            NewDecision(f"d-{self.decisions + at}", kind, time, "purchase", b"{}")
            for at, (kind, time) in enumerate(decided or [])
        ]
        refused = [
            DeadLetter(self.letters + at, self.letters + at, now, reason, "why", body)
            for at, (reason, body) in enumerate(letters or [])
        ]
        await store.commit(
            Commit(
                before=store.head_body,
                head=commits.encode(new_head(before, "hash")),
                low=0,
                now=now,
                first_decision=self.decisions,
                decisions=made,
                dead_letters=refused,
                watermark=watermark,
            )
        )
        self.decisions += len(made)
        self.letters += len(refused)

    async def reopen(self) -> None:
        retention = self.store.retention
        await self.store.close()
        self.store = Store(self.path, retention=retention)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def keep(self, **limits: int) -> None:
        self.store.retention = msgspec.structs.replace(Retention(), **limits)


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    opened = Shop(tmp_path / "shop.db")
    yield opened
    await opened.store.close()


async def test_decisions_go_when_the_watermark_has_left_them_behind_and_stay_counted(shop: Shop) -> None:
    shop.keep(decisions=10 * DAY)
    old, edge, young = NOW - 10 * DAY - 1, NOW - 10 * DAY, NOW
    await shop.commit(decided=[("signal.breached", old), ("signal.breached", edge), ("signal.recovered", young)])
    assert shop.rows("SELECT id FROM decisions ORDER BY sequence") == [("d-1",), ("d-2",)]
    for _ in range(2):
        assert await shop.store.decision_counts() == {"signal.breached": 2, "signal.recovered": 1}
        await shop.reopen()


async def test_decisions_about_history_stay_while_the_shops_own_time_is_in_the_past(shop: Shop) -> None:
    shop.keep(decisions=10 * DAY)
    await shop.commit(decided=[("signal.breached", NOW - 900 * DAY)], watermark=NOW - 900 * DAY)
    await shop.commit(watermark=None)
    assert len(shop.rows("SELECT 1 FROM decisions")) == 1
    await shop.commit()
    assert shop.rows("SELECT 1 FROM decisions") == []


async def test_decisions_go_in_portions(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "_PORTION", 3)
    await shop.commit(decided=[("signal.breached", NOW - 500 * DAY + at) for at in range(5)])
    assert shop.rows("SELECT id FROM decisions ORDER BY sequence") == [("d-3",), ("d-4",)]
    await shop.commit()
    assert shop.rows("SELECT id FROM decisions") == []
    assert await shop.store.decision_counts() == {"signal.breached": 5}


async def test_re_driven_letters_go_with_the_age_of_the_log_and_held_ones_do_not(shop: Shop) -> None:
    shop.keep(age=7 * DAY)
    await shop.commit(letters=[("not_json", b"{"), ("not_json", b"["), ("no_id", b"{}")], now=NOW - 8 * DAY)
    await shop.store.mark_redriven(1)
    await shop.store.mark_redriven(3)
    await shop.commit(now=NOW - 2 * DAY)
    assert len(shop.rows("SELECT 1 FROM dead_letters")) == 3
    await shop.commit()
    assert shop.rows("SELECT id, state FROM dead_letters") == [(2, "held")]
    for _ in range(2):
        assert shop.store.letters.held == {"not_json": 1, "no_id": 0}
        assert shop.store.letters.held_bytes == 1
        assert shop.store.letters.invalid == {"not_json": 2, "no_id": 1}
        assert shop.store.letters.dropped == {}
        await shop.reopen()


async def test_the_oldest_held_letters_are_dropped_and_counted_when_there_are_too_many(shop: Shop) -> None:
    shop.keep(letters=3)
    await shop.commit(letters=[("not_json", b"{"), ("no_id", b"{}")])
    await shop.commit(letters=[("not_json", b"["), ("no_id", b"[]"), ("no_id", b"{ }")])
    assert shop.rows("SELECT body FROM dead_letters ORDER BY id") == [(b"[",), (b"[]",), (b"{ }",)]
    for _ in range(2):
        assert shop.store.letters.held == {"not_json": 1, "no_id": 2}
        assert shop.store.letters.held_bytes == 6
        assert shop.store.letters.invalid == {"not_json": 2, "no_id": 3}
        assert shop.store.letters.dropped == {"not_json": 1, "no_id": 1}
        await shop.reopen()


async def test_the_same_when_they_are_too_large_and_re_driven_ones_do_not_count(shop: Shop) -> None:
    shop.keep(letters_size=100)
    await shop.commit(letters=[("not_json", b"1" * 60), ("not_json", b"2" * 40)])
    await shop.store.mark_redriven(1)
    await shop.commit(letters=[("not_json", b"3" * 60)])
    assert shop.store.letters.dropped == {}
    await shop.commit(letters=[("not_json", b"4")])
    assert shop.rows("SELECT id, state FROM dead_letters") == [(1, "redriven"), (3, "held"), (4, "held")]
    assert shop.store.letters.held_bytes == 61
    assert shop.store.letters.dropped == {"not_json": 1}


async def test_a_file_from_before_there_was_anything_to_count_is_completed(shop: Shop) -> None:
    await shop.commit(letters=[("not_json", b"{")])
    await shop.store._writer.run(
        lambda connection: connection.executescript("DROP TABLE let_go; DROP INDEX dead_letters_redriven;")
    )
    await shop.reopen()
    shop.keep(letters=0)
    await shop.commit()
    assert shop.store.letters.dropped == {"not_json": 1}
