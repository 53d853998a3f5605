"""A decision as a receiver sees it: the public record, read once for matching and wording."""

from __future__ import annotations

from typing import Any

import msgspec

PREFIX = "touchline."


class Message(msgspec.Struct, frozen=True):
    """One public record."""

    id: str
    """The decision's id: the same at every attempt, for every receiver."""
    type: str
    time: str
    """RFC 3339, UTC."""
    subject: str
    data: dict[str, Any]
    body: bytes = b""
    """The record as it stands in files: one line of JSON."""

    @property
    def kind(self) -> str:
        """The type without its prefix, such as `alert.firing`."""
        return self.type.removeprefix(PREFIX)

    @property
    def family(self) -> str:
        """What stands before the dot, such as `alert`."""
        return self.kind.partition(".")[0]

    def text(self, key: str) -> str:
        """A field of `data` that is text; empty where it is none."""
        value = self.data.get(key)
        return value if isinstance(value, str) else ""


class Batch(msgspec.Struct, frozen=True):
    """What one attempt carries."""

    messages: tuple[Message, ...]
    """At least one; several only where the sink can."""
    at: int
    """Time of the attempt, UTC epoch microseconds."""
    digest: bool = False
    """They were collected, and need have nothing to do with each other."""


_decode = msgspec.json.Decoder(Message).decode


def read(body: bytes) -> Message:
    """The message of a public record. Raises ValueError where it is none."""
    return msgspec.structs.replace(_decode(body), body=body)
