"""The dead-letter brake: when almost everything that comes in is invalid, taking nothing is better than rerouting all.

A broken sender or a wrong mapping would otherwise empty a whole stream into the dead letters while every light is
green. With the brake on nothing is taken, so nothing is lost: senders keep what they have and come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

import msgspec

SECOND = 1_000_000


class Brake(msgspec.Struct, frozen=True):
    """When the brake goes on, and how long it stays on before it lets events try again.

    Parameters
    ----------
    max_ratio
        Invalid share, 0 to 1, above which it goes on. Lower: stops sooner, on milder trouble.
    at_least
        Records within `window` below which the share says nothing.
    window
        Microseconds the share looks back.
    max_consecutive
        Invalid records in a row that put it on at once.
    pause
        Microseconds it stays on. After it everything is counted anew.
    """

    max_ratio: float = 0.9
    at_least: int = 1_000
    window: int = 60 * SECOND
    max_consecutive: int = 1_000
    pause: int = 30 * SECOND


class BrakeState:
    """What has been seen lately. `now` (UTC epoch microseconds) is always an argument."""

    def __init__(self, policy: Brake) -> None:
        self.policy = policy
        self._seconds: deque[list[int]] = deque()
        self._read = 0
        self._invalid = 0
        self._consecutive = 0
        self._until = 0
        self._why = ""

    def take(self, now: int, read: Sequence[int], invalid: Collection[int]) -> None:
        """The records at the offsets `read` were read, in this order; those also in `invalid` were dead letters."""
        if now < self._until or not read:
            return  # what was in the log before says nothing new
        bad = 0
        if not invalid:
            self._consecutive = 0
        for offset in read if invalid else ():
            if offset not in invalid:
                self._consecutive = 0
                continue
            bad += 1
            self._consecutive += 1
            if self._consecutive >= self.policy.max_consecutive:
                self._pull(now, f"the last {self._consecutive} records were all invalid")
                return
        self._count(now // SECOND, len(read), bad)
        if self._read >= self.policy.at_least and self._invalid > self.policy.max_ratio * self._read:
            seconds = self.policy.window // SECOND
            self._pull(now, f"{self._invalid} of the {self._read} records of the last {seconds} s were invalid")

    def reason(self, now: int) -> str | None:
        """Why nothing is taken now; None when the brake is off."""
        return self._why if now < self._until else None

    def _pull(self, now: int, why: str) -> None:
        self._until = now + self.policy.pause
        self._why = f"{why}; see `touchline dlq list` for what is wrong with them"
        self._seconds.clear()
        self._read = self._invalid = self._consecutive = 0

    def _count(self, second: int, read: int, invalid: int) -> None:
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += read
            self._seconds[-1][2] += invalid
        else:
            self._seconds.append([second, read, invalid])
        self._read += read
        self._invalid += invalid
        while self._seconds[0][0] <= second - self.policy.window // SECOND:
            _, gone_read, gone_invalid = self._seconds.popleft()
            self._read -= gone_read
            self._invalid -= gone_invalid
