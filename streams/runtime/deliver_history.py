"""Delivers the decisions of a replay, for whoever asks for it: into an outbox of its own that goes with the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from connectors.sinks.contract import Receiving
from streams.config.load import Loaded
from streams.decisions import encode
from streams.delivery.receivers import Receiver
from streams.effects import Decision
from streams.runtime import commit as commits
from streams.runtime.clock import Clock
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.delivery import Delivery
from streams.runtime.service import ReceiverHealth
from streams.runtime.sinks import make_sink
from streams.runtime.store.store import Store, new_head
from streams.units import SECOND

PATIENCE = 60 * SECOND
"""When nothing was delivered for so long, what is left is left: nobody waits three days for a replay."""
_PORTION = 500
_LOOK = SECOND // 5


async def deliver_history(
    loaded: Loaded,
    decisions: Sequence[Decision],
    clock: Clock,
    make: Callable[[Receiver], Receiving] = make_sink,
) -> tuple[ReceiverHealth, ...]:
    """Send decisions to the file's receivers in their order; how each receiver stands at the end."""
    with TemporaryDirectory(prefix="touchline-") as folder:
        store = Store(Path(folder) / "outbox.db")
        delivery = Delivery(store, clock, make, holds=False)
        try:
            await delivery.start(loaded.config)
            for start in range(0, len(decisions), _PORTION):
                commit = delivery.address(_commit(store, decisions[start : start + _PORTION], start, clock.now()))
                await store.commit(commit)
                delivery.committed(commit)
            await _until_still(delivery, clock)
            return delivery.health()
        finally:
            await delivery.stop()
            await store.close()


async def _until_still(delivery: Delivery, clock: Clock) -> None:
    delivered, since = -1, clock.now()
    while True:
        await delivery.refresh()
        receivers = delivery.health()
        now = sum(receiver.delivered for receiver in receivers)
        if now != delivered:
            delivered, since = now, clock.now()
        waits = any(receiver.pending and receiver.state != "unusable" for receiver in receivers)
        if not waits or clock.now() - since >= PATIENCE:
            return
        await clock.sleep(_LOOK)


def _commit(store: Store, decisions: Sequence[Decision], first: int, now: int) -> Commit:
    before = store.head_body
    head = new_head(commits.decode(before) if before else None, "")
    head = msgspec.structs.replace(head, sequences={"decisions": first + len(decisions)})
    made = [NewDecision(one.id, one.type, one.time, one.subject, encode(one)) for one in decisions]
    return Commit(before, commits.encode(head), 0, now, first, decisions=made)
