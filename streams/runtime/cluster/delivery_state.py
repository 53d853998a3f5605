"""What one partition of the decisions has to deliver, as it is kept in Redis; no input or output here.

Keys after `{decisions:N}:d:`: a delivery by its number, `m:DECISION` its record, `t:RECEIVER` what it was told and is
open, `k:RECEIVER` how it is. The timers are the deliveries with the time at which something is to be done about them:
the next attempt, or to be forgotten. The rest is in the head.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from streams.delivery.attempts import (
    DELIVERED,
    DISABLED,
    FAILED,
    GIVEN_UP,
    GIVEN_UP_REASON,
    KEPT_DELIVERED,
    KEPT_FAILED,
    PENDING,
    Attempted,
    Trouble,
)
from streams.delivery.digest import in_digest
from streams.delivery.grouping import Book, Key, Told
from streams.delivery.message import Message
from streams.delivery.numbers import Numbers
from streams.delivery.receivers import Receiver
from streams.delivery.waiting import Delivery

PARTITIONS = 1024
"""More than a topic of decisions has: a delivery's id is unique over all of them, `number * PARTITIONS + partition`."""
KEPT_AT_MOST = 10_000
"""Delivered ones that a partition keeps for those who look; the oldest fall first."""
_RECENT = 2_000
_FORMAT = 1


class Known(msgspec.Struct, array_like=True):
    """What is kept of a receiver."""

    mark: str
    """Of its address."""
    disabled: str | None = None
    trouble: Trouble | None = None


class _Index(msgspec.Struct, array_like=True):
    """The part of the head."""

    format: int = _FORMAT
    next: int = 0
    """Number of the next delivery."""
    numbers: dict[str, Numbers] = {}
    """By sender."""
    receivers: list[str] = []
    """Those of which something is stored."""


_encode = msgspec.msgpack.Encoder().encode
_decode_index = msgspec.msgpack.Decoder(_Index).decode
decode_delivery = msgspec.msgpack.Decoder(Delivery).decode
_decode_told = msgspec.msgpack.Decoder(dict[str, tuple[int, str]]).decode
_decode_known = msgspec.msgpack.Decoder(Known).decode


class Changes(msgspec.Struct, frozen=True):
    """What goes into one commit."""

    stage: bytes
    states: Mapping[str, bytes | None]
    timers: Mapping[str, int | None]
    new: Sequence[Delivery]
    """May leave once this is durable."""


def keys_of(stage: bytes, timers: Iterable[str]) -> list[str]:
    """Which states make up a partition; `timers` are the keys of its timers."""
    index = _decode_index(stage) if stage else _Index()
    return [*timers, *(f"{letter}:{name}" for name in index.receivers for letter in "tk")]


class DeliveryState:
    """One partition's deliveries.

    Parameters
    ----------
    partition
        Its number, below PARTITIONS.
    stage, states
        As stored; of the states those that `keys_of` names.
    """

    def __init__(self, partition: int, stage: bytes = b"", states: Mapping[str, bytes | None] | None = None) -> None:
        self.partition = partition
        self._index = _decode_index(stage) if stage else _Index()
        self.rows: dict[int, Delivery] = {}
        """All that are kept, by id."""
        self.known: dict[str, Known] = {}
        """By receiver."""
        self._told: dict[str, dict[str, Told]] = {}
        self._copies: dict[str, int] = {}
        """How many deliveries there are of each decision."""
        self.recent: dict[str, bytes] = {}
        """Records of the newest decisions: most leave at once."""
        self._changed: set[int] = set()
        self._gone: set[int] = set()
        self._records: dict[str, bytes | None] = {}
        self._noted: set[str] = set()
        """Keys of receivers' states that have changed."""
        self._new: list[Delivery] = []
        self.moved = False
        """There is something to commit, if only the position."""
        for key, body in (states or {}).items():
            if body is not None:
                self._load(key, body)
        told = {(name, about): one for name, by in self._told.items() for about, one in by.items()}
        self._book = Book(told)

    def _load(self, key: str, body: bytes) -> None:
        kind, _, name = key.partition(":")
        if kind == "t":
            self._told[name] = {about: Told(*one) for about, one in _decode_told(body).items()}
        elif kind == "k":
            self.known[name] = _decode_known(body)
        else:
            row = decode_delivery(body)
            self.rows[row.id] = row
            self._copies[row.decision] = self._copies.get(row.decision, 0) + 1

    @property
    def pressing(self) -> bool:
        """There is more to commit than the position."""
        return bool(self._changed or self._gone or self._noted)

    @property
    def uncommitted(self) -> int:
        """New deliveries that are not durable yet."""
        return len(self._new)

    def waiting(self) -> list[Delivery]:
        """All that wait and are durable."""
        return [row for row in self.rows.values() if row.state == PENDING]

    # -- what comes --------------------------------------------------------------------------------------------------

    def first_time(self, sender: str, number: int) -> bool:
        """Whether the n-th record of a sender comes for the first time; from now on it has come."""
        self.moved = True
        return self._index.numbers.setdefault(sender, Numbers()).take(number)

    def meet(self, marks: Mapping[str, str]) -> None:
        """The receivers of the file by the marks of their addresses.

        One whose address has changed is no longer disabled. What those were told that are not among them is forgotten.
        """
        for name, mark in marks.items():
            known = self.known.get(name)
            if known is None or known.mark != mark:
                self.known[name] = Known(mark)
                self._noted.add(f"k:{name}")
        for name in self._told.keys() - marks.keys():
            del self._told[name]
            self._noted.add(f"t:{name}")
        self._book.keep(marks)

    def address(self, receivers: Mapping[str, Receiver], message: Message, now: int) -> None:
        """Write down who receives a decision."""
        if message.id in self._copies:
            return
        found, told = self._book.address(receivers, message)
        for key, what in told.items():
            self._tell(key, what)
        for leaving in found:
            one = in_digest(leaving, receivers[leaving.receiver], message, now)
            off = self.known[one.receiver].disabled
            self._index.next += 1
            row = Delivery(
                id=self._index.next * PARTITIONS + self.partition,
                receiver=one.receiver,
                decision=message.id,
                type=message.type,
                about=one.about,
                bundle=one.bundle,
                state=PENDING if off is None else DISABLED,
                created=now,
                next_at=now + one.wait,
                ended=None if off is None else now,
                last_error=off,
            )
            self.rows[row.id] = row
            self._changed.add(row.id)
            self._new.append(row)
        if found:
            self._copies[message.id] = len(found)
            self._records[message.id] = self.recent[message.id] = message.body
            while len(self.recent) > _RECENT:
                del self.recent[next(iter(self.recent))]

    def _tell(self, key: Key, told: Told | None) -> None:
        name, about = key
        if told is None:
            self._told.get(name, {}).pop(about, None)
        else:
            self._told.setdefault(name, {})[about] = told
        self._noted.add(f"t:{name}")

    # -- what becomes of it ------------------------------------------------------------------------------------------

    def record(self, attempt: Attempted) -> Delivery | None:
        """What an attempt came to; None where the delivery does not wait for it any more."""
        row = self.rows.get(attempt.id)
        if row is None or row.state != PENDING or row.attempts > attempt.attempts:
            return None
        row.state, row.attempts, row.first_at = attempt.state, attempt.attempts, attempt.first_at
        row.next_at, row.ended, row.last_error = attempt.next_at, attempt.ended, attempt.last_error
        self._changed.add(row.id)
        return row

    def disable(self, receiver: str, reason: str, now: int) -> list[Delivery]:
        """The receiver wants nothing more; what waited for it."""
        known = self.known.get(receiver)
        if known is None or known.disabled is not None:
            return []
        known.disabled = reason
        self._noted.add(f"k:{receiver}")
        ended = [row for row in self.rows.values() if row.receiver == receiver and row.state == PENDING]
        for row in ended:
            row.state, row.ended = DISABLED, now
            self._changed.add(row.id)
        return ended

    def note(self, receiver: str, trouble: Trouble | None) -> None:
        """How a receiver is doing."""
        known = self.known.get(receiver)
        if known is not None and known.trouble != trouble:
            known.trouble = trouble
            self._noted.add(f"k:{receiver}")

    def replay(self, chosen: Collection[Delivery], now: int) -> None:
        """Let these begin anew, as if they had never been tried."""
        for row in chosen:
            row.state, row.attempts, row.first_at, row.next_at, row.ended = PENDING, 0, None, now, None
            self._changed.add(row.id)

    def enable(self, receiver: str) -> None:
        """Whatever was wrong, somebody wants it tried now."""
        known = self.known.get(receiver)
        if known is not None and known.disabled is not None:
            known.disabled = None
            self._noted.add(f"k:{receiver}")

    def open_decisions(self, receiver: str) -> list[str]:
        """Ids of the decisions of what a receiver knows to be open and has heard of, as it was last told."""
        by = self._told.get(receiver, {})
        wanted = {told.decision: about for about, told in by.items()}
        heard = [
            row.decision
            for row in self.rows.values()
            if row.receiver == receiver and row.state == DELIVERED and row.decision in wanted
        ]
        return sorted(heard, key=lambda decision: wanted[decision])

    def tidy(self, now: int) -> list[Delivery]:
        """Let go of what is over and old enough; returns what is given up now because it has waited too long."""
        given_up = [row for row in self.rows.values() if row.state == PENDING and row.next_at < now - GIVEN_UP]
        for row in given_up:
            row.state, row.ended, row.last_error = FAILED, now, row.last_error or GIVEN_UP_REASON
            self._changed.add(row.id)
        open_now = {(name, told.decision) for name, by in self._told.items() for told in by.values()}
        over = [
            row
            for row in self.rows.values()
            if row.ended is not None and (row.receiver, row.decision) not in open_now and row.id not in self._changed
        ]
        delivered = sorted((row for row in over if row.state == DELIVERED), key=lambda row: (row.ended or 0, row.id))
        surplus = {row.id for row in delivered[: max(0, len(delivered) - KEPT_AT_MOST)]}
        for row in over:
            if row.id in surplus or _forgotten_at(row) <= now:
                self._forget(row)
        return given_up

    def _forget(self, row: Delivery) -> None:
        del self.rows[row.id]
        self._gone.add(row.id)
        left = self._copies[row.decision] - 1
        self._copies[row.decision] = left
        if not left:
            del self._copies[row.decision]
            self._records[row.decision] = None
            self.recent.pop(row.decision, None)

    # -- the commit --------------------------------------------------------------------------------------------------

    def changes(self) -> Changes:
        """All since the last call; where they cannot be committed, this object is of no more use."""
        states: dict[str, bytes | None] = {f"m:{decision}": body for decision, body in self._records.items()}
        timers: dict[str, int | None] = {}
        for number in self._changed - self._gone:
            row = self.rows[number]
            states[str(number)] = _encode(row)
            timers[str(number)] = row.next_at if row.state == PENDING else _forgotten_at(row)
        for number in self._gone:
            states[str(number)] = timers[str(number)] = None
        for key in self._noted:
            states[key] = self._receiver_state(key)
        self._index.receivers = sorted(self._told.keys() | self.known.keys())
        new = self._new
        self._changed, self._gone, self._records, self._noted, self._new = set(), set(), {}, set(), []
        self.moved = False
        return Changes(_encode(self._index), states, timers, new)

    def _receiver_state(self, key: str) -> bytes | None:
        kind, _, name = key.partition(":")
        if kind == "k":
            return _encode(self.known[name])
        by = self._told.get(name)
        return _encode({about: (told.level, told.decision) for about, told in by.items()}) if by else None


def _forgotten_at(row: Delivery) -> int:
    assert row.ended is not None
    return row.ended + (KEPT_DELIVERED if row.state == DELIVERED else KEPT_FAILED)
