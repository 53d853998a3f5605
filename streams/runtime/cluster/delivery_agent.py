"""Faust's part in delivery: an agent on the decisions, a timer, and partitions that come and go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import faust
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faust.types import TP
from mode import Service

from streams.errors import CannotStart
from streams.runtime.cluster import security
from streams.runtime.cluster.addresses import SEQUENCE, SOURCE
from streams.runtime.cluster.delivery_part import Ends
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.positions import Consumer
from streams.runtime.cluster.redis_store import DOWN

_log = structlog.get_logger()
_TICK_S = 0.2


class Deliveries(Service):
    """Started after the agent, so stopped before it: attempts under way end while the partitions are still ours."""

    def __init__(self, dispatch: Dispatch, kafka: str, topic: str, **options: Any) -> None:
        super().__init__(**options)
        self._dispatch = dispatch
        self._kafka = kafka
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None

    async def on_stop(self) -> None:
        """Begin nothing more, finish, commit."""
        await self._dispatch.close()
        await self._hang_up()

    async def find(self, app: faust.App, tp: TP) -> int | None:
        """Where a partition is read on; while the store is down nowhere, and what comes is ignored."""
        try:
            return await self._dispatch.claim(tp.partition, self._ends)
        except DOWN as error:
            self._dispatch.fail(tp.partition, f"store: {type(error).__name__}")
        except KafkaError as error:
            self._dispatch.fail(tp.partition, f"kafka: {type(error).__name__}")
            await self._hang_up()
        except CannotStart as error:
            _log.error("deliveries_stopped", error=str(error))
            await app.crash(error)
        return None

    async def _ends(self, number: int) -> Ends:
        """By a connection of our own: Faust's consumer answers within a second, which adds up. Raises KafkaError."""
        if self._consumer is None:
            consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, **security.kafka().options())
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        tp = TopicPartition(self._topic, number)
        first = await self._consumer.beginning_offsets([tp])
        end = await self._consumer.end_offsets([tp])
        return Ends(first[tp], end[tp])

    async def _hang_up(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError):
                await consumer.stop()


def attach(app: faust.App, dispatch: Dispatch, topic: str) -> None:
    """Give the app its agent on the decisions, the timer beside it, and the way back after trouble."""
    decisions = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(decisions, name="deliveries")
    async def deliver(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            try:
                message = event.message
                sender, log_time = sender_of(message.headers), round(message.timestamp * 1e6)
                await dispatch.take(message.partition, message.offset, sender, event.value, log_time)
            except Exception as error:  # an agent that raises loses its record and stops
                _log.exception("deliveries_stopped")
                await app.crash(error)

    @app.timer(interval=_TICK_S)  # type: ignore[untyped-decorator]  # Faust's decorator is untyped
    async def look_after_deliveries() -> None:
        try:
            dispatch.tick()
            if not app.rebalancing and dispatch.may_retry():
                await _claim_again(app, dispatch, topic)
        except Exception as error:  # as above
            _log.exception("deliveries_stopped")
            await app.crash(error)

    async def on_revoked(_app: object, revoked: set[TP], *_: object, **__: object) -> None:
        await dispatch.release([tp.partition for tp in revoked if tp.topic == topic])

    app.on_partitions_revoked.connect(on_revoked, weak=False)  # type: ignore[arg-type]  # Faust calls it so; its type has "signal"


async def _claim_again(app: faust.App, dispatch: Dispatch, topic: str) -> None:
    """Claim what is in trouble and go back to its stored positions; of what another has claimed only what is ours."""
    consumer = app.consumer
    assert isinstance(consumer, Consumer)
    assigned = consumer.assignment()
    for number in list(dispatch.trouble):
        tp = TP(topic, number)
        if tp not in assigned:
            await dispatch.release([number], 0.0)
        elif number in dispatch.lost and not await consumer.accepts(tp, dispatch.lost[number]):
            return
    if dispatch.trouble:
        await consumer.position_anew(app)


def sender_of(headers: object) -> tuple[str, int] | None:
    """Whose n-th effect a decision is; None for a record that no stage has sent."""
    pairs: Iterable[tuple[str, bytes]] = headers.items() if isinstance(headers, dict) else headers or ()  # type: ignore[assignment]  # Faust hands over either
    found = dict(pairs)
    try:
        return found[SOURCE].decode(), int(found[SEQUENCE])
    except (KeyError, ValueError):
        return None
