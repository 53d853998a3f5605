"""Delivery without stages: decisions are put into a real store as a commit would, and leave from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from connectors.sinks.contract import Receiving
from streams.config.load import Loaded, load_text
from streams.delivery.message import Message
from streams.delivery.receivers import Receiver
from streams.runtime import commit as commits
from streams.runtime.clock import VirtualClock
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.delivery import Delivery
from streams.runtime.service import ReceiverHealth
from streams.runtime.sinks import make_sink
from streams.runtime.store.store import Store, new_head
from streams.units import parse_time
from tests.streams.runtime.passing import at_rest, pass_time
from tests.streams.runtime.receiver import Peer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def subscribed(*urls: str, match: str = "{type: [alert, feedback, case]}") -> Loaded:
    """A file with subscriptions `ops`, `ops_2` … of webhooks to these addresses."""
    text = "version: 1\n" + ("subscriptions:\n" if urls else "")
    for number, url in enumerate(urls, 1):
        name = "ops" if number == 1 else f"ops_{number}"
        text += f"  - {{name: {name}, match: {match}, to: 'webhook:{url}', secret: {SECRET}, allow_private: true}}\n"
    return load_text(text, "shop.yml", environ={})


class Outpost:
    """A store, its delivery and a clock; `start` and `crash` as often as the test likes."""

    store: Store
    delivery: Delivery

    def __init__(self, path: Path, clock: VirtualClock, make: Callable[[Receiver], Receiving] = make_sink) -> None:
        self.path = path
        self.clock = clock
        self._make = make

    async def start(self, loaded: Loaded) -> Outpost:
        self.store = Store(self.path)
        self.delivery = Delivery(self.store, self.clock, self._make)
        await self.delivery.start(loaded.config)
        return self

    async def stop(self, grace: float = 0.0) -> None:
        await self.delivery.stop(grace)
        await self.store.close()

    async def commit(self, *messages: Message) -> Commit:
        """Store decisions with their deliveries, without telling anybody: as if the process died then."""
        before = self.store.head_body
        head = new_head(commits.decode(before) if before else None, "f00d")
        first = head.sequences.get("decisions", 0)
        head = msgspec.structs.replace(head, sequences={"decisions": first + len(messages)})
        decisions = [NewDecision(one.id, one.type, parse_time(one.time), one.subject, one.body) for one in messages]
        commit = Commit(before, commits.encode(head), 0, self.clock.now(), first, decisions=decisions)
        commit = self.delivery.address(commit)
        await self.store.commit(commit)
        return commit

    async def decide(self, *messages: Message) -> list[str]:
        """Store decisions, and let them leave; their ids."""
        self.delivery.committed(await self.commit(*messages))
        return [message.id for message in messages]

    async def settled(self, *peers: Peer) -> None:
        """Wait until nothing moves before time passes: all lanes rest, what is under way is being held by a peer."""
        await at_rest(self.delivery.lanes.values(), peers)
        await self.delivery.refresh()

    async def pass_time(self, duration: int, step: int, *peers: Peer) -> None:
        """Let `duration` microseconds go by in steps; everything that may happen between two of them does."""
        await pass_time(self.clock, duration, step, lambda: self.settled(*peers))

    def health(self, name: str = "ops") -> ReceiverHealth:
        return next(one for one in self.delivery.health() if one.name == name)
