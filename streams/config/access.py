"""`access:` – where the service listens, who may write and who may look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from streams.config.blocks import Block
from streams.config.faults import Path
from streams.config.kinds import AtLeastOne, Name, SecretText

EMPLOYEES = ("agent", "employee")
"""Dimensions of these names are about staff unless the file says otherwise."""


class WriteKey(Block, frozen=True, kw_only=True):
    """A sender of events."""

    secretive: ClassVar[bool] = True

    name: Name
    """Becomes the `source` of its events."""
    token: SecretText
    """What it proves itself with."""


class ConsoleToken(Block, frozen=True, kw_only=True):
    """Someone who may use console and API."""

    secretive: ClassVar[bool] = True

    name: Name
    """Who it is."""
    role: Literal["viewer", "agent", "admin"] = "viewer"
    """`viewer` looks, `agent` works on cases, `admin` may do everything."""
    token: SecretText
    """What they prove themselves with."""


class Access(Block, frozen=True, kw_only=True):
    """Doors are closed by default: without tokens only this machine gets in."""

    listen: str | None = None
    """`HOST:PORT`; the command line goes first."""
    url: str | None = None
    """Where people open the console, such as `https://touchline.example.org/`; messages about alerts link to it."""
    employees: tuple[Name, ...] = EMPLOYEES
    """Segment dimensions whose values are members of staff: shown to `agent` and `admin` alone, and never in alerts or
    metrics."""
    minimum_group: AtLeastOne = 5
    """Fewest customers of one employee in a window for which anything is shown."""
    write_keys: tuple[WriteKey, ...] = ()
    """Senders."""
    console: tuple[ConsoleToken, ...] = ()
    """Users."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.listen is not None:
            host, colon, port = self.listen.rpartition(":")
            if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
                yield ("listen",), f"expected HOST:PORT such as 127.0.0.1:8427, got {self.listen!r}"
        if self.url is not None and not _is_address(self.url):
            yield ("url",), f"expected an address such as https://touchline.example.org/, got {self.url!r}"
        both: tuple[tuple[str, tuple[WriteKey | ConsoleToken, ...]], ...] = (
            ("write_keys", self.write_keys),
            ("console", self.console),
        )
        for key, entries in both:
            names = [entry.name for entry in entries]
            tokens = [entry.token for entry in entries]
            for at, entry in enumerate(entries):
                if entry.name in names[:at]:
                    yield (key, at, "name"), f"the name '{entry.name}' is there twice"
                if entry.token in tokens[:at]:
                    yield (key, at, "token"), "two entries have the same token"


def _is_address(text: str) -> bool:
    """Of a page of the web, with nothing behind its path."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return (
        parts.scheme in ("http", "https") and bool(parts.hostname) and plain and text.isprintable() and " " not in text
    )
