"""How long the log is kept, by hand."""

from __future__ import annotations

from streams.runtime.retention import DAY, Retention

NOW = 1_772_000_000_000_000
OLD = [(offset, NOW - 8 * DAY + offset, 100 * (offset + 1)) for offset in range(10)]
"""Ten rows of 100 bytes, older than seven days."""
YOUNG = [(offset, NOW - DAY, 100 * (offset + 1)) for offset in range(10)]


def test_rows_beyond_the_age_go() -> None:
    mixed = OLD[:4] + YOUNG[4:]
    assert Retention().keep_from(mixed, 1_000, 10, NOW) == 4


def test_young_rows_that_fit_stay() -> None:
    assert Retention().keep_from(YOUNG, 1_000, 10, NOW) is None


def test_young_rows_beyond_the_size_go_oldest_first() -> None:
    assert Retention(size=250).keep_from(YOUNG, 1_000, 10, NOW) == 7
    assert Retention(size=1_000).keep_from(YOUNG, 1_000, 10, NOW) is None


def test_a_row_that_recovery_reads_never_goes() -> None:
    assert Retention(size=1).keep_from(OLD, 1_000, 3, NOW) == 3
    assert Retention(size=1).keep_from(OLD, 1_000, 0, NOW) is None


def test_an_empty_log_keeps_nothing_from_going() -> None:
    assert Retention().keep_from([], 0, 0, NOW) is None
