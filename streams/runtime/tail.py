"""The newest records of the log in memory, so that what has just arrived need not be read back from the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from streams.model import Record


class Tail:
    """Records from one offset on without gaps, oldest first; the reader takes them off."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self.size = 0
        """Bytes held."""

    def add(self, records: Sequence[Record]) -> None:
        """The log's next records."""
        self._records.extend(records)
        self.size += sum(_size(record) for record in records)

    def first(self, start: int) -> int | None:
        """Offset of the oldest record held, none before `start`; None when there is none."""
        while self._records and self._records[0].offset < start:
            self._pop()
        return self._records[0].offset if self._records else None

    def take(self, count: int) -> list[Record]:
        """Up to `count` of the oldest records; they are no longer held. The service's own record ends a portion: it
        may let time jump, and everything that falls due by then is work enough."""
        taken: list[Record] = []
        while self._records and len(taken) < count:
            record = self._pop()
            taken.append(record)
            if record.internal:
                break
        return taken

    def _pop(self) -> Record:
        record = self._records.popleft()
        self.size -= _size(record)
        return record


def _size(record: Record) -> int:
    return len(record.body) if isinstance(record.body, bytes) else 0
