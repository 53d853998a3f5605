"""What may leave: the same from memory as from the rows of the SQLite store."""

from __future__ import annotations

import sqlite3

import hypothesis
import msgspec
from hypothesis import strategies as st

from streams.delivery.attempts import DELIVERED, FAILED, PENDING
from streams.delivery.receivers import Abilities
from streams.delivery.waiting import Delivery, Waiting
from streams.runtime.store import deliveries

ABLE = (Abilities(), Abilities(most=3), Abilities(groups=True, most=2, digest=4))
TABLES = deliveries.TABLES + "CREATE TABLE decisions (id TEXT, body BLOB);"
INSERT = "INSERT OR REPLACE INTO deliveries VALUES (?, 'ops', ?, ?, ?, ?, ?, 0, NULL, ?, NULL, NULL)"


class Both:
    """The same deliveries in memory and in rows."""

    def __init__(self) -> None:
        self.waiting = Waiting()
        self.rows: dict[int, Delivery] = {}
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(TABLES)

    def put(self, row: Delivery) -> None:
        self.rows[row.id] = row
        values = (row.id, row.decision, row.about, row.bundle, row.state, row.attempts, row.next_at)
        self.connection.execute(INSERT, values)
        self.waiting.put(row)

    def due(self, now: int, limit: int, able: Abilities, busy: set[int]) -> tuple[list[list[int]], int | None]:
        """Batches of ids, the same from both."""
        ours, ours_next = self.waiting.due(now, limit, able, busy)
        theirs, theirs_next = deliveries.due(self.connection, "ops", now, limit, able, busy)
        found = [[one.id for one in batch] for batch in ours]
        assert found == [[one.id for one in batch] for batch in theirs]
        if len(found) < limit:  # a full one is asked again as soon as an attempt ends
            pending = [row.next_at for row in self.rows.values() if row.state == PENDING and row.next_at > now]
            assert theirs_next == min(pending, default=None)
            assert ours_next is None or ours_next in pending
        return found, ours_next


@hypothesis.given(st.data())
def test_memory_says_what_the_rows_say(data: st.DataObject) -> None:
    both, now = Both(), 0
    able = data.draw(st.sampled_from(ABLE))
    for _ in range(data.draw(st.integers(1, 12))):
        for _ in range(data.draw(st.integers(0, 4))):
            number = len(both.rows) + 1
            about = data.draw(st.sampled_from(["", "alert/a", "alert/b"]))
            bundle = data.draw(st.sampled_from(["", "i-1", "digest/5"])) if able.groups else ""
            next_at = now + data.draw(st.integers(0, 3))
            both.put(Delivery(number, "ops", f"d-{number}", "t", about, bundle, PENDING, now, next_at))
        now += data.draw(st.integers(0, 3))
        known = sorted(number for number, row in both.rows.items() if row.state == PENDING)
        busy = set(data.draw(st.lists(st.sampled_from(known), max_size=2)) if known else [])
        # The rows find fewer at once where several leave together, so there one batch is compared.
        batches, _ = both.due(now, 1 if able.groups else data.draw(st.integers(1, 4)), able, busy)
        for number in [number for batch in batches for number in batch]:
            became = data.draw(st.sampled_from([DELIVERED, FAILED, PENDING, PENDING, None]))
            row = both.rows[number]
            if became == PENDING:
                row.attempts, row.next_at = row.attempts + 1, now + data.draw(st.integers(1, 4))
            if became is not None:
                row.state = became
                both.put(row)


@hypothesis.given(st.data())
def test_all_that_waits_leaves_in_the_end(data: st.DataObject) -> None:
    waiting, rows = Waiting(), []
    for number in range(data.draw(st.integers(1, 20))):
        about = data.draw(st.sampled_from(["", "alert/a", "alert/b"]))
        rows.append(Delivery(number, "ops", f"d-{number}", "t", about, "", PENDING, 0, data.draw(st.integers(0, 9))))
        waiting.put(rows[-1])
    assert waiting.since() == min(row.next_at for row in rows)
    now, left = 0, set(range(len(rows)))
    while left:
        batches, later = waiting.due(now, 4, Abilities(), ())
        for (row,) in batches:
            left.remove(row.id)
            row.state = DELIVERED
            waiting.put(row)
        if not batches:
            assert later is not None
            now = later
    assert len(waiting) == 0
    assert waiting.since() is None


def test_one_that_begins_anew_goes_before_what_came_after_it() -> None:
    both = Both()
    first, second = (Delivery(number, "ops", f"d-{number}", "t", "a", "", PENDING, 0, 0) for number in (1, 2))
    both.put(first)
    both.put(second)
    assert both.due(0, 4, Abilities(), set())[0] == [[1]]
    both.put(msgspec.structs.replace(first, state=FAILED))
    assert both.due(0, 4, Abilities(), set())[0] == [[2]]
    both.put(msgspec.structs.replace(first, next_at=5))
    assert both.due(4, 4, Abilities(), set())[0] == []
    assert both.due(5, 4, Abilities(), set())[0] == [[1]]
