"""CloudEvents 1.0 at the door: HTTP structured, batched and binary, and the Kafka binding, to canonical records.

A record that is canonical already passes as its own bytes, so unknown extension attributes stay in it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from connectors.item import Item
from streams import codec, reasons
from streams.codec import Rejection

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
MAX_EVENT_BYTES = 65_536
"""Largest single event over HTTP; CloudEvents asks every receiver to take this much."""

_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "subject")
_decode_any = msgspec.json.Decoder().decode
_decode_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LINE_FEED, _CARRIAGE_RETURN, _UNDERSCORE = b"\n\r_"
"""As numbers: to look for bytes in bytes costs ten times as much."""
_QUOTED = re.compile(r"\\(.)")


def is_cloudevents(content_type: str, headers: Mapping[str, str]) -> bool:
    """Whether a request speaks CloudEvents in any of its three modes."""
    if _media(content_type).startswith("application/cloudevents"):
        return True
    return any(name.lower() == "ce-specversion" for name in headers)


def read_http(
    content_type: str, headers: Mapping[str, str], body: bytes, *, limit: int = MAX_EVENT_BYTES
) -> list[Item] | Rejection:
    """The events of one request; a Rejection where the body as a whole cannot be read.

    The mode follows the content type: structured, batched, else binary (`ce-*` headers, data in the body).
    """
    media = _media(content_type)
    if media == BATCHED:
        try:
            raws = _decode_batch(body)
        except _BROKEN:
            return Rejection(reasons.NOT_JSON, "body: expected a JSON array of CloudEvents")
        return [read_structured(bytes(raw), index=index, limit=limit) for index, raw in enumerate(raws)]
    if media.startswith("application/cloudevents"):
        return [read_structured(body, limit=limit)]
    attributes: dict[str, Any] = {}
    for name, value in headers.items():
        lowered = name.lower()
        if lowered.startswith("ce-"):
            attributes[lowered[3:]] = _header(value)
    return [_take(_binary(attributes, media, body), body, 0, limit)]


def read_structured(body: bytes, *, index: int = 0, limit: int = MAX_EVENT_BYTES) -> Item:
    """One event in the JSON format."""
    return _take(_one_line(body), body, index, limit)


def from_kafka(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> bytes:
    """The log record of a Kafka message: its value where that is canonical already, else made from its headers.

    Structured mode is told by the content type, binary mode by `ce_` headers; a message with neither is taken as
    structured. The message key places the record and says nothing about the customer: `subject` does. What cannot be
    read comes back wrapped (`codec.refuse`) and becomes a dead letter.
    """
    if not headers:
        return _one_line(value) if value is not None else _no_value()
    attributes: dict[str, Any] = {}
    media = ""
    try:
        for name, content in headers:
            lowered = name.lower()
            if lowered == "content-type":
                media = _media(content.decode())
            elif lowered.startswith("ce_"):
                attributes[lowered[3:]] = content.decode()
    except UnicodeDecodeError:
        return codec.refuse(value or b"", Rejection(reasons.BAD_ENCODING, "headers: expected UTF-8"))
    if media.startswith("application/cloudevents") or not attributes:
        return _one_line(value) if value is not None else _no_value()
    made = _binary(attributes, media, value or b"")
    return codec.refuse(value or b"", made) if isinstance(made, Rejection) else made


def _take(made: bytes | Rejection, original: bytes, index: int, limit: int) -> Item:
    """The item of a record: checked as the log's reader will check it."""
    if len(original) > limit:
        made = Rejection(reasons.TOO_LARGE, f"event of {len(original)} bytes: expected at most {limit}")
    if isinstance(made, Rejection):
        return Item(index, _id_of(original), (codec.refuse(original, made),), made)
    event = codec.decode(made)
    if isinstance(event, Rejection):
        if event.body is not None:
            # A sender that pretends to be a door: what it says of reasons and bytes is not believed.
            event = Rejection(reasons.RESERVED_TYPE, "type: names beginning with touchline. are reserved")
        return Item(index, _id_of(made), (codec.refuse(original, event),), event)
    return Item(index, event.id, (made,), subject=event.subject)


def _binary(attributes: Mapping[str, Any], media: str, body: bytes) -> bytes | Rejection:
    """The record of binary mode: attributes from headers, data from the body."""
    record: dict[str, Any] = {name: attributes[name] for name in _ATTRIBUTES if name in attributes}
    if body:
        if media and media != "application/json" and not media.endswith("+json"):
            return Rejection(reasons.BAD_DATA, "data: expected application/json, got another content type")
        try:
            record["data"] = _decode_any(body)
        except _BROKEN:
            return Rejection(reasons.BAD_DATA, "data: expected a JSON object in the body")
        if not isinstance(record["data"], dict):
            return Rejection(reasons.BAD_DATA, "data: expected a JSON object in the body")
    for name, value in attributes.items():
        if name not in record and name != "datacontenttype":
            record[name] = value
    return _encode(record)


def _one_line(body: bytes) -> bytes:
    """A structured record on one line, with JSON carried as base64 unpacked; anything else is left as it came."""
    if _UNDERSCORE in body and b'"data_base64"' in body:
        body = _unpacked(body)
    if _LINE_FEED in body or _CARRIAGE_RETURN in body:
        try:
            return msgspec.json.format(body, indent=-1)
        except _BROKEN:
            return body
    return body


def _unpacked(body: bytes) -> bytes:
    """`data_base64` that holds a JSON object becomes `data`; otherwise the reader of the log refuses the record."""
    try:
        record = _decode_any(body)
        if not isinstance(record, dict) or record.get("data") is not None:
            return body
        data = _decode_any(b64decode(record["data_base64"], validate=True))
    except (*_BROKEN, KeyError, TypeError, ValueError):
        return body
    if not isinstance(data, dict):
        return body
    kept = {name: value for name, value in record.items() if name not in ("data", "data_base64", "datacontenttype")}
    return _encode({**kept, "data": data})


def _no_value() -> bytes:
    return codec.refuse(b"", Rejection(reasons.NOT_JSON, "record: expected one JSON object, got no value"))


def _id_of(body: bytes) -> str | None:
    try:
        value = _decode_any(body)
    except _BROKEN:
        return None
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _header(value: str) -> str:
    """An HTTP header value as the binding encodes it: quotes removed, percent-encoded UTF-8 decoded."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _QUOTED.sub(r"\1", value[1:-1])
    return unquote(value, errors="strict") if "%" in value and _decodable(value) else value


def _decodable(value: str) -> bool:
    try:
        unquote(value, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def _media(content_type: str) -> str:
    return content_type.split(";", 1)[0].strip().lower()
