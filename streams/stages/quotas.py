"""`quota` of the rules for asking: which asks still have a place, over all customers, decided when a tick closes.

A quota of `200 per day` leaves at most 200 asks of the rule in any 24 hours. Asks get their places in order of due
time, then customer, then rule, whichever partition they come from (exactness rule 8).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from streams.config.structs import Config
from streams.effects import Nominee, Partial, Verdicts
from streams.units import SECOND

_PORTION_BYTES = 256 * 1024
"""Verdicts go into the log in records of about this size at most; a record may have four times as much."""
_AROUND = 64
"""Bytes a nominee takes in the log beside the names, generously."""


class Stored(msgspec.Struct, array_like=True):
    """What of it goes into the stage's own piece; the places taken have pieces of their own."""

    numbers: dict[int, int] = {}
    """Partition -> number of the next verdicts for it."""
    untold: dict[int, list[Verdicts]] = {}
    """Partition -> verdicts that it has not confirmed."""


class Quotas:
    """The quotas of one file."""

    def __init__(
        self, config: Config, stored: Stored | None = None, used: Mapping[str, Sequence[int]] | None = None
    ) -> None:
        """`used`: places taken, as `places` gave them; rules that have no quota any more lose theirs."""
        self._rates = {name: rule.quota for name, rule in config.feedback.items() if rule.quota is not None}
        self._used = {name: list((used or {}).get(name, ())) for name in self._rates}
        self.stored = Stored() if stored is None else stored
        self.dirty: set[str] = set()
        """Rules whose places have changed since somebody cleared this."""

    @property
    def places(self) -> Mapping[str, Sequence[int]]:
        """Rule -> due times of the asks that have a place, UTC epoch microseconds, in order."""
        return self._used

    def judge(self, tick: int, partials: Iterable[Partial]) -> None:
        """Say yes or no to every nominee of a tick."""
        asked = [(nominee, partial.partition) for partial in partials for nominee in partial.nominees]
        told: dict[int, list[tuple[Nominee, bool]]] = {}
        for nominee, partition in sorted(asked, key=lambda one: (one[0].due, one[0].subject, one[0].rule)):
            told.setdefault(partition, []).append((nominee, self._takes(nominee)))
        for partition, answers in sorted(told.items()):
            for portion in _portions(answers):
                number = self.stored.numbers.get(partition, 0)
                self.stored.numbers[partition] = number + 1
                verdicts = Verdicts(
                    number,
                    tuple(nominee for nominee, allowed in portion if allowed),
                    tuple(nominee for nominee, allowed in portion if not allowed),
                )
                self.stored.untold.setdefault(partition, []).append(verdicts)
        if asked:
            self._forget(tick)

    def untold(self, partition: int) -> Sequence[Verdicts]:
        """Verdicts that the partition has not confirmed, in order of their numbers."""
        return self.stored.untold.get(partition, ())

    @property
    def waiting(self) -> bool:
        """Whether there are verdicts that some partition has not confirmed."""
        return bool(self.stored.untold)

    def confirmed(self, partition: int, number: int) -> None:
        """The partition has taken all verdicts below this number."""
        waiting = self.stored.untold.get(partition)
        if waiting and waiting[0].number < number:
            left = [verdicts for verdicts in waiting if verdicts.number >= number]
            if left:
                self.stored.untold[partition] = left
            else:
                del self.stored.untold[partition]

    def forget(self, subjects: Collection[str]) -> None:
        """Name these customers no more in what is still to be told; their places stay taken."""
        for partition, waiting in self.stored.untold.items():
            self.stored.untold[partition] = [nameless(verdicts, subjects) for verdicts in waiting]

    def _takes(self, nominee: Nominee) -> bool:
        rate = self._rates.get(nominee.rule)
        if rate is None:
            return True  # the file no longer limits it
        used = self._used[nominee.rule]
        if len(used) - bisect_right(used, nominee.due - rate.period) >= rate.count:
            return False
        insort(used, nominee.due)
        self.dirty.add(nominee.rule)
        return True

    def _forget(self, tick: int) -> None:
        """Places that are free again for everyone to come."""
        for name, used in self._used.items():
            free = bisect_right(used, tick * SECOND - self._rates[name].period)
            if 2 * free > len(used):
                del used[:free]
                self.dirty.add(name)


def nameless(verdicts: Verdicts, subjects: Collection[str]) -> Verdicts:
    """The same verdicts, some customers unnamed: numbers and places stay as they are."""
    return msgspec.structs.replace(
        verdicts,
        allowed=tuple(nominee.without(subjects) for nominee in verdicts.allowed),
        refused=tuple(nominee.without(subjects) for nominee in verdicts.refused),
    )


def _portions(answers: Sequence[tuple[Nominee, bool]]) -> Iterator[list[tuple[Nominee, bool]]]:
    portion: list[tuple[Nominee, bool]] = []
    size = 0
    for answer in answers:
        if portion and size > _PORTION_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(answer)
        size += len(answer[0].subject.encode()) + len(answer[0].rule) + _AROUND
    if portion:
        yield portion
