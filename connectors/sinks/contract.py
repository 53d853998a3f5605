"""What every receiver of decisions keeps to: a batch in, and what became of it out.

The kind that a file names (`to: slack:https://…`) is the module of that name in this folder, and in it the class
`Sink`. A new kind is one new file; nothing else has to know of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import msgspec

import connectors.sinks
from streams.delivery.message import Batch
from streams.delivery.outcome import Outcome
from streams.delivery.receivers import Abilities

CONTRACT = "contract"


class Opening(msgspec.Struct, frozen=True):
    """What a sink is made from."""

    address: str
    """What follows `KIND:`. It may hold a secret: no error, log line or outcome shows any of it."""
    secret: str | None = None
    """The file's `secret`."""
    allow_private: bool = False
    """Private, loopback and link-local addresses may be sent to."""
    variable: Callable[[str], str] = lambda name: ""
    """The value of an environment variable, or of the file that `NAME_FILE` names; empty where neither is set."""

    console: str = ""
    """Where people open the console; empty where the file does not say."""

    def __repr__(self) -> str:
        return "Opening(***)"


class NotEquipped(Exception):
    """The file is right, but this machine lacks what the sink needs, such as the address of a mail server."""


class Receiving(ABC):
    """One receiver. Made, used and closed on one event loop; nothing is opened before the first `send`."""

    abilities: ClassVar[Abilities] = Abilities()

    @abstractmethod
    def __init__(self, opening: Opening) -> None:
        """Raises ValueError where the address or the secret will not do, NotEquipped; in words that show neither."""

    @abstractmethod
    async def send(self, batch: Batch) -> Outcome:
        """One attempt. Never raises for what the receiver does; the caller cancels it when its time is over.

        A batch is delivered or not as a whole. It may have been delivered before: each message carries its id.
        """

    async def repeat(self, batch: Batch) -> Outcome:
        """Tell again what is open; only for sinks whose abilities say so."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections. No `send` is under way."""
        return


def names() -> tuple[str, ...]:
    """Every kind that a file may name."""
    modules = (module.name for module in pkgutil.iter_modules(connectors.sinks.__path__))
    return tuple(sorted(name for name in modules if name != CONTRACT))


def find(kind: str) -> type[Receiving]:
    """The sink of a kind. Raises KeyError when there is none."""
    if kind not in names():
        raise KeyError(kind)
    found = importlib.import_module(f"connectors.sinks.{kind}").Sink
    if not (isinstance(found, type) and issubclass(found, Receiving)):
        raise TypeError(f"connectors/sinks/{kind}.py: Sink must derive from Receiving")
    return found


def abilities_of(kind: str) -> Abilities:
    """What a kind can do; nothing special where the kind is not known, as while an address was left unread."""
    try:
        return find(kind).abilities
    except KeyError:
        return Abilities()
