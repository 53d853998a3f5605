"""What waits for one receiver, in memory: what may leave now, in which order, and what leaves together.

The rules are those of the SQLite store's query, for stores that cannot be asked so.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush

import msgspec

from streams.delivery.attempts import IN_ORDER, PENDING
from streams.delivery.digest import is_digest
from streams.delivery.receivers import Abilities


class Delivery(msgspec.Struct, array_like=True):
    """One decision for one receiver, as it is stored. Times are UTC epoch microseconds."""

    id: int
    """Of two about the same, the earlier has the smaller one."""
    receiver: str
    decision: str
    type: str
    """The decision's."""
    about: str
    """As in `Addressed`, and `bundle`."""
    bundle: str
    state: str
    created: int
    next_at: int
    attempts: int = 0
    first_at: int | None = None
    ended: int | None = None
    last_error: str | None = None


class Waiting:
    """The pending deliveries of one receiver. They are shared with whoever stores them and change only by `put`."""

    def __init__(self) -> None:
        self._pending: dict[int, Delivery] = {}
        self._queue: list[tuple[int, int]] = []
        """(due, id) of all that nothing holds up; entries of what has changed since are passed over."""
        self._about: dict[str, set[int]] = {}
        self._bundles: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, delivery: Delivery) -> bool:
        return self._pending.get(delivery.id) is delivery

    def since(self) -> int | None:
        """Since when the longest waiting has been due; None without any."""
        return min(
            (one.next_at if one.first_at is None else one.first_at for one in self._pending.values()), default=None
        )

    def put(self, delivery: Delivery) -> None:
        """Take it in, or take note that it has changed; what does not wait any more is let go."""
        if delivery.state != PENDING:
            self.remove(delivery)
            return
        self._pending[delivery.id] = delivery
        if delivery.about:
            self._about.setdefault(delivery.about, set()).add(delivery.id)
            self._free(delivery.about)
        else:
            heappush(self._queue, (delivery.next_at, delivery.id))
        if delivery.bundle:
            self._bundles.setdefault(delivery.bundle, set()).add(delivery.id)

    def remove(self, delivery: Delivery) -> None:
        """Let go of it; nothing happens where it is not here."""
        if self._pending.pop(delivery.id, None) is None:
            return
        for index, key in ((self._about, delivery.about), (self._bundles, delivery.bundle)):
            if key:
                index[key].discard(delivery.id)
                if not index[key]:
                    del index[key]
        if delivery.about in self._about:
            self._free(delivery.about)

    def due(
        self, now: int, limit: int, able: Abilities, busy: Collection[int]
    ) -> tuple[list[list[Delivery]], int | None]:
        """Up to `limit` batches that may leave now, and when the next may after those.

        `busy` are under way and left out. Where the receiver groups, a batch is one bundle, else whatever is due.
        """
        taken = set(busy)
        batches: list[list[Delivery]] = []
        back: list[tuple[int, int]] = []
        while self._queue and self._queue[0][0] <= now:
            full = able.groups or not batches or len(batches[-1]) >= able.most
            if full and len(batches) >= limit:
                break
            entry = heappop(self._queue)
            one = self._pending.get(entry[1])
            if one is None or one.next_at != entry[0] or (one.about and not self._is_free(one)):
                continue
            if not back or back[-1] != entry:
                back.append(entry)
            if one.id in taken:
                continue
            if able.groups:
                batches.append(self._with(one, now, able, taken))
            elif full:
                batches.append([one])
            else:
                batches[-1].append(one)
            taken.update(each.id for each in batches[-1])
        while self._queue and not self._holds(self._queue[0]):
            heappop(self._queue)
        later = self._queue[0][0] if self._queue and self._queue[0][0] > now else None
        for entry in back:
            heappush(self._queue, entry)
        return batches, later

    def _with(self, one: Delivery, now: int, able: Abilities, taken: Collection[int]) -> list[Delivery]:
        """What leaves together with it."""
        if not one.bundle:
            return [one]
        room = able.digest if is_digest(one.bundle) else able.most
        others = (self._pending[number] for number in sorted(self._bundles[one.bundle]) if number not in taken)
        together = [each for each in others if each.attempts == 0 or each.next_at <= now][:room]
        return together if one in together else [one]

    def _holds(self, entry: tuple[int, int]) -> bool:
        one = self._pending.get(entry[1])
        return one is not None and one.next_at == entry[0]

    def _is_free(self, one: Delivery) -> bool:
        return all(number >= one.id or self._pending[number].attempts >= IN_ORDER for number in self._about[one.about])

    def _free(self, about: str) -> None:
        """Queue what nothing holds up any more."""
        for number in sorted(self._about[about]):
            one = self._pending[number]
            heappush(self._queue, (one.next_at, number))
            if one.attempts < IN_ORDER:
                return
