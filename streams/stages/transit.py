"""Customers and events that leave a partition: merges across them, and records that lie in the wrong one.

Part of JourneyStage and as pure: what it sends and does depends on the partition's log alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from streams import customer as customers
from streams import merging, reasons, seen
from streams.codec import encode
from streams.customer import Customer
from streams.effects import Nominee, Parcel, Verdicts
from streams.model import Event, Record
from streams.partitioner import partition_of, partitions_of
from streams.rules import Rules
from streams.stages.happened import Happened
from streams.stages.parcels import ABSORBED, FORWARDED, MOST_HOPS, Crossed
from streams.stages.residents import Residents
from streams.stages.waiting import Waiting
from streams.tally import DUPLICATE, Tally

_MOST_REPEATS = 16
"""Ids of such records remembered with a forwarding address."""
_MOST_FORWARDED_BYTES = 900_000
"""A record larger than that cannot be wrapped into another one."""


class Transit:
    """Parcels that leave `partition`, of `partitions`."""

    def __init__(
        self, residents: Residents, tally: Tally, happened: Happened, partition: int, partitions: int, crossed: Crossed
    ) -> None:
        self._residents = residents
        self._tally = tally
        self._happened = happened
        self._partition = partition
        self._partitions = partitions
        self._expected: frozenset[str] = frozenset()
        self.sent = crossed.sent
        """Receiver -> number of the next parcel to it."""
        self.misplaced = crossed.misplaced
        """Records that lay in this partition and were sent on to their own."""

    def use(self, rules: Rules) -> None:
        """Another file holds."""
        self._dimensions = rules.dimensions

    def elsewhere(self, key: str) -> bool:
        """Whether a key lives in another partition."""
        if self._partitions == 1 or key in self._expected:
            return False
        return partition_of(key.encode(), self._partitions) != self._partition

    def expect(self, keys: Sequence[str]) -> None:
        """These may be asked about next, and nothing is known of them: many at once cost far less."""
        if self._partitions > 1 and keys:
            places = partitions_of([key.encode() for key in keys], self._partitions)
            here = self._partition
            self._expected = frozenset([key for key, place in zip(keys, places, strict=True) if place == here])

    # -- leaving -------------------------------------------------------------------------------------------------

    def forward(self, entry: Waiting, first: str, key: str, effective: int, late: bool, hops: int) -> None:
        """An event of `first` for `key`, where its merges lead and which lives elsewhere."""
        ended = None
        if first != key:
            ended = self._last_before(first, key)
        elif hops == 0:
            self.misplaced += 1
        self.hand_on(entry, ended, key, effective, late, hops)

    def send_answer(
        self, nominee: Nominee, first: str, key: str, effective: int, allowed: bool, hops: int
    ) -> str | None:
        """What a quota says to an ask of `first`, for `key`, where it has moved; returns why it is not sent on."""
        return self.pass_answer(nominee, self._last_before(first, key), key, effective, allowed, hops)

    def pass_answer(
        self, nominee: Nominee, ended: str, key: str, effective: int, allowed: bool, hops: int
    ) -> str | None:
        """`send_answer` where `ended` is known: the id whose forwarding address is `key`."""
        if hops >= MOST_HOPS:
            return f"merges lead through more than {MOST_HOPS} partitions; a ring of customer.merged?"
        judged = Verdicts(-1, (nominee,), ()) if allowed else Verdicts(-1, (), (nominee,))
        self.post(Parcel(FORWARDED, 0, 0, key, effective, "", effective, customer=ended, hops=hops + 1, judged=judged))
        return None

    def _last_before(self, first: str, key: str) -> str:
        """The id on the way from `first` whose forwarding address is `key`."""
        ended = first
        while (stub := self._residents.find(ended)) is not None and stub.into is not None and stub.into != key:
            ended = stub.into
        return ended

    def hand_on(self, entry: Waiting, ended: str | None, key: str, effective: int, late: bool, hops: int) -> None:
        """An event goes to `key`; `ended` is the id that has moved there, if it is not its own."""
        time, _, _, _, _, _, kind, _, _, _, _, data, record, _, future = entry
        assert isinstance(record, Record)
        body = _text(record)
        if hops >= MOST_HOPS:
            message = f"merges lead through more than {MOST_HOPS} partitions; a ring of customer.merged?"
            self._happened.reject(record, reasons.MERGE_CYCLE, message)
            return
        if len(body) > _MOST_FORWARDED_BYTES:
            message = f"it lies in the wrong partition, and {len(body)} bytes are too many to send it on"
            self._happened.reject(record, reasons.TOO_LARGE, message)
            return
        into = str((data or {}).get("into")) if kind == "customer.merged" else None
        self.post(
            Parcel(
                FORWARDED, 0, 0, key, effective, body, time,
                customer=ended, late=late, future=future, hops=hops + 1, into=into,
            )
        )  # fmt: skip

    def depart(self, entry: Waiting, ending: str, gone: Customer, into: str, effective: int, late: bool) -> None:
        """`customer.merged` into an id of another partition: the whole state goes there; an address stays."""
        record = entry[12]
        assert isinstance(record, Record)
        time, future, timer = entry[0], entry[14], gone.due
        gone.due = None
        self.post(
            Parcel(
                ABSORBED, 0, 0, into, effective, _text(record), time,
                customer=ending, late=late, future=future,
                state=customers.encode(gone), dimensions=self._dimensions,
            )
        )  # fmt: skip
        stub = Customer(shape=self._residents.shape, touched=effective, into=into, seen=entry[7], seen_since=effective)
        self._residents.put(ending, stub, had_timer=timer)

    def repeats(self, entry: Waiting, ended: str, key: str, effective: int, late: bool) -> bool:
        """Take a `customer.merged` that says once more what was done: its subject has left, for where it leads to."""
        time, _, source, _, _, _, kind, identity, _, _, _, data, _, _, future = entry
        if kind != "customer.merged" or merging.resolve(str((data or {})["into"]), self._residents.find) != key:
            return False
        stub = self._residents.find(ended)
        assert stub is not None
        seen.turn(stub, effective, 0)
        if seen.is_duplicate(stub, identity):
            self._tally.door[DUPLICATE] += 1
        else:
            stub.seen += identity
            seen.trim(stub, _MOST_REPEATS)
            self._tally.accept(kind, source, time, late, future)
        self._residents.dirty.add(ended)
        return True

    def post(self, parcel: Parcel) -> None:
        """A parcel goes to where its target lives, numbered."""
        receiver = partition_of(parcel.target.encode(), self._partitions)
        number = self.sent.get(receiver, 0)
        self.sent[receiver] = number + 1
        numbered = msgspec.structs.replace(parcel, sender=self._partition, number=number)
        self._happened.send(receiver, numbered)


def _text(record: Record) -> str:
    body = record.body
    return (encode(body) if isinstance(body, Event) else body).decode()
