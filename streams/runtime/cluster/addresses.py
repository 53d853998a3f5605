"""Where effects go: topic, key, bytes and headers of each kind."""

from __future__ import annotations

import msgspec

from streams.codec import encode as encode_event
from streams.decisions import encode as encode_decision
from streams.effects import DeadLetter, Decision, Lesson, Parcel, Partial, Verdicts
from streams.journeys import TICK
from streams.model import Event
from streams.runtime.cluster.redis_store import Outgoing
from streams.runtime.cluster.topics import Names
from streams.stages.journey import STOOD
from streams.stages.lessons import LESSON
from streams.stages.parcels import record_of
from streams.stages.verdicts import JUDGED
from streams.units import HOUR, format_time

SOURCE = "touchline-source"
"""Header: the partition an effect comes from, e.g. `events:7`."""
SEQUENCE = "touchline-sequence"
"""Header: n-th effect of that partition towards the topic; a receiver keeps the highest (exactness rule 9)."""
INTERNAL = ("touchline", b"internal")
"""Header of records the partition's owner writes into the log itself."""


class Standing(msgspec.Struct, frozen=True):
    """What the signals say of the rules that ask by one."""

    number: int
    """n-th of them, from 0; every partition of the events gets each."""
    time: int
    """End of the tick that brought it about, UTC epoch microseconds."""
    rules: frozenset[str]
    """Those whose `when` holds, all of them."""


_encode_partial = msgspec.msgpack.Encoder().encode
decode_partial = msgspec.msgpack.Decoder(Partial).decode


def partial_out(partial: Partial, source: str, topic: str) -> Outgoing:
    """A partial on its way to SignalStage."""
    return Outgoing(topic, source.encode(), _encode_partial(partial), partial.sequence)


def parcel_out(parcel: Parcel, receiver: int, topic: str) -> Outgoing:
    """A customer or an event on the way to another partition of the events."""
    body = record_of(parcel, receiver)
    return Outgoing(topic, parcel.target.encode(), body, parcel.number, (INTERNAL,), receiver)


def decision_out(decision: Decision, source: str, topic: str, sequence: int) -> Outgoing:
    """A decision on its way to delivery, keyed by the customer it is about.

    All that SignalStage decides has one key: alerts of one incident are told together, whatever journey they are of.
    """
    return Outgoing(
        topic,
        decision.subject.encode() if source.startswith("events:") else source.encode(),
        encode_decision(decision),
        sequence,
        ((SOURCE, source.encode()), (SEQUENCE, str(sequence).encode())),
    )


CASE = "touchline.case."
"""Types of decisions about cases begin so."""


class CaseTold(msgspec.Struct, frozen=True, array_like=True):
    """A decision about a case as it is kept to be listed."""

    sequence: int
    """n-th decision of the partition."""
    body: bytes
    """The public record."""


_encode_case = msgspec.msgpack.Encoder().encode
decode_case = msgspec.msgpack.Decoder(CaseTold).decode


def case_told(decision: Decision, sequence: int) -> tuple[str, bytes]:
    """Where and how a decision about a case is kept: under its case and kind, as the latest of these."""
    verb = decision.type.removeprefix(CASE)
    return f"{decision.data['case']}/{verb}", _encode_case(CaseTold(sequence, encode_decision(decision)))


def standing_out(standing: Standing, source: str, topic: str, partition: int) -> Outgoing:
    """Which rules' `when` holds, for one partition of the events. Its log has it under its number."""
    event = Event(
        id=f"stood-{standing.number}",
        source="touchline",
        type=STOOD,
        time=format_time(standing.time),
        data={"rules": sorted(standing.rules), "number": standing.number},
    )
    return _into_the_log(event, standing.number, source, topic, partition)


def verdicts_out(verdicts: Verdicts, source: str, topic: str, partition: int) -> Outgoing:
    """What quotas say to one partition of the events; its time is the end of the second of the asks."""
    due = max(nominee.due for nominee in (*verdicts.allowed, *verdicts.refused))
    event = Event(
        id=f"judged-{partition}-{verdicts.number}",
        source="touchline",
        type=JUDGED,
        time=format_time((due // TICK + 1) * TICK),
        data=msgspec.to_builtins(verdicts),
    )
    return _into_the_log(event, verdicts.number, source, topic, partition, "verdicts")


def lesson_out(lesson: Lesson, source: str, topic: str, partition: int) -> Outgoing:
    """What rules have learnt, for one partition of the events; its time is the end of the hour it was learnt in."""
    event = Event(
        id=f"told-{lesson.number}",
        source="touchline",
        type=LESSON,
        time=format_time(lesson.since - HOUR),
        data=msgspec.to_builtins(lesson),
    )
    return _into_the_log(event, lesson.number, source, topic, partition, "lessons")


def _into_the_log(event: Event, number: int, source: str, topic: str, partition: int, kind: str = "") -> Outgoing:
    """What the signals' owner says to one partition of the events, under a number it is heard by once."""
    headers = (INTERNAL, (SOURCE, source.encode()), (SEQUENCE, str(number).encode()))
    return Outgoing(topic, None, encode_event(event), number, headers, partition, kind)


def dead_letter_out(letter: DeadLetter, source: str, partition: int, names: Names) -> Outgoing:
    """A record that could not be taken, with its original bytes and Kafka Connect's headers."""
    return Outgoing(
        names.dead_letters,
        None,
        letter.body,
        letter.sequence,
        (
            ("__connect.errors.topic", names.events.encode()),
            ("__connect.errors.partition", str(partition).encode()),
            ("__connect.errors.offset", str(letter.offset).encode()),
            ("__connect.errors.exception.class.name", letter.reason.encode()),
            ("__connect.errors.exception.message", letter.message.encode()),
            (SOURCE, source.encode()),
            (SEQUENCE, str(letter.sequence).encode()),
        ),
    )
