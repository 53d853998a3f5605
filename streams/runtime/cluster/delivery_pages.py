"""Deliveries of a worker's partitions as the API shows them, and sending them once more; from memory."""

from __future__ import annotations

from streams.delivery.attempts import DELIVERED, PENDING
from streams.delivery.waiting import Delivery
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.service import BadCursor, Page
from streams.runtime.store.delivery_pages import DeliveryView
from streams.units import format_time


class DeliveryPages:
    """What the API asks of a service that delivers; of other workers' partitions it knows nothing."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        """The last one first; `since` is when they came about, UTC epoch microseconds. Raises BadCursor."""
        before = before_of(cursor)
        rows = [
            row
            for row in self._dispatch.rows()
            if (receiver is None or row.receiver == receiver)
            and (state is None or row.state == state)
            and (since is None or row.created >= since)
            and (before is None or place(row) < before)
        ]
        rows.sort(key=place, reverse=True)
        more = cursor_of(rows[limit - 1]) if len(rows) > limit else None
        return Page([view_of(row) for row in rows[:limit]], more)

    async def replay_delivery(self, delivery_id: int) -> bool:
        """Let one begin anew; False when this worker has none of that id. Raises Stopped."""
        row = next((row for row in self._dispatch.rows() if row.id == delivery_id), None)
        if row is not None:
            await self._dispatch.replay([row], row.receiver)
        return row is not None

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        """The same for all of a receiver that came about in [since, until) and do not wait; how many.

        None when neither the file nor a delivery names the receiver. Raises Stopped.
        """
        rows = [row for row in self._dispatch.rows() if row.receiver == receiver]
        if not rows and receiver not in self._dispatch.receivers:
            return None
        chosen = [row for row in rows if row.state != PENDING and since <= row.created < until]
        await self._dispatch.replay(chosen, receiver)
        return len(chosen)


def place(row: Delivery) -> tuple[int, int]:
    """By which deliveries of several partitions are ordered."""
    return row.created, row.id


def cursor_of(row: Delivery) -> str:
    """Of the page that follows this one, the last of its page."""
    return f"{row.created}-{row.id}"


def before_of(cursor: str | None) -> tuple[int, int] | None:
    """The place before which a page begins. Raises BadCursor."""
    if cursor is None:
        return None
    created, _, number = cursor.partition("-")
    if all(part.isascii() and part.isdigit() and len(part) < 19 for part in (created, number)):
        return int(created), int(number)
    raise BadCursor(f"cursor {cursor!r}: expected the `next` of an earlier page")


def view_of(row: Delivery) -> DeliveryView:
    """One as the API shows it."""
    return DeliveryView(
        id=row.id,
        receiver=row.receiver,
        decision=row.decision,
        type=row.type,
        state=row.state,
        attempts=row.attempts,
        created_at=format_time(row.created),
        first_at=None if row.first_at is None else format_time(row.first_at),
        next_at=format_time(row.next_at) if row.state == PENDING else None,
        delivered_at=format_time(row.ended) if row.state == DELIVERED and row.ended is not None else None,
        ended_at=None if row.ended is None else format_time(row.ended),
        last_error=row.last_error,
    )
