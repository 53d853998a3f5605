"""What has happened in a partition since its shell last took it: partials, decisions, parcels, dead letters."""

from __future__ import annotations

from collections.abc import Callable

from streams.codec import encode
from streams.effects import DeadLetter, Decision, Effects, Parcel, Partial
from streams.model import Event, Record
from streams.tally import INVALID, Tally


class Happened:
    """Parameters
    ----------
    tally
        Counts what was refused.
    closed
        Is given each partial the moment its tick closes.
    dead_letters
        How many there have been; they are numbered.
    """

    def __init__(self, tally: Tally, closed: Callable[[Partial], None] | None, dead_letters: int = 0) -> None:
        self._tally = tally
        self._closed = closed
        self.dead_letters = dead_letters
        self._effects = Effects([], [], [])

    def close(self, partial: Partial) -> None:
        """A tick has closed."""
        self._effects.partials.append(partial)
        if self._closed is not None:
            self._closed(partial)

    def decide(self, decision: Decision) -> None:
        """A rule has decided."""
        self._effects.decisions.append(decision)

    def send(self, receiver: int, parcel: Parcel) -> None:
        """A parcel leaves for another partition."""
        self._effects.parcels.append((receiver, parcel))

    def reject(self, record: Record, reason: str, message: str, original: bytes | None = None) -> None:
        """A record is refused; `original` are its bytes where its body no longer is what came."""
        self._tally.door[INVALID] += 1
        body = original
        if body is None:
            body = encode(record.body) if isinstance(record.body, Event) else record.body
        self._effects.dead_letters.append(
            DeadLetter(self.dead_letters, record.offset, record.log_time, reason, message, body)
        )
        self.dead_letters += 1

    def take(self) -> Effects:
        """Everything since the last call."""
        effects, self._effects = self._effects, Effects([], [], [])
        return effects
