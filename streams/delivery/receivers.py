"""Who receives what: the receivers of a file by their names, and the decisions each of them takes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from streams.config.alerting import Match
from streams.config.faults import Path
from streams.config.secrets import Secret, Target
from streams.config.structs import Config

ASKS = "feedback.requested"
OFFERS = "offer.made"
_NAME_BYTES = 5


class Abilities(msgspec.Struct, frozen=True):
    """What a kind of sink can do; each sink says so itself."""

    groups: bool = False
    """Several decisions about one incident can go as one message."""
    most: int = 1
    """Decisions that one attempt may carry."""
    digest: int = 0
    """Decisions that one digest may carry; 0: it makes none."""
    families: tuple[str, ...] = ()
    """The only decisions it has a use for, by family; empty: all."""
    breaches: bool = False
    """Of cases it has a use for breaches only, each open there until somebody has contacted the customer."""
    acknowledges: bool = False
    """It is told, once, that somebody has acknowledged an alert."""
    repeats: int = 0
    """What is open is told again after so long, microseconds; 0: once is enough."""


class Receiver(msgspec.Struct, frozen=True):
    """One address, and what goes there."""

    name: str
    """Stable, and shown everywhere: the subscription's name, else made from kind and address as the file writes it."""
    kind: str
    address: Secret
    secret: Secret | None
    """One signing key, or two separated by a space while they are being changed."""
    allow_private: bool
    group_wait: int
    """Microseconds; 0 where the sink cannot put decisions together."""
    matches: tuple[Match, ...]
    """A decision goes there when one of them takes it."""
    abilities: Abilities
    place: Path
    """Where the file names it first."""
    digest: int = 0
    """Microseconds to collect before it is told; 0: at once."""
    zone: str = "UTC"
    """In which the period of a digest ends."""
    console: str = ""
    """Where people open the console; empty where the file does not say."""


def receivers_of(config: Config, abilities: Callable[[str], Abilities]) -> dict[str, Receiver]:
    """The receivers of a file by name. `abilities` knows every kind the file may name."""
    found: dict[str, Receiver] = {}
    for receiver in _all(config, abilities):
        before = found.get(receiver.name)
        if before is None:
            found[receiver.name] = receiver
        else:  # the same address again: one receiver, which takes what either takes
            found[receiver.name] = msgspec.structs.replace(
                before,
                secret=before.secret or receiver.secret,
                allow_private=before.allow_private or receiver.allow_private,
                group_wait=min(before.group_wait, receiver.group_wait),
                digest=min(before.digest, receiver.digest),
                matches=(*before.matches, *receiver.matches),
            )
    return found


def _all(config: Config, abilities: Callable[[str], Abilities]) -> Iterator[Receiver]:
    taken: set[str] = set()

    def made(
        name: str, target: Target, match: Match, wait: int, secret: Secret | None, private: bool, place: Path
    ) -> Receiver:
        able = abilities(target.kind)
        wait = wait if able.groups else 0
        console = config.access.url or ""
        return Receiver(
            name, target.kind, target.address, secret, private, wait, (match,), able, place, console=console
        )

    for at, one in enumerate(config.subscriptions):
        for number, target in enumerate(one.to):
            place: Path = ("subscriptions", at, "to", number)
            name = derived_name(target) if one.name is None else _free(one.name, taken)
            found = made(name, target, one.match, one.group_wait, one.secret, one.allow_private, place)
            if one.digest:
                found = msgspec.structs.replace(found, digest=one.digest, zone=config.timezone)
            yield found
    asks = config.asks
    for rule, feedback in config.feedback.items():
        match = Match(type=(ASKS,), rule=(rule,))
        targets: Sequence[Target] = feedback.to or asks.to
        begin: Path = ("feedback", rule, "to") if feedback.to else ("asks", "to")
        for number, target in enumerate(targets):
            yield made(derived_name(target), target, match, 0, asks.secret, asks.allow_private, (*begin, number))
    for rule, offer in config.offers.items():
        match = Match(type=(OFFERS,), rule=(rule,))
        for number, target in enumerate(offer.to):
            place = ("offers", rule, "to", number)
            yield made(derived_name(target), target, match, 0, asks.secret, asks.allow_private, place)


def derived_name(target: Target) -> str:
    """`webhook-m4tqk2ya`: the kind, and a hash of the address as written, `${NAME}` not replaced.

    So a new value behind `${NAME}` is the same receiver, and nothing of the address can be read off the name.
    """
    digest = hashlib.blake2b(target.address.written.encode(), digest_size=_NAME_BYTES).digest()
    return f"{target.kind or 'receiver'}-{base64.b32encode(digest).decode().lower()}"


def _free(name: str, taken: set[str]) -> str:
    """The name itself for the first receiver of a subscription, with -2 and so on for those after it."""
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    taken.add(found)
    return found
