"""Which events a customer has already been counted for: exact for 24 h of event time, bounded.

Two generations of 8-byte hashes per customer: an id lives in the newer one for 24 h and in the older one for
another 24 h, so it is found for certain within 24 h and perhaps up to 48 h after it was taken (exactness rule 5).
"""

from __future__ import annotations

import xxhash

from streams.customer import Customer

WINDOW = 24 * 3600 * 1_000_000
"""Microseconds of event time for which a copy is found for certain."""
WIDTH = 8
_SEED = 0x746F7563686C696E
_MINUTE = 60 * 1_000_000
_UNBOUNDED = 1 << 62


def digest(source: str, event_id: str) -> bytes:
    """Eight bytes for an event's identity (source, id); two identities collide once in 2**64."""
    return xxhash.xxh3_64_digest(f"{source}\0{event_id}".encode(), _SEED)


def contains(ids: bytes, wanted: bytes) -> bool:
    """Whether a generation holds the hash, at a multiple of its width."""
    at = ids.find(wanted)  # `in` would be slower: it tries the hash as a number first
    while at >= 0:
        if at % WIDTH == 0:
            return True
        at = ids.find(wanted, at + 1)
    return False


def is_duplicate(customer: Customer, wanted: bytes) -> bool:
    """Whether this customer has been counted for the event already."""
    return contains(customer.seen, wanted) or contains(customer.seen_before, wanted)


def turn(customer: Customer, time: int, floor: int) -> None:
    """Let ids expire: called before a look-up at effective `time`; ids taken before `floor` fell to the limit."""
    since = customer.seen_since
    if time - since >= WINDOW:
        customer.seen_before = customer.seen if time - since < 2 * WINDOW else b""
        customer.seen = b""
        customer.seen_since = time
    if floor > customer.seen_since:
        customer.seen_before = b""
        if floor > customer.touched:
            customer.seen = b""


def trim(customer: Customer, limit: int) -> int:
    """Let the oldest ids beyond `limit` fall out; returns how many."""
    excess = (len(customer.seen) + len(customer.seen_before)) // WIDTH - limit
    if excess <= 0:
        return 0
    from_before = min(excess, len(customer.seen_before) // WIDTH)
    customer.seen_before = customer.seen_before[from_before * WIDTH :]
    customer.seen = customer.seen[(excess - from_before) * WIDTH :]
    return excess


class Population:
    """How many unexpired ids a partition holds, by the minute they were taken, and what falls beyond its limit.

    Whoever takes an id asks for room when there is none left or the minute is over, and takes one from `room`.
    """

    def __init__(self, limit: int, minutes: dict[int, int] | None = None, floor: int = 0) -> None:
        self.limit = limit
        self.floor = floor
        """Ids taken before this time (UTC epoch microseconds) no longer count."""
        self._minutes = dict(sorted((minutes or {}).items()))
        """In order of time, always: the oldest comes first."""
        self._kept = sum(self._minutes.values())
        self._minute = max(self._minutes, default=0)
        self.minute_end = (self._minute + 1) * _MINUTE if self._minutes else 0
        """Effective time at which the open minute ends."""
        self.room = self._given = limit - self._kept
        """Ids that may still be taken before the oldest must fall."""

    def counted(self) -> dict[int, int]:
        """Ids taken per minute (minutes since the epoch)."""
        if self.room != self._given:
            taken = self._given - self.room
            self._minutes[self._minute] = self._minutes.get(self._minute, 0) + taken
            self._kept += taken
            self._given = self.room
        return self._minutes

    def make_room(self, time: int) -> int:
        """Expire what is older than 24 h at effective `time`, then let the oldest minute fall if there is no room.

        Returns how many ids fell. The open minute never falls: a limit smaller than one minute's ids is exceeded until
        it is over.
        """
        minutes = self.counted()
        if time >= self.minute_end:
            self._minute = time // _MINUTE
            self.minute_end = (self._minute + 1) * _MINUTE
            while minutes and (old := next(iter(minutes))) < self._minute - 1440:
                self._kept -= minutes.pop(old)
        self.room = self._given = self.limit - self._kept
        if self.room > 0:
            return 0
        oldest = next(iter(minutes), self._minute)
        if oldest >= self._minute:
            # Nothing to ask for until the minute is over.
            self.room = self._given = _UNBOUNDED
            return 0
        fallen = minutes.pop(oldest)
        self._kept -= fallen
        self.room += fallen
        self._given = self.room
        self.floor = (oldest + 1) * _MINUTE
        return fallen

    def resize(self, limit: int) -> None:
        """Another limit holds from the next id on."""
        self.counted()
        self.room += limit - self.limit
        self._given = self.room
        self.limit = limit

    def covered(self, time: int) -> int:
        """Microseconds before `time` in which every copy would be found, at most 24 h."""
        return min(WINDOW, time - self.floor) if self.floor else WINDOW
