"""The newest records in memory."""

from __future__ import annotations

from streams.model import Record
from streams.runtime.tail import Tail


def records(first: int, last: int, internal: int | None = None) -> list[Record]:
    return [Record(offset, 0, b"x" * 10, offset == internal) for offset in range(first, last)]


def test_records_come_off_in_order_and_its_size_follows() -> None:
    tail = Tail()
    assert tail.first(0) is None
    tail.add(records(5, 8))
    tail.add(records(8, 10))
    assert (tail.first(0), tail.size) == (5, 50)
    assert tail.take(2) == records(5, 7)
    assert tail.take(100) == records(7, 10)
    assert (tail.first(0), tail.size) == (None, 0)


def test_what_was_read_from_the_file_already_is_dropped() -> None:
    tail = Tail()
    tail.add(records(5, 10))
    assert tail.first(8) == 8
    assert tail.size == 20


def test_the_services_own_record_ends_a_portion() -> None:
    tail = Tail()
    tail.add(records(0, 6, internal=2))
    assert [len(tail.take(100)) for _ in range(3)] == [3, 3, 0]
