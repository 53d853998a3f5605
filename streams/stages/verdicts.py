"""What quotas say, as a partition hears it in its log: each of their numbered records once, in whatever order.

A sender that failed in the middle sends again from there, so a number may come before one below it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from streams.effects import Verdicts
from streams.model import Event

JUDGED = "touchline.quota.judged"
"""What quotas say to asks: the fields of `Verdicts` as `data`."""
_NONE = Verdicts(-1, (), ())
"""Heard by nobody."""
_MOST_MISSING = 1_000


class Hearing:
    """Which numbers have come.

    Parameters
    ----------
    following
        One more than the highest.
    missing
        Numbers below it that have not come.
    """

    def __init__(self, following: int = 0, missing: Iterable[int] = ()) -> None:
        self.following = following
        self._missing = set(missing)

    @property
    def missing(self) -> list[int]:
        """Numbers that something above has passed by; the highest 1,000."""
        return sorted(self._missing)

    def take(self, number: int) -> bool:
        """Whether it comes for the first time; from now on it has come."""
        if number < self.following:
            if number not in self._missing:
                return False
            self._missing.discard(number)
            return True
        self._missing.update(range(max(self.following, number - _MOST_MISSING), number))
        if len(self._missing) > _MOST_MISSING:
            self._missing = set(sorted(self._missing)[-_MOST_MISSING:])
        self.following = number + 1
        return True


def verdicts_of(event: Event) -> Verdicts:
    """What a record says; nothing that anybody hears where it makes no sense."""
    try:
        return msgspec.convert(event.data, Verdicts)
    except msgspec.ValidationError:
        return _NONE
