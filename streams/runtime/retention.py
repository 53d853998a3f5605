"""What is kept how long: log rows, never one that recovery still reads, decisions and dead letters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

DAY = 24 * 3600 * 1_000_000


class Retention(msgspec.Struct, frozen=True):
    """The log keeps what is younger than `age` and fits into `size`; the rest goes, oldest first.

    A dead letter that nobody has re-driven never goes by age: it may be the only copy left.

    Parameters
    ----------
    age
        Microseconds since reception.
    size
        Bytes of bodies; the row that crosses it stays.
    portion
        Most rows deleted with one commit, so that no commit takes long.
    decisions
        Microseconds before the watermark that a decision is kept.
    letters, letters_size
        Dead letters held, and their bytes, beyond which the oldest are dropped and counted. Those re-driven go after
        `age`.
    """

    age: int = 7 * DAY
    size: int = 2 * 1024**3
    portion: int = 5_000
    decisions: int = 400 * DAY
    letters: int = 100_000
    letters_size: int = 256 * 1024**2

    def keep_from(self, oldest: Sequence[tuple[int, int, int]], total: int, low: int, now: int) -> int | None:
        """Offset from which the log is kept, None when nothing goes.

        `oldest` are the log's first rows as (offset, received, bytes written to the log up to and with this row),
        `total` the bytes written up to and with its last row, `low` the head's, `now` UTC epoch microseconds.
        """
        keep = None
        for offset, received, reach in oldest:
            if offset >= low or (received >= now - self.age and total - reach < self.size):
                break
            keep = offset + 1
        return keep


PARTIALS_AGE = DAY
"""Microseconds that partials are kept at least, after the signals contain them."""
