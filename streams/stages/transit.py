"""Customers and events that change partitions: merges across them, and records that lie in the wrong one.

Part of JourneyStage and as pure: what it sends and does depends on the partition's log alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from streams import customer as customers
from streams import merging, reasons, seen
from streams.codec import Rejection, encode
from streams.customer import Customer
from streams.effects import Nominee, Parcel, Verdicts
from streams.model import Event, Record
from streams.partitioner import partition_of, partitions_of
from streams.stages.parcels import ABSORBED, FORWARDED, MOST_HOPS, REFUSED, Crossed
from streams.stages.waiting import Arrived, Waiting
from streams.tally import DUPLICATE, reshape

if TYPE_CHECKING:
    from streams.stages.journey import JourneyStage

_MOST_ROUTES = 10_000
_MOST_REPEATS = 16
"""Ids of such records remembered with a forwarding address."""
_MOST_FORWARDED_BYTES = 900_000
"""A record larger than that cannot be wrapped into another one."""


class Transit:
    """Parcels of one partition of `partitions`."""

    def __init__(self, stage: JourneyStage, partitions: int, crossed: Crossed | None = None) -> None:
        self._stage = stage
        self._partitions = partitions
        self._expected: frozenset[str] = frozenset()
        crossed = crossed or Crossed()
        self._sent, self._heard = crossed.sent, crossed.heard
        self.waiting = set(crossed.waiting)
        """Offsets of parcels in the reorder buffer."""
        self._routes = crossed.routes
        self.misplaced = crossed.misplaced

    def snapshot(self) -> Crossed:
        """To be committed."""
        return Crossed(self._sent, self._heard, sorted(self.waiting), self._routes, self.misplaced)

    def elsewhere(self, key: str) -> bool:
        """Whether a key lives in another partition."""
        if self._partitions == 1 or key in self._expected:
            return False
        return partition_of(key.encode(), self._partitions) != self._stage.partition

    def expect(self, keys: Sequence[str]) -> None:
        """These may be asked about next, and nothing is known of them: many at once cost far less."""
        if self._partitions > 1 and keys:
            places = partitions_of([key.encode() for key in keys], self._partitions)
            here = self._stage.partition
            self._expected = frozenset([key for key, place in zip(keys, places, strict=True) if place == here])

    # -- leaving -------------------------------------------------------------------------------------------------

    def forward(self, entry: Waiting, first: str, key: str, effective: int, late: bool, hops: int) -> None:
        """An event of `first` for `key`, where its merges lead and which lives elsewhere."""
        ended = None
        if first != key:
            ended = self._last_before(first, key)
        elif hops == 0:
            self.misplaced += 1
        self._hand_on(entry, ended, key, effective, late, hops)

    def send_answer(
        self, nominee: Nominee, first: str, key: str, effective: int, allowed: bool, hops: int
    ) -> str | None:
        """What a quota says to an ask of `first`, for `key`, where it has moved; returns why it is not sent on."""
        return self._send_answer(nominee, self._last_before(first, key), key, effective, allowed, hops)

    def _send_answer(
        self, nominee: Nominee, ended: str, key: str, effective: int, allowed: bool, hops: int
    ) -> str | None:
        if hops >= MOST_HOPS:
            return f"merges lead through more than {MOST_HOPS} partitions; a ring of customer.merged?"
        judged = Verdicts(-1, (nominee,), ()) if allowed else Verdicts(-1, (), (nominee,))
        self._post(Parcel(FORWARDED, 0, 0, key, effective, "", effective, customer=ended, hops=hops + 1, judged=judged))
        return None

    def _last_before(self, first: str, key: str) -> str:
        """The id on the way from `first` whose forwarding address is `key`."""
        ended = first
        while (stub := self._stage.find(ended)) is not None and stub.into is not None and stub.into != key:
            ended = stub.into
        return ended

    def _hand_on(self, entry: Waiting, ended: str | None, key: str, effective: int, late: bool, hops: int) -> None:
        time, _, _, _, _, _, kind, _, _, _, _, data, record, _, future = entry
        assert isinstance(record, Record)
        body = _text(record)
        if hops >= MOST_HOPS:
            message = f"merges lead through more than {MOST_HOPS} partitions; a ring of customer.merged?"
            self._stage._happened.reject(record, reasons.MERGE_CYCLE, message)
            return
        if len(body) > _MOST_FORWARDED_BYTES:
            message = f"it lies in the wrong partition, and {len(body)} bytes are too many to send it on"
            self._stage._happened.reject(record, reasons.TOO_LARGE, message)
            return
        into = str((data or {}).get("into")) if kind == "customer.merged" else None
        self._post(
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
        self._post(
            Parcel(
                ABSORBED, 0, 0, into, effective, _text(record), time,
                customer=ending, late=late, future=future,
                state=customers.encode(gone), dimensions=self._stage._rules.dimensions,
            )
        )  # fmt: skip
        residents = self._stage._residents
        stub = Customer(shape=residents.shape, touched=effective, into=into, seen=entry[7], seen_since=effective)
        residents.put(ending, stub, had_timer=timer)

    def repeats(self, entry: Waiting, ended: str, key: str, effective: int, late: bool) -> bool:
        """Take a `customer.merged` that says once more what was done: its subject has left, for where it leads to."""
        time, _, source, _, _, _, kind, identity, _, _, _, data, _, _, future = entry
        if kind != "customer.merged" or merging.resolve(str((data or {})["into"]), self._stage.find) != key:
            return False
        stub = self._stage.find(ended)
        assert stub is not None
        seen.turn(stub, effective, 0)
        if seen.is_duplicate(stub, identity):
            self._stage._tally.door[DUPLICATE] += 1
        else:
            stub.seen += identity
            seen.trim(stub, _MOST_REPEATS)
            self._stage._accept(kind, source, time, late, future)
        self._stage._residents.dirty.add(ended)
        return True

    def _post(self, parcel: Parcel) -> None:
        receiver = partition_of(parcel.target.encode(), self._partitions)
        number = self._sent.get(receiver, 0)
        self._sent[receiver] = number + 1
        numbered = msgspec.structs.replace(parcel, sender=self._stage.partition, number=number)
        self._stage._happened.send(receiver, numbered)

    # -- arriving ------------------------------------------------------------------------------------------------

    def in_turn(self, parcel: Parcel) -> bool:
        """Whether it is the one expected; copies were taken before, and what came too early comes again."""
        if parcel.number != self._heard.get(parcel.sender, 0):
            return False
        self._heard[parcel.sender] = parcel.number + 1
        return True

    def open(self, arrived: Arrived, effective: int) -> None:
        """A parcel's time has come."""
        parcel = arrived.parcel
        self.waiting.discard(arrived.record.offset)
        if parcel.judged is not None:
            self._take_answer(arrived, parcel.judged, effective)
        elif parcel.kind == FORWARDED:
            self._take_event(arrived, effective)
        elif parcel.kind == ABSORBED:
            self._absorb(arrived, effective)
        else:
            self._take_back(parcel, arrived.record, effective, parcel.reason, parcel.message)

    def _take_answer(self, arrived: Arrived, judged: Verdicts, effective: int) -> None:
        parcel = arrived.parcel
        ended = parcel.customer or ""
        key = self._routes.get(ended, parcel.target)
        for nominees, allowed in ((judged.allowed, True), (judged.refused, False)):
            for nominee in nominees:
                if key != parcel.target and self.elsewhere(key):
                    refused = self._send_answer(nominee, ended, key, effective, allowed, parcel.hops)
                else:
                    refused = self._stage._answer(nominee, key, effective, allowed=allowed, hops=parcel.hops)
                if refused is not None:
                    self._stage._happened.reject(arrived.record, reasons.MERGE_CYCLE, refused)

    def _take_event(self, arrived: Arrived, effective: int) -> None:
        parcel = arrived.parcel
        made = self._entry(arrived)
        if isinstance(made, Rejection):  # its sender reads by other rules than we do
            self._stage._happened.reject(_original(arrived), made.reason, made.message)
            return
        ended = parcel.customer
        key = parcel.target if ended is None else self._routes.get(ended, parcel.target)
        if key != parcel.target and self.elsewhere(key):
            self._hand_on(made, ended, key, effective, parcel.late, parcel.hops)
        else:
            self._stage._apply(made, effective, key, parcel.late, parcel.hops)

    def _absorb(self, arrived: Arrived, effective: int) -> None:
        parcel, find = arrived.parcel, self._stage.find
        ended = parcel.customer
        assert ended is not None
        key = parcel.target
        while key != ended and (customer := find(key)) is not None and customer.into is not None:
            key = customer.into
        survivor = find(key)
        message = f"customer.merged: data.into leads back to the subject, or over more than {MOST_HOPS} partitions"
        if key == ended:
            self._turn_away(arrived, effective, reasons.MERGE_CYCLE, message)
        elif survivor is None and self.elsewhere(key):
            if parcel.hops >= MOST_HOPS:
                self._turn_away(arrived, effective, reasons.MERGE_CYCLE, message)
            else:
                self._route(ended, key)
                self._post(
                    msgspec.structs.replace(parcel, target=key, hops=parcel.hops + 1, time=max(parcel.time, effective))
                )
        else:
            made = self._entry(arrived)
            gone = self._unpack(parcel)
            both = survivor is not None and survivor.identified and gone.identified
            if isinstance(made, Rejection):
                self._turn_away(arrived, effective, made.reason, made.message)
            elif both and (made[11] or {}).get("force") is not True:
                self._turn_away(arrived, effective, *merging.BOTH_IDENTIFIED)
            else:
                self._routes.pop(ended, None)
                gone.seen += made[7]
                self._stage._lives.unite(gone, key, effective)
                self._stage._count_in(made, key, effective, parcel.late)

    def _route(self, ended: str, key: str) -> None:
        self._routes.pop(ended, None)
        self._routes[ended] = key
        if len(self._routes) > _MOST_ROUTES:
            del self._routes[next(iter(self._routes))]

    def _turn_away(self, arrived: Arrived, effective: int, reason: str, message: str) -> None:
        """A merge that is refused: the state goes back to where it came from, unchanged."""
        parcel = arrived.parcel
        ended = parcel.customer
        assert ended is not None
        self._route(ended, ended)
        if not self.elsewhere(ended):
            self._take_back(parcel, arrived.record, effective, reason, message)
            return
        self._post(
            msgspec.structs.replace(
                parcel, kind=REFUSED, target=ended, time=max(parcel.time, effective), reason=reason, message=message
            )
        )

    def _take_back(self, parcel: Parcel, record: Record, effective: int, reason: str, message: str) -> None:
        """The id lives on as if nothing had been; the record of its merge becomes a dead letter."""
        ended = parcel.customer
        assert ended is not None
        back = self._unpack(parcel)
        known = self._stage.find(ended)
        if known is None or known.into is not None:
            self._stage._residents.put(ended, back, had_timer=None if known is None else known.due)
        else:
            self._stage._lives.unite(back, ended, effective)
        self._stage._happened.reject(
            Record(offset=record.offset, log_time=record.log_time, body=parcel.body.encode()), reason, message
        )

    def _unpack(self, parcel: Parcel) -> Customer:
        """The state in a parcel, under the file in force here."""
        customer = customers.decode(parcel.state)
        here = self._stage._rules.dimensions
        if parcel.dimensions != here:
            mapping = tuple(parcel.dimensions.index(name) if name in parcel.dimensions else -1 for name in here)
            for instance in customer.instances.values():
                instance.cell = reshape(instance.cell, mapping)
            for session in customer.sessions.values():
                session.cell = reshape(session.cell, mapping)
        customer.shape = self._stage._residents.shape
        return customer

    def _entry(self, arrived: Arrived) -> Waiting | Rejection:
        """The event in a parcel as the stage applies events, at its own time."""
        parcel = arrived.parcel
        original = _original(arrived)
        made = self._stage._reader.take(msgspec.structs.replace(original, log_time=parcel.own_time))
        if not isinstance(made, tuple):
            assert isinstance(made, Rejection)
            return made
        _, order, source, name, offset, subject, kind, digest, hits, cell, value, data, _, _, _ = made
        return (
            parcel.own_time, order, source, name, offset,
            subject, kind, digest, hits, cell, value, data,
            original, False, parcel.future,
        )  # fmt: skip


def _original(arrived: Arrived) -> Record:
    return Record(offset=arrived.record.offset, log_time=arrived.record.log_time, body=arrived.parcel.body.encode())


def _text(record: Record) -> str:
    body = record.body
    return (encode(body) if isinstance(body, Event) else body).decode()
