"""From the door into Kafka: records leave keyed by their customer, and are taken once Kafka has acknowledged them.

An acknowledged request is in the topic. One that is refused after something was sent may be there in part, so its
sender is told to send all of it again: the stage drops copies by their ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec
import structlog
import xxhash
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams import codec
from streams.codec import Rejection
from streams.errors import CannotStart
from streams.partitioner import key_of
from streams.runtime.clock import Clock
from streams.runtime.cluster import security
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.latency import Latency
from streams.runtime.problems import Problem

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
"""Header of every record, as the Kafka binding of CloudEvents has it for structured mode."""
_STRIDE = 200
"""Records handed over at a stretch before other requests have their turn."""
_log = structlog.get_logger("door")


class Limits(msgspec.Struct, frozen=True):
    """How much waits for Kafka, and how long."""

    records: int = 50_000
    """Unacknowledged records beyond which requests are refused with 429."""
    bytes: int = 64 * 1024**2
    """The same in bytes of records."""
    acknowledge_seconds: float = 10.0
    """Longest wait for the acknowledgement of a request's records."""
    probe_seconds: float = 2.0
    """Time between two questions whether Kafka answers."""
    goodbye_seconds: float = 5.0
    """How long what waits may still take at the end."""
    retry_after_seconds: int = 5
    """What senders are told while Kafka is away."""


class Producer(Protocol):
    """What the intake needs of a Kafka producer."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Let everything leave, then close."""
        ...

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        """Hand a record over; the future ends with its acknowledgement. Raises KafkaError."""
        ...

    async def answers(self) -> bool:
        """Whether a broker answers now."""
        ...


class KafkaProducer:
    """Idempotent: one session of it writes each record once and in order, however often it has to try."""

    def __init__(self, bootstrap: str) -> None:
        self._inner = AIOKafkaProducer(
            **security.kafka().options(),
            bootstrap_servers=bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            max_batch_size=262_144,
            request_timeout_ms=10_000,
            retry_backoff_ms=250,
        )

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        await self._inner.start()

    async def stop(self) -> None:
        """Let everything leave, then close."""
        await self._inner.stop()

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        """Hand a record over; waits while its partition's buffer is full."""
        future: asyncio.Future[Any] = await self._inner.send(topic, value, key=key, headers=headers)
        return future

    async def answers(self) -> bool:
        """Whether a broker answers with the topic's metadata."""
        return bool(await self._inner.client.force_metadata_update())


class Intake:
    """The log as the door sees it (`streams.runtime.collector.Intake`).

    Parameters
    ----------
    make
        Makes a producer, not started. A producer that lost a record is replaced, as its numbers have a gap.
    topic
        Of the events.
    """

    def __init__(self, make: Callable[[], Producer], topic: str, clock: Clock, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._make = make
        self._topic = topic
        self._clock = clock
        self._producer: Producer | None = None
        self._trouble: str | None = "the door is starting"
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent = False
        """The last request in doubt was followed by no acknowledgement yet."""
        self.waiting_records = 0
        self.waiting_bytes = 0
        self.accepted = 0
        """Acknowledged records that are events, since the process started."""
        self.refused = 0
        """Acknowledged records that wrap what could not be taken."""
        self.latency = Latency()
        """From the hand-over of a request's records to the last acknowledgement."""

    def now(self) -> int:
        """UTC epoch microseconds."""
        return self._clock.now()

    @property
    def trouble(self) -> str | None:
        """Why nothing is taken, or nothing is acknowledged; None while all is well."""
        if self._closed:
            return "the door is closing"
        return self._trouble or ("Kafka acknowledges nothing" if self._silent else None)

    async def start(self) -> None:
        """Connect. Raises CannotStart."""
        producer = self._make()
        try:
            async with asyncio.timeout(3 * self.limits.acknowledge_seconds):
                await producer.start()
        except (KafkaError, TimeoutError) as error:
            await producer.stop()
            raise CannotStart(f"Kafka does not let us write: {type(error).__name__}; check --kafka") from error
        self._producer, self._trouble = producer, None
        self._spawn(self._watch())

    async def stop(self) -> None:
        """Take nothing more and let what waits leave, within bounds. Nothing of it was acknowledged to a sender."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        producer, self._producer = self._producer, None
        if producer is not None:
            leaving = asyncio.create_task(producer.stop())
            await asyncio.wait([leaving], timeout=self.limits.goodbye_seconds)
            if not leaving.done():
                leaving.cancel()
                _log.warning("records_abandoned", records=self.waiting_records)
            await asyncio.gather(leaving, return_exceptions=True)

    async def submit(self, bodies: Sequence[bytes]) -> list[int]:
        """Returns once Kafka has acknowledged every record: their offsets, each in its own partition.

        Raises Problem 429 or 503, both with Retry-After.
        """
        producer = self._admit(bodies)
        began = time.monotonic()
        self._wait_for(len(bodies), sum(map(len, bodies)))
        sent: list[asyncio.Future[Any]] = []
        refused = 0
        fault: BaseException | None = None
        try:
            async with asyncio.timeout(self.limits.acknowledge_seconds):
                for body in bodies:
                    key, internal = addressed(body)
                    refused += internal
                    headers = [CONTENT_TYPE, INTERNAL] if internal else [CONTENT_TYPE]
                    future = await producer.send(self._topic, body, key=key, headers=headers)
                    sent.append(future)
                    future.add_done_callback(functools.partial(self._settled, producer, len(body)))
                    if len(sent) % _STRIDE == 0:
                        await asyncio.sleep(0)
                await asyncio.wait(sent)
        except (KafkaError, TimeoutError) as error:
            fault = error
        finally:
            left = bodies[len(sent) :]
            self._wait_for(-len(left), -sum(map(len, left)))
        if isinstance(fault, TimeoutError):
            self._silent = True
            _log.warning("records_unacknowledged", records=len(bodies), waiting=self.waiting_records)
            raise self._in_doubt(f"Kafka has not acknowledged all of it within {self.limits.acknowledge_seconds:g} s")
        fault = fault or _first_fault(sent)
        if fault is not None:
            self._replace(producer, fault)
            raise self._in_doubt(f"Kafka did not take all of it ({type(fault).__name__})")
        self.accepted += len(bodies) - refused
        self.refused += refused
        self.latency.observe(time.monotonic() - began)
        return [int(getattr(future.result(), "offset", -1)) for future in sent]

    # -- who may -------------------------------------------------------------------------------------------------

    def _admit(self, bodies: Sequence[bytes]) -> Producer:
        """The producer to use. Raises Problem: nothing was sent then."""
        producer = self._producer
        if self._closed or self._trouble is not None or producer is None:
            raise Problem(
                503,
                "log_away",
                f"Nothing was taken: {self.trouble}. Send it again in {self.limits.retry_after_seconds} s.",
                headers={"Retry-After": str(self.limits.retry_after_seconds)},
            )
        # Whatever its size, a request passes while nothing waits: its body was bounded before.
        if self.waiting_records and (
            self.waiting_records + len(bodies) > self.limits.records
            or self.waiting_bytes + sum(map(len, bodies)) > self.limits.bytes
        ):
            raise Problem(
                429,
                "busy",
                "More is waiting for Kafka than may. Nothing was taken; send it again in 1 s.",
                headers={"Retry-After": "1"},
            )
        return producer

    def _in_doubt(self, what: str) -> Problem:
        return Problem(
            503,
            "unacknowledged",
            f"{what}. Send all of it again, with the same ids: what was taken nevertheless is counted once.",
            headers={"Retry-After": str(self.limits.retry_after_seconds)},
        )

    def _wait_for(self, records: int, size: int) -> None:
        self.waiting_records += records
        self.waiting_bytes += size

    def _settled(self, producer: Producer, size: int, future: asyncio.Future[Any]) -> None:
        """A record's fate is known, perhaps long after its request was answered."""
        self._wait_for(-1, -size)
        if future.cancelled():
            return
        fault = future.exception()
        if fault is None:
            self._silent = False
        else:
            self._replace(producer, fault)

    # -- Kafka coming and going ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Ask again and again whether Kafka answers, so that senders hear at once when it does not."""
        while True:
            await asyncio.sleep(self.limits.probe_seconds)
            producer = self._producer
            if producer is None:
                continue
            answers = False
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(self.limits.acknowledge_seconds):
                    answers = await producer.answers()
            if producer is not self._producer:
                continue
            if answers and self._trouble is not None:
                _log.info("kafka_back")
            elif not answers and self._trouble is None:
                _log.warning("kafka_away")
            self._trouble = None if answers else "Kafka does not answer"

    def _replace(self, producer: Producer, fault: BaseException) -> None:
        if self._producer is producer and not self._closed:
            _log.warning("producer_distrusted", error=type(fault).__name__, waiting=self.waiting_records)
            self._producer, self._trouble = None, "the connection to Kafka is being made anew"
            self._spawn(self._renew(producer))

    async def _renew(self, old: Producer) -> None:
        """End the old producer, whatever it still has to do, then start another."""
        with contextlib.suppress(KafkaError):
            await old.stop()
        while True:
            fresh = self._make()
            try:
                await fresh.start()
            except KafkaError:
                await fresh.stop()
                await asyncio.sleep(self.limits.probe_seconds)
                continue
            except asyncio.CancelledError:
                await fresh.stop()
                raise
            self._producer, self._trouble, self._silent = fresh, None, False
            _log.info("producer_renewed")
            return

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def addressed(body: bytes) -> tuple[bytes, bool]:
    """Kafka key of a record from the door, and whether it wraps what could not be taken and is ours therefore.

    A wrapped record concerns no key of the stage; its key only spreads them over the partitions.
    """
    taken = codec.decode(body)
    if isinstance(taken, Rejection):
        return key_of(None, "touchline", xxhash.xxh3_64_hexdigest(body)), taken.body is not None
    return key_of(taken.subject, taken.source, taken.id), False


def _first_fault(sent: Iterable[asyncio.Future[Any]]) -> BaseException | None:
    return next((fault for future in sent if (fault := future.exception()) is not None), None)
