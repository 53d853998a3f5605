"""How far behind a reader of one Kafka partition is, and whether it still moves."""

from __future__ import annotations

import enum

STALL_SECONDS = 45.0
"""Records waited and none was taken for so long, though the reader had nothing else to do: its consumer has stopped."""


class Progress:
    """One partition's reader, as it tells what it does. Times in microseconds are UTC, by the clock handed in."""

    def __init__(self) -> None:
        self.end: int | None = None
        """Offset behind the last record known to be in the partition."""
        self._read: int | None = None
        self._last: int | None = None
        """Log time of the last record taken."""
        self._at_end: int | None = None
        """When everything was known to be taken, the last time."""

    def took(self, read: int, log_time: int | None) -> None:
        """Records were taken: the next is at offset `read`, the last has this log time."""
        self._read, self._last = read, log_time

    def see(self, read: int, end: int | None, now: int) -> None:
        """Where the reader is and where the partition ends, as of now."""
        self._read = read
        if end is not None and (self.end is None or end > self.end):
            self.end = end
        if end is not None and read >= end:
            self._at_end = now

    @property
    def behind(self) -> int | None:
        """Records not taken yet; None while the end is unknown."""
        if self.end is None or self._read is None:
            return None
        return max(0, self.end - self._read)

    def lag_seconds(self, now: int) -> float | None:
        """How long the oldest record not taken has waited at most; None where nobody can say yet.

        Whatever was written before all was known to be taken, or before the last record taken, is no longer there.
        """
        if self.behind is None:
            return None
        if not self.behind:
            return 0.0
        since = max((time for time in (self._last, self._at_end) if time is not None), default=None)
        return None if since is None else max(0.0, (now - since) / 1e6)


class Verdict(enum.Enum):
    """What to do about a reader."""

    FINE = "fine"
    RESTART = "restart"
    """Its consumer has stopped: start another."""
    GIVE_UP = "give up"
    """The one started anew takes nothing either: end the process, and let it be started again."""


class Watchdog:
    """Tells a consumer that has stopped from one that has nothing to do, is held up elsewhere, or is slow.

    Parameters
    ----------
    limit_seconds
        How long records may wait for a reader that does nothing.
    """

    def __init__(self, limit_seconds: float = STALL_SECONDS) -> None:
        self._limit = limit_seconds
        self._at: int | None = None
        self._since: float | None = None
        self._restarted = False

    def look(self, now: float, read: int, end: int, *, held_up: bool) -> Verdict:
        """`now` in monotonic seconds; `held_up`: the reader waits for something else than its consumer."""
        if read >= end or (self._at is not None and read > self._at):
            self._restarted = False
        moved, self._at = read != self._at, read
        if read >= end or held_up:
            self._since = None
            return Verdict.FINE
        if moved or self._since is None:
            self._since = now
        if now - self._since < self._limit:
            return Verdict.FINE
        return Verdict.GIVE_UP if self._restarted else Verdict.RESTART

    def restarted(self) -> None:
        """The consumer was started anew, for this partition or for another of its own."""
        self._restarted, self._since = True, None
