"""Virtual time passing for deliveries: nothing moves on before all that may happen has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from streams.runtime.clock import VirtualClock
from streams.runtime.lane import Lane
from tests.streams.runtime.receiver import Peer

_TURNS = 10
"""Turns of the event loop in which whoever slept gets to do something."""


async def turns() -> None:
    """Let whoever slept do something."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def at_rest(lanes: Collection[Lane], peers: Collection[Peer]) -> None:
    """Wait until all lanes rest, and what is under way is being held by a peer."""
    while not all(lane.resting for lane in lanes) or sum(lane.under_way for lane in lanes) != sum(
        peer.holding for peer in peers
    ):
        await asyncio.sleep(0)


async def pass_time(
    clock: VirtualClock, duration: int, step: int, settled: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Let `duration` microseconds go by in steps; everything that may happen between two of them does."""
    end = clock.now() + duration
    await settled()
    while clock.now() < end:
        clock.advance(min(step, end - clock.now()))
        await turns()
        await settled()
