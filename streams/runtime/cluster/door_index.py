"""What a door knows of decisions, cases and dead letters: tables in its memory, made of Kafka's topics and of Redis.

Nothing in it is needed: a door that starts anew makes it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import msgspec

from streams.runtime.case_reader import CaseQuery, CaseView
from streams.runtime.cluster.addresses import CASE, CaseTold, decode_case
from streams.runtime.cluster.overview import partitions_of
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import PartitionStore
from streams.runtime.cluster.topics import Names
from streams.runtime.commit import Head, NewDecision
from streams.runtime.service import Page, Published, StoredDeadLetter
from streams.runtime.store import schema
from streams.runtime.store.cases import case, cases_page, oldest_cases, write_case
from streams.runtime.store.pages import dead_letter, dead_letters_page, decisions_after, decisions_page, mark_redriven
from streams.units import parse_time

MOST_DECISIONS = 50_000
MOST_LETTERS = 10_000
_TRIM = 1_000
"""So many above the most may be there before the oldest go."""


class _Record(msgspec.Struct, frozen=True):
    id: str
    type: str
    time: str
    subject: str = ""


_read = msgspec.json.Decoder(_Record).decode


class DoorIndex:
    """Methods are called from one thread. Cursors are those of a data file's lists."""

    def __init__(self) -> None:
        self._tables = schema.in_memory()
        self._next = 0
        self._highest: dict[tuple[str, int], int] = {}
        """(source partition, partition of the topic) -> number of the last decision taken."""
        self._listed: dict[str, int] = {}
        """Source partition -> number of the first decision that the listed cases need not contain."""
        self._count = 0
        self.letters = 0
        """Held and not re-driven."""

    def know(self, source: str, told: Iterable[CaseTold], until: int) -> None:
        """Cases as Redis lists them; it has all decisions of the source before `until`."""
        for one in sorted(told, key=lambda one: one.sequence):
            write_case(self._tables, _new(one.body))
        self._listed[source] = until

    def take(self, source: str, partition: int, number: int, body: bytes) -> Published | None:
        """The next decision of a partition of the topic; None for one that came before."""
        place = (source, partition)
        if number <= self._highest.get(place, -1):
            return None
        self._highest[place] = number
        decision = _new(body)
        self._next += 1
        done = self._tables.execute(
            "INSERT OR IGNORE INTO decisions (sequence, id, type, time, subject, body) VALUES (?, ?, ?, ?, ?, ?)",
            (self._next, decision.id, decision.type, decision.time, decision.subject, body),
        )
        if not done.rowcount:
            return None
        if decision.type.startswith(CASE) and number >= self._listed.get(source, 0):
            write_case(self._tables, decision)
        self._count += 1
        if self._count > MOST_DECISIONS + _TRIM:
            self._tables.execute("DELETE FROM decisions WHERE sequence <= ?", (self._next - MOST_DECISIONS,))
            self._count = int(self._tables.execute("SELECT count(*) FROM decisions").fetchone()[0])
        return Published(decision.id, body)

    def hold(self, number: int, offset: int, log_time: int, reason: str, message: str, body: bytes) -> None:
        """A dead letter under a number; one that is held already is left as it is."""
        done = self._tables.execute(
            "INSERT OR IGNORE INTO dead_letters (id, sequence, offset, log_time, reason, message, state, body)"
            " VALUES (?, ?, ?, ?, ?, ?, 'held', ?)",
            (number, number, offset, log_time, reason, message, body),
        )
        self.letters += done.rowcount
        if self.letters > MOST_LETTERS + _TRIM:
            self._tables.execute(
                "DELETE FROM dead_letters WHERE id NOT IN (SELECT id FROM dead_letters ORDER BY id DESC LIMIT ?)",
                (MOST_LETTERS,),
            )
            self.letters = int(
                self._tables.execute("SELECT count(*) FROM dead_letters WHERE state = 'held'").fetchone()[0]
            )

    def mark(self, letter_id: int) -> None:
        """Its bytes are in the log again."""
        if mark_redriven(self._tables, letter_id) is not None:
            self.letters -= 1

    def forget(self, subjects: Sequence[str]) -> None:
        """Nothing about these customers is shown any more."""
        marks = ",".join("?" * len(subjects))
        self._tables.execute(f"DELETE FROM decisions WHERE subject IN ({marks})", subjects)
        self._tables.execute(f"DELETE FROM cases WHERE subject IN ({marks})", subjects)
        self._count = int(self._tables.execute("SELECT count(*) FROM decisions").fetchone()[0])

    def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        """Newest first. Raises BadCursor."""
        return decisions_page(self._tables, since, limit, cursor)

    def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        """Oldest first."""
        return decisions_after(self._tables, decision_id, limit)

    def decisions_of(self, subjects: Sequence[str], limit: int) -> list[bytes]:
        """About these customers, the latest first."""
        marks = ",".join("?" * len(subjects))
        rows = self._tables.execute(
            f"SELECT body FROM decisions WHERE subject IN ({marks}) ORDER BY time DESC, sequence DESC LIMIT ?",
            (*subjects, limit),
        )
        return [row[0] for row in rows]

    def dead_letters(self, since: int | None, limit: int, cursor: str | None) -> Page:
        """The last one first. Raises BadCursor."""
        return dead_letters_page(self._tables, since, limit, cursor)

    def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        """One with its bytes."""
        return dead_letter(self._tables, letter_id)

    def cases(self, query: CaseQuery, limit: int, cursor: str | None) -> Page:
        """In the order asked for. Raises BadCursor."""
        return cases_page(self._tables, query, limit, cursor)

    def oldest_cases(self) -> Mapping[str, int]:
        """Rule -> opening of its oldest case that is not closed, UTC epoch microseconds."""
        return oldest_cases(self._tables)

    def case(self, case_id: str) -> CaseView | None:
        """One."""
        return case(self._tables, case_id)


async def list_cases(redis: Client, index: DoorIndex, names: Names | None) -> None:
    """Let an index know the cases that Redis lists; with `names` it will hear of later decisions as well.

    Raises CannotStart where Redis holds no cluster's state, or one of the store's DOWN errors.
    """
    async for source, told, head in cases_told(redis):
        index.know(source, told, 0 if names is None else head.sequences.get(names.decisions, 0))


async def cases_told(redis: Client) -> AsyncIterator[tuple[str, list[CaseTold], Head]]:
    """Partition by partition what Redis lists of cases, and the head as of before.

    Raises CannotStart where Redis holds no cluster's state, or one of the store's DOWN errors.
    """
    for number in range(await partitions_of(redis)):
        store = PartitionStore(redis, f"events:{number}")
        head = await store.peek()
        if head is not None:
            yield store.name, [decode_case(body) for body in await store.cases()], head


def _new(body: bytes) -> NewDecision:
    record = _read(body)
    return NewDecision(record.id, record.type, parse_time(record.time), record.subject, body)
