"""One receiver's way out: takes what is due, sends it, notes what became of it. No lane waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol

import structlog

from connectors.sinks.contract import NotEquipped, Receiving
from streams.delivery import ladder
from streams.delivery.attempts import DELIVERED, DISABLED, FAILED, PENDING, Attempted, Due, Trouble
from streams.delivery.digest import is_digest
from streams.delivery.message import Batch, Message, read
from streams.delivery.outcome import Delivered, Gone, Outcome, Refused, Retry
from streams.delivery.receivers import Receiver
from streams.errors import CannotStart
from streams.runtime.clock import Clock
from streams.runtime.store.store import StoreFailed
from streams.units import SECOND, format_duration

CONCURRENCY = 4
"""Attempts under way at once per receiver."""
_NOT_KEPT = "its decision is no longer kept"


class Waits(Protocol):
    """Where what waits is kept: SQLite's rows, or a cluster worker's partitions."""

    async def due(
        self, receiver: Receiver, limit: int, busy: Collection[int]
    ) -> tuple[Sequence[Sequence[Due]], int | None]:
        """Batches that may leave now, and when the next may; `busy` are under way. Raises StoreFailed."""
        ...

    async def record(self, receiver: str, attempts: Sequence[Attempted], gone: str | None) -> None:
        """What became of an attempt; returns once it is durable. `gone` disables the receiver."""
        ...

    async def open_records(self, receiver: str) -> Sequence[bytes]:
        """Records of what a receiver knows to be open. Raises StoreFailed."""
        ...


class Lane:
    """Runs between `start` and `stop`.

    Parameters
    ----------
    receiver
        Who is sent to.
    outbox, clock
        Those of the service.
    make
        Makes the sink. Raises ValueError, NotEquipped or CannotStart, with words that may be shown.
    noted
        Called when there is something new to show.
    disabled
        Why nothing is sent; None while things are.
    """

    def __init__(
        self,
        receiver: Receiver,
        outbox: Waits,
        clock: Clock,
        make: Callable[[Receiver], Receiving],
        noted: Callable[[], None],
        disabled: str | None = None,
    ) -> None:
        self.receiver = receiver
        self.disabled = disabled
        self.unusable: str | None = None
        """Why there is no sink."""
        self.last_error: str | None = None
        """Of the last attempt; None after a success."""
        self._outbox = outbox
        self._clock = clock
        self._noted = noted
        self._sink: Receiving | None = None
        try:
            self._sink = make(receiver)
        except (ValueError, NotEquipped, CannotStart) as error:
            self.unusable = str(error)
        self._log = structlog.get_logger("delivery").bind(receiver=receiver.name)
        self._woken = asyncio.Event()
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._failures = 0
        """In a row."""
        self._failing_since: int | None = None
        self._tried = False
        self._down = False
        """It was left alone since its last success: one attempt at a time until it is well."""
        self._rests_until = 0
        self._next_at: int | None = None
        self._repeats_at = 0
        self._wait: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what was left over leaves first."""
        if self._sink is not None:
            self._task = asyncio.create_task(self._run(self._sink))

    async def stop(self, grace: float = 0.0) -> None:
        """Take nothing more, give attempts under way `grace` seconds, let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        under_way = set(self._busy.values())
        if under_way:
            await asyncio.wait(under_way, timeout=grace)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        if self._sink is not None:
            await self._sink.close()

    @property
    def under_way(self) -> int:
        """Attempts that have begun and not ended."""
        return len(set(self._busy.values()))

    @property
    def busy(self) -> Collection[int]:
        """Ids of the deliveries that are under way."""
        return self._busy.keys()

    @property
    def trouble(self) -> Trouble | None:
        """How it is failing; None while it is not."""
        if self._failing_since is None:
            return None
        return Trouble(self._failing_since, self._failures, self._rests_until, self.last_error or "")

    def resume(self, trouble: Trouble) -> None:
        """Go on as another process left it; what was learnt here since counts more."""
        if self._tried or trouble.rests_until <= max(self._clock.now(), self._rests_until):
            return
        self._failing_since, self._failures = trouble.since, trouble.failures
        self._rests_until, self.last_error, self._down = trouble.rests_until, trouble.last_error, True

    @property
    def resting(self) -> bool:
        """Nothing begins before time passes, an attempt ends, or something new comes."""
        return self._wait is not None and not self._wait.done() and not self._woken.is_set()

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    def enable(self) -> None:
        """Whatever was wrong, somebody wants it tried now."""
        self.disabled = None
        self._rests_until = 0
        self._woken.set()

    async def _run(self, sink: Receiving) -> None:
        while True:
            self._woken.clear()
            try:
                if self.disabled is None:
                    await self._begin(sink)
                    await self._repeat(sink)
            except StoreFailed as error:
                self._log.warning("outbox_unreadable", reason=str(error))
                self._next_at = self._clock.now() + SECOND
            await self._rest()

    async def _begin(self, sink: Receiving) -> None:
        """Start as many attempts as there is room for."""
        self._next_at = None
        room = (1 if self._down else CONCURRENCY) - self.under_way
        if room <= 0 or self._clock.now() < self._rests_until:
            return
        # As of now: an attempt that ends while the store is read must not look as if it had never begun.
        busy = frozenset(self._busy)
        batches, self._next_at = await self._outbox.due(self.receiver, room, busy)
        for batch in batches:
            task = asyncio.create_task(self._attempt(sink, batch))
            self._busy.update((delivery.id, task) for delivery in batch)

    async def _rest(self) -> None:
        """Until there is something new, or the next delivery is due, or the receiver has rested."""
        now = self._clock.now()
        times = [self._next_at, self._rests_until]
        if self.receiver.abilities.repeats:
            times.append(self._repeats_at)
        ahead = [time for time in times if time is not None and time > now]
        idle = not ahead or self.disabled is not None
        self._wait = asyncio.ensure_future(_never() if idle else self._clock.sleep(min(ahead) - now))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((self._wait, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._wait.cancel()
            woken.cancel()
            self._wait = None

    async def _attempt(self, sink: Receiving, batch: Sequence[Due]) -> None:
        at = self._clock.now()
        try:
            lost = [Attempted(one.id, FAILED, one.attempts, at, at, at, _NOT_KEPT) for one in batch if one.body is None]
            left = [one for one in batch if one.body is not None]
            messages = [read(one.body) for one in left if one.body is not None]
            gone = None
            if messages:
                digest = is_digest(batch[0].bundle)
                outcome = await self._in_time(sink.send(Batch(tuple(messages), at, digest)))
                now = self._clock.now()
                self._note(outcome, now)
                gone = outcome.reason if isinstance(outcome, Gone) else None
                lost += [self._after(one, outcome, at, now) for one in left]
            await self._outbox.record(self.receiver.name, lost, gone)
        finally:
            for one in batch:
                self._busy.pop(one.id, None)
            self._woken.set()
            self._noted()

    def _after(self, delivery: Due, outcome: Outcome, at: int, now: int) -> Attempted:
        """The delivery once the attempt of time `at` has come to its end."""
        attempts = delivery.attempts + 1
        first = at if delivery.first_at is None else delivery.first_at
        match outcome:
            case Delivered():
                return Attempted(delivery.id, DELIVERED, attempts, first, now, now, None)
            case Gone(reason):
                return Attempted(delivery.id, DISABLED, attempts, first, now, now, reason)
            case Refused(reason):
                self._log.warning("delivery_refused", decision=delivery.decision, reason=reason)
                return Attempted(delivery.id, FAILED, attempts, first, now, now, reason)
            case Retry(reason, retry_after):
                # What went together comes back together.
                name = f"{self.receiver.name}/{delivery.bundle or delivery.decision}"
                following = ladder.next_attempt(name, attempts, now, retry_after)
                if following is None:
                    self._log.warning("delivery_failed", decision=delivery.decision, attempts=attempts, reason=reason)
                    return Attempted(delivery.id, FAILED, attempts, first, now, now, reason)
                return Attempted(delivery.id, PENDING, attempts, first, following, None, reason)

    def _note(self, outcome: Outcome, now: int) -> None:
        """What the attempt says about the receiver itself."""
        self._tried = True
        if isinstance(outcome, Retry):
            self._failing_since = now if self._failing_since is None else self._failing_since
        else:
            self._failing_since = None
        match outcome:
            case Delivered():
                if self._down:
                    self._log.info("receiver_well")
                self._failures, self._down, self._rests_until, self.last_error = 0, False, 0, None
            case Gone(reason):
                self.last_error = self.disabled = reason
                self._log.warning("receiver_disabled", reason=reason)
            case Refused(reason):
                self._failures, self._down, self._rests_until, self.last_error = 0, False, 0, reason
            case Retry(reason, retry_after, throttle):
                self._failures += 1
                self.last_error = reason
                wait = ladder.pause(self._failures, throttle, retry_after)
                if wait:
                    if not self._down:
                        self._log.warning("receiver_failing", reason=reason, left_alone=format_duration(wait))
                    self._down = True
                    self._rests_until = max(self._rests_until, now + wait)

    async def _repeat(self, sink: Receiving) -> None:
        """Tell again what is open, where the sink forgets it otherwise; the next time comes whatever becomes of it."""
        now = self._clock.now()
        every = self.receiver.abilities.repeats
        if not every or now < self._repeats_at or now < self._rests_until:
            return
        records = await self._outbox.open_records(self.receiver.name)
        self._repeats_at = now + every
        if records:
            messages: tuple[Message, ...] = tuple(read(record) for record in records)
            self._note(await self._in_time(sink.repeat(Batch(messages, now))), self._clock.now())
            self._noted()

    async def _in_time(self, sending: Coroutine[Any, Any, Outcome]) -> Outcome:
        """The outcome, or a failure when it takes too long; a sink that raises has failed as well."""
        attempt = asyncio.ensure_future(sending)
        limit = asyncio.ensure_future(self._clock.sleep(ladder.TIMEOUT))
        try:
            await asyncio.wait((attempt, limit), return_when=asyncio.FIRST_COMPLETED)
            if attempt.done():
                return attempt.result()
            return Retry(f"no answer within {ladder.TIMEOUT // SECOND} s")
        except Exception as error:  # whatever a sink stumbles over, its deliveries stay in the outbox
            self._log.warning("sink_stumbled", error=type(error).__name__)
            return Retry(f"failed ({type(error).__name__})")
        finally:
            limit.cancel()
            attempt.cancel()
            await asyncio.gather(attempt, limit, return_exceptions=True)


async def _never() -> None:
    await asyncio.Event().wait()
