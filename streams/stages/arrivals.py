"""What reaches the customers of a partition from elsewhere: parcels of other partitions, and answers of quotas.

Part of JourneyStage and as pure: what it does depends on the partition's log alone.
"""

from __future__ import annotations

import msgspec

from streams import customer as customers
from streams import merging, reasons
from streams.codec import Rejection
from streams.customer import Customer
from streams.effects import Nominee, Parcel, Verdicts
from streams.model import Record
from streams.rules import Rules
from streams.stages.applying import Applying
from streams.stages.happened import Happened
from streams.stages.lives import Lives
from streams.stages.parcels import ABSORBED, FORWARDED, MOST_HOPS, REFUSED, Crossed
from streams.stages.reading import Reader
from streams.stages.residents import Residents
from streams.stages.transit import Transit
from streams.stages.waiting import Arrived, Waiting
from streams.tally import reshape

_MOST_ROUTES = 10_000


class Arrivals:
    """Parcels that come; `transit` takes on what has to leave again."""

    def __init__(
        self,
        residents: Residents,
        reader: Reader,
        lives: Lives,
        transit: Transit,
        applying: Applying,
        happened: Happened,
        crossed: Crossed,
    ) -> None:
        self._residents = residents
        self._reader = reader
        self._lives = lives
        self._transit = transit
        self._applying = applying
        self._happened = happened
        self._heard = crossed.heard
        self.waiting = set(crossed.waiting)
        """Offsets of parcels in the waiting room."""
        self._routes = crossed.routes

    def use(self, rules: Rules) -> None:
        """Another file holds."""
        self._dimensions = rules.dimensions

    def snapshot(self) -> Crossed:
        """To be committed, with what has left."""
        transit = self._transit
        return Crossed(transit.sent, self._heard, sorted(self.waiting), self._routes, transit.misplaced)

    def answer(self, nominee: Nominee, key: str, fired: int, *, allowed: bool, hops: int = 0) -> str | None:
        """A quota's answer to an ask, for whoever `key` has become; returns why it cannot be sent on, if so."""
        first, key = key, merging.resolve(key, self._residents.find)
        if key != first and self._residents.find(key) is None and self._transit.elsewhere(key):
            return self._transit.send_answer(nominee, first, key, fired, allowed, hops)
        self._lives.judge(key, nominee, fired, allowed=allowed)
        return None

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
                if key != parcel.target and self._transit.elsewhere(key):
                    refused = self._transit.pass_answer(nominee, ended, key, effective, allowed, parcel.hops)
                else:
                    refused = self.answer(nominee, key, effective, allowed=allowed, hops=parcel.hops)
                if refused is not None:
                    self._happened.reject(arrived.record, reasons.MERGE_CYCLE, refused)

    def _take_event(self, arrived: Arrived, effective: int) -> None:
        parcel = arrived.parcel
        made = self._entry(arrived)
        if isinstance(made, Rejection):  # its sender reads by other rules than we do
            self._happened.reject(_original(arrived), made.reason, made.message)
            return
        ended = parcel.customer
        key = parcel.target if ended is None else self._routes.get(ended, parcel.target)
        if key != parcel.target and self._transit.elsewhere(key):
            self._transit.hand_on(made, ended, key, effective, parcel.late, parcel.hops)
        else:
            self._applying.apply(made, effective, key, parcel.late, parcel.hops)

    def _absorb(self, arrived: Arrived, effective: int) -> None:
        parcel, find = arrived.parcel, self._residents.find
        ended = parcel.customer
        assert ended is not None
        key = parcel.target
        while key != ended and (customer := find(key)) is not None and customer.into is not None:
            key = customer.into
        survivor = find(key)
        message = f"customer.merged: data.into leads back to the subject, or over more than {MOST_HOPS} partitions"
        if key == ended:
            self._turn_away(arrived, effective, reasons.MERGE_CYCLE, message)
        elif survivor is None and self._transit.elsewhere(key):
            if parcel.hops >= MOST_HOPS:
                self._turn_away(arrived, effective, reasons.MERGE_CYCLE, message)
            else:
                self._route(ended, key)
                self._transit.post(
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
                self._lives.unite(gone, key, effective)
                self._applying.count_in(made, key, effective, parcel.late)

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
        if not self._transit.elsewhere(ended):
            self._take_back(parcel, arrived.record, effective, reason, message)
            return
        self._transit.post(
            msgspec.structs.replace(
                parcel, kind=REFUSED, target=ended, time=max(parcel.time, effective), reason=reason, message=message
            )
        )

    def _take_back(self, parcel: Parcel, record: Record, effective: int, reason: str, message: str) -> None:
        """The id lives on as if nothing had been; the record of its merge becomes a dead letter."""
        ended = parcel.customer
        assert ended is not None
        back = self._unpack(parcel)
        known = self._residents.find(ended)
        if known is None or known.into is not None:
            self._residents.put(ended, back, had_timer=None if known is None else known.due)
        else:
            self._lives.unite(back, ended, effective)
        self._happened.reject(
            Record(offset=record.offset, log_time=record.log_time, body=parcel.body.encode()), reason, message
        )

    def _unpack(self, parcel: Parcel) -> Customer:
        """The state in a parcel, under the file in force here."""
        customer = customers.decode(parcel.state)
        here = self._dimensions
        if parcel.dimensions != here:
            mapping = tuple(parcel.dimensions.index(name) if name in parcel.dimensions else -1 for name in here)
            for instance in customer.instances.values():
                instance.cell = reshape(instance.cell, mapping)
            for session in customer.sessions.values():
                session.cell = reshape(session.cell, mapping)
        customer.shape = self._residents.shape
        return customer

    def _entry(self, arrived: Arrived) -> Waiting | Rejection:
        """The event in a parcel as the stage applies events, at its own time."""
        parcel = arrived.parcel
        original = _original(arrived)
        made = self._reader.take(msgspec.structs.replace(original, log_time=parcel.own_time))
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
