"""Who listens to decisions as they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from streams.runtime.service import Published


class Subscribers:
    """Queues that get every decision from their subscription on, in order, once its commit is durable."""

    def __init__(self) -> None:
        self._queues: list[asyncio.Queue[Published]] = []

    def subscribe(self) -> asyncio.Queue[Published]:
        queue: asyncio.Queue[Published] = asyncio.Queue()
        self._queues.append(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Published]) -> None:
        """Ends a subscription; a queue not subscribed is ignored."""
        self._queues = [kept for kept in self._queues if kept is not queue]

    def publish(self, decisions: Iterable[Published]) -> None:
        for decision in decisions:
            for queue in self._queues:
                queue.put_nowait(decision)
