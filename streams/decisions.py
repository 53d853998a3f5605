"""The public decision record: its id, its bytes, its order in a file."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.effects import Decision
from streams.hashing import identifier
from streams.units import format_time

SOURCE = "touchline"

_ENCODE = msgspec.json.Encoder().encode


class _Record(msgspec.Struct, frozen=True):
    """A decision as CloudEvents; the field order is the order of the encoded record."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    subject: str
    data: dict[str, Any]


def decision_id(type_: str, fingerprint: str, subject: str, cause: str, time: int) -> str:
    """26 characters `a-z2-7`: base32 over BLAKE2b of what makes the decision this one.

    `fingerprint` is the rule's name, or what tells several decisions of one rule apart; `cause` the causing event
    (`source/id`) or tick; `time` UTC epoch microseconds. The same decision has the same id on every run.
    """
    return identifier(type_, fingerprint, subject, cause, str(time))


def encode(decision: Decision) -> bytes:
    """The record as one line of JSON, without the line's end; keys in the order of the format, time in milliseconds."""
    return _ENCODE(
        _Record("1.0", decision.id, SOURCE, decision.type, format_time(decision.time), decision.subject, decision.data)
    )


def sort_key(decision: Decision) -> tuple[int, str, str, str]:
    """Order of decisions in a file: time as shown, type, subject, id."""
    return decision.time // 1000, decision.type, decision.subject, decision.id
