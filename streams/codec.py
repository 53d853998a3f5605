"""The canonical record: bytes to a checked, normalised event and back.

The good case is one pass of a compiled decoder and a few comparisons; only a record that fails is looked at slowly,
to say which field is wrong and what was expected.
"""

from __future__ import annotations

import math
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from streams import reasons
from streams.model import Event, Record
from streams.notices import COMMANDS
from streams.units import DAY, NoZone, parse_time

MAX_BYTES = 1_048_576
"""Largest record taken anywhere; the doors are stricter."""
RESERVED = "touchline."
"""Types with this prefix are Touchline's own and are refused at the public doors."""
EARLIEST, LATEST = parse_time("1900-01-01T00:00:00Z"), parse_time("2200-01-01T00:00:00Z")
"""Times taken, UTC epoch microseconds: what lies outside is a slip, and its deadlines could not be written."""
OUT_OF_RANGE = "expected a year from 1900 to 2199"
REFUSED = "touchline.event.refused"
"""Carries what a door could not take into the log, so that it becomes a dead letter on the one path."""
SCALES: dict[str, tuple[float, float]] = {"nps": (0, 10), "enps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Default scale of each known survey metric."""


class Rejection(msgspec.Struct, frozen=True):
    """A record that cannot be taken. A value, never an exception."""

    reason: str
    """One of `streams.reasons.INVALID`."""
    message: str
    """What, where, what was expected; one line without customer data."""
    body: bytes | None = None
    """The original bytes where they are not the record's own (see `refuse`)."""


class _Encoded(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Event as written: the same order, without the absent."""

    specversion: str
    id: str
    source: str
    type: str
    time: str | None = None
    subject: str | None = None
    data: dict[str, Any] | None = None
    sequence: str | int | float | None = None


class _Version(msgspec.Struct):
    specversion: str


_decode = msgspec.json.Decoder(Event).decode
_decode_version = msgspec.json.Decoder(_Version).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_CLEAN: set[str] = set()
"""Sources and types that are known to be trimmed and in NFC; a cache, bounded."""
_PLAIN: set[str] = set()
"""Those of them that are types without checks of their own."""
_MOST_CLEAN = 10_000
_SECONDS: dict[str, int] = {}
"""`2026-03-07T07:00:00` -> microseconds as if UTC; a cache, bounded. In order, hardly anything else is looked up."""
_TIMES: dict[str, int] = {}
"""Whole times -> UTC epoch microseconds, as these two give them; a cache, bounded."""
_ENDINGS: dict[str, int] = {}
"""`.250+02:00` -> microseconds to add; a cache, bounded."""
_SECOND = 19
"""Characters of a time up to its second."""
_MOST_TIMES = 20_000
_SPACE, _ESCAPE = b" \\"
"""As numbers: to look for bytes in bytes costs ten times as much."""
_LEADING_VERSIONS = (b'{"specversion":"1.0"', b'{"specversion": "1.0"')
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(body: bytes, *, internal: bool = False) -> Event | Rejection:
    """Read a canonical record: decoded, ids trimmed and in NFC, validated.

    `internal` allows Touchline's own types; only the reader of the log sets it.
    """
    taken = decode_timed(body, internal=internal)
    return taken if type(taken) is Rejection else taken[0]  # type: ignore[index]  # a tuple, by the line's own test


def decode_timed(body: bytes, *, internal: bool = False) -> tuple[Event, int | None] | Rejection:
    """`decode`, with the event's time in UTC epoch microseconds beside it; None where the record has no time."""
    return next(decode_all((Record(0, None, body, internal),)))


def decode_all(records: Iterable[Record]) -> Iterator[tuple[Event, int | None] | Rejection]:
    """`decode_timed` of each record's body in turn.

    A body that is an event already is checked only where its source has not: then the record says its time.
    """
    load, plain, clean, times = _decode, _PLAIN, _CLEAN, _TIMES
    for record in records:
        body = record.body
        if isinstance(body, Event):
            checked = settle(body, internal=record.internal) if record.time is None else record.time
            yield checked if isinstance(checked, Rejection) else (body, checked)
            continue
        try:
            event = load(body)
            if not body.startswith(_LEADING_VERSIONS):
                _decode_version(body)
        except _BROKEN:
            yield _explain(body)
            continue
        if event.type in plain and event.source in clean and event.data is not None and event.specversion == "1.0":
            # Nearly every event: nothing to mend, nothing particular to check, its time seen before.
            name, subject, text = event.id, event.subject, event.time
            if (
                name
                and subject
                and text is not None
                and len(body) <= MAX_BYTES
                and (
                    # JSON without spaces and escapes has none in its texts either.
                    (body.isascii() and _SPACE not in body and _ESCAPE not in body)
                    or (name.isascii() and subject.isascii() and name == name.strip() and subject == subject.strip())
                )
            ):
                time = times.get(text)
                if time is not None:
                    yield event, time
                    continue
                try:
                    time = _SECONDS[text[:_SECOND]] + _ENDINGS[text[_SECOND:]]
                except KeyError:
                    pass
                else:
                    if len(times) >= _MOST_TIMES:
                        times.clear()
                    times[text] = time
                    yield event, time
                    continue
        yield _settled(event, body, record.internal)


def _settled(event: Event, body: bytes, internal: bool) -> tuple[Event, int | None] | Rejection:
    """Any event, just decoded."""
    if event.type == REFUSED:
        return _unwrap(event)  # may be longer than what it wraps was allowed to be
    if len(body) > MAX_BYTES:
        return Rejection(reasons.TOO_LARGE, f"record of {len(body)} bytes: expected at most {MAX_BYTES}")
    if event.data is None and b'"data_base64"' in body and "data_base64" in _decode_any(body):
        return Rejection(reasons.BAD_DATA, "data_base64: expected a JSON object in data")
    checked = settle(event, internal=internal)
    if isinstance(checked, Rejection):
        return checked
    if checked is not None and event.time is not None:
        _remember(event.time, checked)
    return event, checked


def _remember(text: str, time: int) -> None:
    """Times of the same second and fraction need no parsing again."""
    ending = text[_SECOND:]
    fraction = len(ending) - (1 if ending[-1] in "Zz" else len("+02:00"))
    # Beyond milliseconds the endings hardly repeat; at the ends of the range the sum must be checked each time.
    if fraction > len(".250") or not EARLIEST + DAY <= time < LATEST - DAY:
        return
    if len(_SECONDS) >= _MOST_TIMES or len(_ENDINGS) >= _MOST_TIMES:
        _SECONDS.clear()
        _ENDINGS.clear()
    offset = parse_time(f"1970-01-01T00:00:00{ending}")
    _SECONDS[text[:_SECOND]] = time - offset
    _ENDINGS[ending] = offset


def validate(event: Event, *, internal: bool = False) -> Rejection | None:
    """Normalise an event built elsewhere, in place, and check it as `decode` would."""
    checked = settle(event, internal=internal)
    return checked if isinstance(checked, Rejection) else None


def settle(event: Event, *, internal: bool = False) -> int | None | Rejection:
    """Normalise in place and check; the event's time in UTC epoch microseconds, None where it has none."""
    if event.specversion != "1.0":
        return Rejection(reasons.BAD_SPECVERSION, 'specversion: expected "1.0"')
    text = event.id
    if not text.isascii() or text != text.strip():
        text = event.id = normal(text)
    if not text:
        return Rejection(reasons.NO_ID, "id: expected text that is unique within the source, got an empty one")
    if event.source not in _CLEAN or event.type not in _CLEAN:
        rejection = _settle_names(event)
        if rejection is not None:
            return rejection
    kind = event.type
    if kind.startswith(RESERVED) and not internal:
        return Rejection(reasons.RESERVED_TYPE, "type: names beginning with touchline. are reserved")
    subject = event.subject
    if subject is not None:
        if not subject.isascii() or subject != subject.strip():
            subject = event.subject = normal(subject)
        if not subject:
            return Rejection(reasons.BAD_SUBJECT, "subject: expected the customer's id; leave it out where none")
    if kind in _CHECKS:
        rejection = _CHECKS[kind](event)
        if rejection is not None:
            return rejection
    return None if event.time is None else read_time(event.time)


def _settle_names(event: Event) -> Rejection | None:
    """Source and type: few and always the same, so clean ones are remembered."""
    if len(_CLEAN) > _MOST_CLEAN:
        _CLEAN.clear()
        _PLAIN.clear()
    source = event.source = normal(event.source)
    if not source:
        return Rejection(reasons.NO_SOURCE, "source: expected the name of who says so, got an empty one")
    kind = event.type = normal(event.type)
    if not kind:
        return Rejection(reasons.NO_TYPE, "type: expected noun.verb such as order.completed, got an empty one")
    _CLEAN.add(source)
    _CLEAN.add(kind)
    if kind not in _CHECKS and not kind.startswith(RESERVED):
        _PLAIN.add(kind)
    return None


def encode(event: Event) -> bytes:
    """The canonical record of an event: keys in order, absent ones left out."""
    return _encode(
        _Encoded(
            specversion=event.specversion,
            id=event.id,
            source=event.source,
            type=event.type,
            time=event.time,
            subject=event.subject,
            data=event.data,
            sequence=event.sequence,
        )
    )


def refuse(body: bytes, rejection: Rejection) -> bytes:
    """What a door writes to the log for a record it could not take.

    Decoded, it is the same rejection again, with the original bytes: so the dead letter is made where all dead letters
    are made, and says what the sender was told.
    """
    data = {"reason": rejection.reason, "message": rejection.message, "body": b64encode(body).decode("ascii")}
    return _encode(_Encoded(specversion="1.0", id="refused", source="touchline", type=REFUSED, data=data))


def read_time(text: str, name: str = "time") -> int | Rejection:
    """RFC 3339 with an offset or `Z` as UTC epoch microseconds; `name` is the field named in the rejection."""
    try:
        time = parse_time(text)
    except NoZone as fault:
        return Rejection(reasons.NO_ZONE, f"{name}: {fault}")
    except ValueError as fault:
        return Rejection(reasons.BAD_TIME, f"{name}: {fault}")
    return time if EARLIEST <= time < LATEST else Rejection(reasons.BAD_TIME, f"{name}: {OUT_OF_RANGE}")


def normal(text: str) -> str:
    """Ids as they are compared: Unicode NFC, trimmed, case kept."""
    return unicodedata.normalize("NFC", text).strip()


def sequence_number(sequence: str | int | float | None) -> int | float:
    """`sequence` as the number it is ordered by; 0 where there is none or it is not a number."""
    if sequence is None:
        return 0
    if isinstance(sequence, str):
        try:
            return int(sequence)
        except ValueError:
            pass
        try:
            value = float(sequence)
        except ValueError:
            return 0
        return value if math.isfinite(value) else 0
    return sequence


def _survey(event: Event) -> Rejection | None:
    data = event.data or {}
    score = data.get("score")
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        return Rejection(reasons.BAD_SCORE, f"data.score: expected a number, got {_kind(score)}")
    scale = data.get("scale")
    if scale is None:
        metric = data.get("metric")
        ends = SCALES.get(metric) if isinstance(metric, str) else None
        if ends is None:
            return None
    else:
        numbers = isinstance(scale, list) and [
            end for end in scale if isinstance(end, (int, float)) and not isinstance(end, bool)
        ]
        if not numbers or len(numbers) != 2 or len(scale) != 2 or numbers[0] >= numbers[1]:
            return Rejection(reasons.BAD_SCALE, "data.scale: expected [lowest, highest], two numbers")
        ends = (numbers[0], numbers[1])
    if not ends[0] <= score <= ends[1]:
        return Rejection(reasons.SCORE_OUT_OF_SCALE, f"data.score: expected {ends[0]:g} to {ends[1]:g}, got {score:g}")
    return None


def _merged(event: Event) -> Rejection | None:
    if event.subject is None:
        return Rejection(reasons.NO_SUBJECT, "subject: expected the id that ends (customer.merged)")
    data = event.data or {}
    into = data.get("into")
    if not isinstance(into, str) or not into.strip():
        return Rejection(reasons.NO_INTO, "data.into: expected the id that survives (customer.merged)")
    if not into.isascii() or into != into.strip():
        into = data["into"] = normal(into)
    if into == event.subject:
        return Rejection(reasons.MERGE_CYCLE, "data.into: expected another id than the subject's own")
    return None


def _identified(event: Event) -> Rejection | None:
    if event.subject is None:
        return Rejection(reasons.NO_SUBJECT, "subject: expected the customer who is identified")
    return None


def _command(event: Event) -> Rejection | None:
    if event.subject is None:
        return Rejection(reasons.NO_SUBJECT, "subject: expected the fingerprint of the alert")
    return None


_CHECKS = {
    "survey.answered": _survey,
    "customer.merged": _merged,
    "customer.identified": _identified,
    **dict.fromkeys(COMMANDS, _command),
}


def _unwrap(event: Event) -> Rejection:
    data = event.data or {}
    try:
        reason, message, body = data["reason"], data["message"], b64decode(data["body"])
    except (KeyError, ValueError, TypeError):
        return Rejection(reasons.RESERVED_TYPE, "type: names beginning with touchline. are reserved")
    if reason not in reasons.INVALID or not isinstance(message, str):
        return Rejection(reasons.RESERVED_TYPE, "type: names beginning with touchline. are reserved")
    return Rejection(reason, message, body)


_TEXTS = (
    ("id", reasons.NO_ID, "text that is unique within the source"),
    ("source", reasons.NO_SOURCE, "the name of who says so, as text"),
    ("type", reasons.NO_TYPE, "text noun.verb such as order.completed"),
)
_POSITION = re.compile(r"\(byte (\d+)\)")


def _explain(body: bytes) -> Rejection:
    """The first thing wrong with bytes the decoder refused."""
    if len(body) > MAX_BYTES:
        return Rejection(reasons.TOO_LARGE, f"record of {len(body)} bytes: expected at most {MAX_BYTES}")
    try:
        value = _decode_any(body)
    except UnicodeDecodeError:
        return Rejection(reasons.NOT_JSON, "record: expected JSON in UTF-8, got other bytes")
    except RecursionError:
        return Rejection(reasons.NOT_JSON, "record: nested too deeply")
    except msgspec.MsgspecError as fault:
        return Rejection(reasons.NOT_JSON, f"record: expected one JSON object, {_plain(str(fault))}")
    if not isinstance(value, dict):
        return Rejection(reasons.NOT_AN_OBJECT, f"record: expected a JSON object, got {_kind(value)}")
    return explain_fields(value)


def explain_fields(value: Mapping[str, Any]) -> Rejection:
    """The first attribute of a decoded object that keeps it from being an event."""
    if value.get("specversion") != "1.0":
        if "specversion" not in value:
            return Rejection(reasons.BAD_SPECVERSION, 'specversion: expected "1.0", it is missing')
        return Rejection(reasons.BAD_SPECVERSION, 'specversion: expected "1.0"')
    for name, reason, expected in _TEXTS:
        if not isinstance(value.get(name), str):
            found = _kind(value[name]) if name in value else "nothing"
            return Rejection(reason, f"{name}: expected {expected}, got {found}")
    if not isinstance(value.get("time"), str | None):
        return Rejection(reasons.BAD_TIME, f"time: expected RFC 3339 text, got {_kind(value['time'])}")
    if not isinstance(value.get("subject"), str | None):
        return Rejection(reasons.BAD_SUBJECT, f"subject: expected text, got {_kind(value['subject'])}")
    if not isinstance(value.get("data"), dict | None):
        return Rejection(reasons.BAD_DATA, f"data: expected a JSON object, got {_kind(value['data'])}")
    return Rejection(reasons.BAD_SEQUENCE, f"sequence: expected text or a number, got {_kind(value.get('sequence'))}")


def _plain(fault: str) -> str:
    at = _POSITION.search(fault)
    said = fault.split(": ", 1)[-1].split(" (byte")[0].lower()
    return f"{said} at byte {at[1]}" if at else said


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"
