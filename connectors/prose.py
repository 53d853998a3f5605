"""A decision for people who read it in a chat or a mail: one line that says what it is, and what they act upon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from streams.delivery.message import Message
from streams.wording import decision_words

_COUNTED = ("conversion", "arrivals", "silence")
_SIZES = {"down": "less", "up": "more"}
_STATES = {
    "alert.firing": "fires",
    "alert.updated": "is worse",
    "alert.resolved": "is over",
    "alert.rebaselined": "is over: a new normal took over",
}
MOST_EXAMPLES = 5

Facts = list[tuple[str, str]]
"""What it is, and its value, in the order in which they are read."""


def headline(message: Message) -> str:
    """One line: `CRITICAL purchase: fewer than expected go from checkout to paid`."""
    data = message.data
    if message.family == "alert":
        text = f"{what(data)}, {_said(message) or _STATES.get(message.kind, message.kind)}"
        return f"{message.text('severity').upper() or 'ALERT'} {text}"
    if message.family == "signal":
        missed = "misses" if message.kind == "signal.breached" else "is back at"
        return f"{message.text('signal')} of {message.subject} {missed} its target"
    return f"{message.subject}: {decision_words(message.kind, data)}"


def together(messages: Sequence[Message]) -> str:
    """One line for several decisions about one incident."""
    if len(messages) == 1:
        return headline(messages[0])
    return f"{headline(messages[0])} (and {len(messages) - 1} more of the same incident)"


def collected(messages: Sequence[Message]) -> str:
    """One line over a digest."""
    return f"Digest: {len(messages)} decision{'s' if len(messages) > 1 else ''}"


def facts(message: Message) -> Facts:
    """What a reader acts upon; what is not known is left out."""
    data = message.data
    if message.family == "alert":
        found = [
            ("who", _segments(data.get("segments"))),
            ("size", _size(data)),
            ("seen", _numbers(data)),
            ("since", message.text("since")),
            ("changes", "; ".join(_change(change) for change in data.get("changes") or ())),
            ("examples", ", ".join((data.get("examples") or ())[:MOST_EXAMPLES])),
        ]
    elif message.family == "signal":
        found = [
            ("target", f"{message.text('quantity')} {_number(data.get('target'))}"),
            ("value", f"{_number(data.get('value'))} ({_number(data.get('low'))} to {_number(data.get('high'))})"),
            ("observations", _number(data.get("n"))),
        ]
    else:
        found = [(key, _number(data[key])) for key in _PLAIN if data.get(key) not in (None, "")]
    found += [("owner", message.text("owner")), ("runbook", message.text("runbook")), ("time", message.time)]
    return [(name, text) for name, text in found if text]


def page(message: Message, console: str) -> str:
    """Address of an alert's own page in the console; empty for what has none, or where nobody said where that is."""
    fingerprint = message.text("fingerprint")
    if not console or message.family != "alert" or not fingerprint:
        return ""
    return f"{console.rstrip('/')}/#alarm/{quote(fingerprint, safe='')}"


def _said(message: Message) -> str:
    """What people have just said about an alert, where that is all there is to tell."""
    said = [str(fact) for fact in message.data.get("because") or ()]
    for beginning, words in (("acknowledged_by=", "seen by {}"), ("snoozed_until=", "snoozed until {}")):
        for fact in said:
            if fact.startswith(beginning):
                return words.format(fact.removeprefix(beginning))
    return "snoozed no more" if "snoozed=ended" in said else ""


_PLAIN = (
    "rule",
    "metric",
    "channel",
    "scheduled_for",
    "reason",
    "until",
    "case",
    "state",
    "due_at",
    "promise",
    "offer",
    "entity",
    "customers",
    "since",
)


def what(data: Mapping[str, Any]) -> str:
    """Which number has changed, and which way."""
    fewer = "fewer" if data.get("direction") == "down" else "more"
    journey, step, signal = data.get("journey"), data.get("step"), str(data.get("signal"))
    match signal:
        case "conversion":
            return f"{journey}: {fewer} than expected go from {step} to {data.get('next_step')}"
        case "arrivals":
            return f"{journey}, {step}: {fewer} customers arrive than expected"
        case "silence":
            return f"{data.get('source')}: nothing comes any more"
    return f"{signal.replace('_', ' ')} is {'lower' if data.get('direction') == 'down' else 'higher'} than expected"


def _segments(segments: Sequence[Mapping[str, str]] | None) -> str:
    if segments is None:
        return "not enough data to tell"
    if not segments:
        return "everywhere"
    return " or ".join(" and ".join(f"{name}={value}" for name, value in segment.items()) for segment in segments)


def _size(data: Mapping[str, Any]) -> str:
    size, low, high = data.get("size"), data.get("size_low"), data.get("size_high")
    if size is None:
        return ""
    text = f"{size:.0%} {_SIZES.get(str(data.get('direction')), '')}"
    if low is not None and high is not None:
        text += f" ({low:.0%} to {high:.0%})"
    return text + (", a first estimate" if data.get("early") else "")


def _numbers(data: Mapping[str, Any]) -> str:
    if data.get("signal") not in _COUNTED or data.get("observed") is None:
        return ""
    return f"{_number(data['observed'])} of {_number(data.get('expected'))} expected"


def _change(change: Mapping[str, Any]) -> str:
    said = change.get("data") or {}
    named = [str(said[key]) for key in ("service", "name", "title", "version", "text") if said.get(key)]
    return f"{' '.join(named) or change.get('event')} at {change.get('time')}"


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
