"""What belongs together, and what was told already: fire once until resolved.

A receiver hears that an alert fires once per fingerprint until it is over. `alert.updated` goes out only when the
severity has risen above what the receiver was told, or when it was not told at all (the alert did not match before),
and not while the alert is snoozed. It hears the end of what it was told, whatever the alert has become meanwhile, and
of nothing else. Who wants every update names it: `type: alert.updated`. The breach of a signal and its recovery are
told by the same rules; so are a case's breach and the word to the customer, for receivers that open something for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from streams.delivery.matching import matches, names_type, takes_type
from streams.delivery.message import Message
from streams.delivery.receivers import Receiver

LEVELS = ("info", "warning", "critical")
_BEGINS = {"alert": "alert.firing", "signal": "signal.breached"}
_ENDS = frozenset(("alert.resolved", "alert.rebaselined", "signal.recovered"))
_BREACHED = "case.breached"
_CARED = frozenset(("case.contacted", "case.resolved", "case.communicated", "case.closed"))
_UPDATED = "alert.updated"
_IN_ORDER = ("alert", "case", "signal")


class Told(msgspec.Struct, frozen=True):
    """What a receiver knows to be open."""

    level: int
    """Index in LEVELS of the worst it was told, 0 for signals and cases; beyond: that somebody has acknowledged it."""
    decision: str
    """Id of the decision that told it."""


class Addressed(msgspec.Struct, frozen=True):
    """One decision for one receiver."""

    receiver: str
    decision: str
    about: str
    """What it is news of; of two about the same, the earlier leaves first. Empty: order does not matter."""
    bundle: str
    """What it may share a message with; empty: nothing."""
    wait: int
    """Microseconds to collect before the first attempt."""


Key = tuple[str, str]
"""Receiver's name, and what is open."""


class Book:
    """What each receiver was told and is not over; its content is stored with the decisions.

    Parameters
    ----------
    told
        As stored.
    """

    def __init__(self, told: Mapping[Key, Told] | None = None) -> None:
        self._told = dict(told or {})

    def keep(self, receivers: Collection[str]) -> None:
        """Forget what all others were told: nobody tells them of its end any more."""
        self._told = {key: told for key, told in self._told.items() if key[0] in receivers}

    def address(
        self, receivers: Mapping[str, Receiver], message: Message
    ) -> tuple[list[Addressed], dict[Key, Told | None]]:
        """Who receives a decision, in the file's order, and what changed in the book (None: closed)."""
        leaving: list[Addressed] = []
        changes: dict[Key, Told | None] = {}
        about = about_of(message)
        for receiver in receivers.values():
            if receiver.abilities.families and message.family not in receiver.abilities.families:
                continue
            if self._takes(receiver, message, about, changes):
                grouped = message.family == "alert" and receiver.abilities.groups
                leaving.append(
                    Addressed(
                        receiver.name,
                        message.id,
                        about,
                        message.text("incident") or about if grouped else "",
                        receiver.group_wait if grouped else 0,
                    )
                )
        for key, told in changes.items():
            if told is None:
                self._told.pop(key, None)
            else:
                self._told[key] = told
        return leaving, changes

    def _takes(self, receiver: Receiver, message: Message, about: str, changes: dict[Key, Told | None]) -> bool:
        fits = any(matches(match, message) for match in receiver.matches)
        begin = _BEGINS.get(message.family)
        kind = message.kind
        if message.family == "case" and receiver.abilities.breaches:
            begin = _BREACHED
            if kind != begin and kind not in _CARED:
                return False
        if begin is None:
            return fits
        key = (receiver.name, about)
        told = self._told.get(key)
        if kind in _ENDS or kind in _CARED:
            if told is not None:
                changes[key] = None
                return any(takes_type(match, kind) for match in receiver.matches)
            # Who cannot hear of a beginning hears of every end.
            return fits and not any(takes_type(match, begin) for match in receiver.matches)
        if not fits:
            return False
        severity = message.text("severity")
        level = LEVELS.index(severity) if severity in LEVELS else 0
        seen = receiver.abilities.acknowledges and bool(message.text("acknowledged_by"))
        if seen:
            level = len(LEVELS)
        quiet = kind == _UPDATED and _snoozed(message) and not seen
        risen = (told is None or level > told.level) and not quiet
        if risen and any(takes_type(match, begin) for match in receiver.matches):
            changes[key] = Told(level, message.id)
        return risen or any(names_type(match, kind) for match in receiver.matches if kind != begin)


def _snoozed(message: Message) -> bool:
    """Whether somebody asked for quiet; both times are written alike."""
    return message.text("snoozed_until") > message.time


def about_of(message: Message) -> str:
    """What a decision is news of: the alert, the case, the signal and quantity; empty for all others."""
    if message.family not in _IN_ORDER:
        return ""
    if message.family == "signal":
        segment = message.data.get("segment") or {}
        where = ",".join(f"{name}={segment[name]}" for name in sorted(segment))
        return f"signal/{message.text('signal')}/{message.text('quantity')}/{where}/{message.subject}"
    return f"{message.family}/{message.text('fingerprint' if message.family == 'alert' else 'case')}"
