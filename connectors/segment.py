"""Segment's HTTP calls (track, identify, page, screen, group, alias, batch) to canonical records.

| call | type | subject |
|---|---|---|
| track | the event's words joined by dots, five have their own (`TYPES`) | userId, else anonymousId |
| page, screen | page.viewed | the same |
| identify | customer.identified; before it customer.merged where userId and anonymousId differ | the same |
| group | customer.grouped, `data.group` | the same |
| alias | customer.merged, `data.into` = userId | previousId, else anonymousId |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from connectors.item import Item
from streams import codec, reasons
from streams.codec import Rejection
from streams.model import Event
from streams.units import format_time

MAX_EVENT_BYTES = 32_768
"""Largest single call, as Segment has it."""
MAX_BODY_BYTES = 512_000
"""Largest body of one request, as Segment has it."""
CALLS = ("track", "identify", "page", "screen", "group", "alias")
TYPES = {
    "product.added": "cart.updated",
    "product.removed": "cart.updated",
    "checkout.started": "checkout.started",
    "order.completed": "order.completed",
    "signed.up": "account.created",
}
"""Event names that have a type of their own; any other name is its words joined by dots."""

_FROM_CONTEXT = ("timezone", "locale")
"""Traits a customer is known by that Segment's libraries send in the context."""
_WHOLE = 2**63
_WORDS = re.compile(r"[\W_]+")
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_any = msgspec.json.Decoder().decode


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    sentAt: Any = None
    context: Any = None


_decode_batch = msgspec.json.Decoder(_Batch).decode


def type_of(name: str) -> str:
    """The type of a track event: `Order Completed` is order.completed, `Live Chat Started` live.chat.started."""
    words = ".".join(word for word in _WORDS.split(name.lower()) if word)
    return TYPES.get(words, words)


def read_http(
    call: str, body: bytes, *, source: str, received: int, new_id: Callable[[], str], limit: int = MAX_EVENT_BYTES
) -> list[Item] | Rejection:
    """The events of one request; a Rejection where the body as a whole cannot be read.

    `call` is the path's last part (one of `CALLS`, `batch` or `import`), `source` the write key's name, `received` the
    time of reception in UTC epoch microseconds, `new_id` makes an id for a call without messageId.
    """
    if call not in ("batch", "import"):
        return [_item(body, 0, call, None, {}, source, received, new_id, limit)]
    try:
        batch = _decode_batch(body)
    except _BROKEN:
        return Rejection(reasons.NOT_JSON, "body: expected a JSON object with a list `batch`")
    shared = batch.context if isinstance(batch.context, dict) else {}
    return [
        _item(bytes(raw), index, None, batch.sentAt, shared, source, received, new_id, limit)
        for index, raw in enumerate(batch.batch)
    ]


def _item(
    body: bytes,
    index: int,
    call: str | None,
    sent: object,
    context: Mapping[str, Any],
    source: str,
    received: int,
    new_id: Callable[[], str],
    limit: int,
) -> Item:
    message_id: str | None = None
    rejection: Rejection | None = None
    events: list[Event] = []
    try:
        message = _decode_any(body)
    except _BROKEN:
        rejection = Rejection(reasons.NOT_JSON, "body: expected one JSON object in UTF-8")
    else:
        if not isinstance(message, dict):
            rejection = Rejection(reasons.NOT_AN_OBJECT, "body: expected a JSON object")
        elif len(body) > limit:
            message_id = _text(message.get("messageId"))
            rejection = Rejection(reasons.TOO_LARGE, f"event of {len(body)} bytes: expected at most {limit}")
        else:
            message_id = _text(message.get("messageId")) or new_id()
            made = _events(message, call, message_id, source, sent, context, received)
            if isinstance(made, Rejection):
                rejection = made
            else:
                events = made
    for event in events:
        rejection = rejection or codec.validate(event)
    if rejection is not None:
        return Item(index, message_id, (codec.refuse(body, rejection),), rejection)
    return Item(index, message_id, tuple(codec.encode(event) for event in events), subject=events[-1].subject)


def _events(
    message: dict[str, Any],
    call: str | None,
    message_id: str,
    source: str,
    sent: object,
    context: Mapping[str, Any],
    received: int,
) -> list[Event] | Rejection:
    kind = call or message.get("type")
    if kind not in CALLS:
        return Rejection(reasons.UNKNOWN_TYPE, f"type: expected one of {', '.join(CALLS)}")
    time = _time(message, sent, received)
    if isinstance(time, Rejection):
        return time
    for name in ("userId", "anonymousId", "previousId", "groupId"):
        if message.get(name) is not None and _text(message[name]) is None:
            return Rejection(reasons.BAD_SUBJECT, f"{name}: expected text")
    for name in ("properties", "traits", "context"):
        if not isinstance(message.get(name), dict | None):
            return Rejection(reasons.BAD_DATA, f"{name}: expected a JSON object")
    user, anonymous = _text(message.get("userId")), _text(message.get("anonymousId"))
    subject = user or anonymous
    if kind == "alias":
        return _alias(message, message_id, source, time)
    if subject is None:
        return Rejection(reasons.NO_SUBJECT, "userId: expected userId or anonymousId")
    data: dict[str, Any] = dict(message.get("properties" if kind in ("track", "page", "screen") else "traits") or {})
    kept = _context(message, context)
    before: list[Event] = []
    if kind == "track":
        tracked = message.get("event")
        if not isinstance(tracked, str) or not type_of(tracked):
            return Rejection(reasons.NO_TYPE, "event: expected the name of what was tracked")
        data["event"] = tracked
        typed = type_of(tracked)
    elif kind in ("page", "screen"):
        typed = "page.viewed"
        for name in ("category", "name"):
            if isinstance(message.get(name), str):
                data[name] = message[name]
        if isinstance(message.get("name"), str):
            data["event"] = message["name"]
    elif kind == "identify":
        typed = "customer.identified"
        for name in _FROM_CONTEXT:
            if name not in data and isinstance(kept.get(name), str):
                data[name] = kept[name]
        if user is not None and anonymous is not None and codec.normal(user) != codec.normal(anonymous):
            # The visitor has just said who they are: what the anonymous id did becomes theirs.
            before.append(
                Event(
                    id=f"{message_id}:merged",
                    source=source,
                    type="customer.merged",
                    time=time,
                    subject=anonymous,
                    data={"into": user},
                )
            )
    else:
        typed = "customer.grouped"
        group = _text(message.get("groupId"))
        if group is not None:
            data["group"] = group
    if isinstance(message.get("channel"), str) and "channel" not in data:
        data["channel"] = message["channel"]
    if kept:
        data["context"] = kept
    return [*before, Event(id=message_id, source=source, type=typed, time=time, subject=subject, data=data)]


def _alias(message: dict[str, Any], message_id: str, source: str, time: str) -> list[Event] | Rejection:
    ends = _text(message.get("previousId")) or _text(message.get("anonymousId"))
    into = _text(message.get("userId"))
    if ends is None:
        return Rejection(reasons.NO_SUBJECT, "previousId: expected the id that ends")
    if into is None:
        return Rejection(reasons.NO_INTO, "userId: expected the id that survives")
    return [Event(id=message_id, source=source, type="customer.merged", time=time, subject=ends, data={"into": into})]


def _context(message: dict[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The batch's context under the call's own; addresses are not kept."""
    kept = {**shared, **(message.get("context") or {})}
    kept.pop("ip", None)
    return kept


def _time(message: dict[str, Any], sent: object, received: int) -> str | Rejection:
    """The event's time: the sender's clock set right by what it said on sending, where it said so."""
    sent = message.get("sentAt") or sent
    name = "originalTimestamp" if message.get("originalTimestamp") else "timestamp"
    original = message.get(name)
    if not original:
        return format_time(received)
    made = _moment(message, name)
    if isinstance(made, Rejection):
        return made
    if sent is None or (name == "timestamp" and message.get("receivedAt")):
        # Nothing to correct by, or corrected already by whoever received it first.
        return str(original)
    sending = _moment({"sentAt": sent}, "sentAt")
    taken = _moment(message, "receivedAt") if message.get("receivedAt") else received
    if isinstance(sending, Rejection):
        return sending
    if isinstance(taken, Rejection):
        return taken
    return format_time(taken - (sending - made))


def _moment(message: Mapping[str, Any], name: str) -> int | Rejection:
    text = message[name]
    if not isinstance(text, str):
        return Rejection(reasons.BAD_TIME, f"{name}: expected RFC 3339 text")
    return codec.read_time(text, name)


def _text(value: object) -> str | None:
    """An id as text; a whole number is taken as its digits, as Segment's own libraries send them."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WHOLE:
        return str(value)
    return None
