"""A cluster that delivers: Kafka, Faust and Redis are real, the receivers are local webhooks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from aiohttp import web

from connectors.sinks.contract import abilities_of
from connectors.standard_webhooks import read_keys, sign
from streams.delivery.grouping import Book
from streams.delivery.message import read
from streams.delivery.receivers import receivers_of
from streams.model import Event
from streams.runtime.lane import CONCURRENCY
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation, Worker
from tests.cluster.parity import DEMO, SECOND, UNTIL
from tests.cluster.test_status import ask, free_ports
from tests.streams.runtime.outpost import SECRET
from tests.streams.runtime.receiver import Answer, Peer, Request, listening

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(900)]

PORTION = 20
"""Of about 180 deliveries; each worker but the last dies after one, in the middle of the next."""
THIRD_ATTEMPT_S = 400
"""What has failed twice while a receiver was down is tried again five minutes later, or up to a tenth more."""
RECEIVER_DOWN = 'touchline_receiver_up{receiver="ops_0"} 0.0'


def delivering(*peers: Peer) -> str:
    """The demo's file with a subscription `ops_N` for each receiver, to all that is decided."""
    text = DEMO.partition("\nsubscriptions:")[0] + "\nsubscriptions:\n"
    for number, peer in enumerate(peers):
        to = f"to: 'webhook:{peer.url}', secret: {SECRET}, allow_private: true"
        text += f"  - {{name: ops_{number}, match: {{type: [alert, case, feedback, signal, promise]}}, {to}}}\n"
    return text


async def meant(made: Installation) -> set[str]:
    """Ids of all decisions in the topic that `ops_1` is to get, by the rules of delivery."""
    receivers = {"ops_1": receivers_of(made.loaded.config, abilities_of)["ops_1"]}
    book, found, seen = Book(), set(), set()
    for record in await made.records(made.names.decisions):
        message = read(record.value)
        if message.id not in seen:
            seen.add(message.id)
            found |= {one.decision for one in book.address(receivers, message)[0]}
    return found


def families(peer: Peer) -> set[str]:
    """Of what has come."""
    return {str(msgspec.json.decode(one.body)["type"]).split(".")[1] for one in peer.requests}


def assert_signed(requests: Sequence[Request]) -> None:
    for request in requests:
        stamp = int(request.headers["webhook-timestamp"])
        assert request.headers["webhook-signature"] == sign(read_keys(SECRET), request.id, stamp, request.body)
        assert msgspec.json.decode(request.body)["data"]["id"] == request.id


async def until_delivered(made: Installation, worker: Worker, peer: Peer, limit_s: float = 120) -> set[str]:
    """Wait until the stages are done and all that they decided has been accepted."""
    await worker.until(made.done, "all to be processed")
    wanted = await meant(made)

    async def arrived() -> bool:
        return wanted <= set(peer.accepted)

    await worker.until(arrived, "all to be delivered", limit_s)
    return wanted


def at_most(peer: Peer, accepted: int) -> Answer:
    """Accept until so many were, then leave requests without an answer."""

    async def answer(request: Request) -> web.StreamResponse | None:
        return await (peer.accept if len(peer.accepted) < accepted else peer.hold)(request)

    return answer


async def test_asks_alerts_and_cases_arrive_signed_while_another_receiver_is_dead(
    install: Install, shop: list[Event]
) -> None:
    async with listening() as peer, listening() as dead, install(delivering(dead, peer), 2) as made:
        dead.answer = dead.hold
        await made.send(shop)
        (port,) = free_ports(1)
        worker = made.worker("--listen", f"127.0.0.1:{port}")
        try:
            await made.advance(UNTIL + 3 * SECOND)
            wanted = await until_delivered(made, worker, peer)
            path = "/deliveries?receiver=ops_0&state=pending&limit=500"
            page = msgspec.json.decode((await asyncio.to_thread(ask, port, path))[1])
            assert {one["decision"] for one in page["items"]} <= wanted
            assert page["items"]
            count = f'{{outcome="delivered",receiver="ops_1"}} {len(wanted)}.0'

            async def counted() -> bool:
                shown = (await asyncio.to_thread(ask, port, "/metrics"))[1].decode()
                return f"touchline_webhook_deliveries_total{count}" in shown and RECEIVER_DOWN in shown

            await worker.until(counted, "the metrics to say so")
            assert (await asyncio.to_thread(ask, port, "/deliveries?state=odd"))[0] == 400
        finally:
            code = worker.stop()
        assert code == 0, worker.log
        assert families(peer) >= {"alert", "case", "feedback"}
        assert Counter(peer.accepted) == Counter(wanted)
        assert_signed(peer.requests)
        assert dead.accepted == []
        dead.answer = dead.accept
        worker = made.worker()
        try:
            await until_delivered(made, worker, dead)
        finally:
            worker.stop()
        assert Counter(peer.accepted) == Counter(wanted)


async def test_workers_killed_under_load_lose_no_delivery_and_repeat_only_under_the_same_id(
    install: Install, shop: list[Event]
) -> None:
    async with listening() as dead, listening() as peer, install(delivering(dead, peer), 2) as made:
        dead.status(503)
        await made.send(shop)
        await made.advance(UNTIL + 3 * SECOND)
        for killed in range(1, 5):
            peer.answer = at_most(peer, killed * PORTION)
            victim = made.worker("--instance", "a", "--batch", "200", "--session", "6")

            async def busy(wanted: int = killed * PORTION) -> bool:
                return len(peer.accepted) >= wanted and peer.holding > 0

            await victim.until(busy, "a portion of the deliveries")
            victim.kill()
        peer.answer = peer.accept
        last = made.worker("--instance", "a", "--session", "6")
        try:
            wanted = await until_delivered(made, last, peer)
            dead.answer = dead.accept
            await until_delivered(made, last, dead, THIRD_ATTEMPT_S)
        finally:
            last.stop()
        assert set(peer.accepted) == set(dead.accepted) == wanted
        assert_signed(peer.requests)
        repeats = len(peer.accepted) - len(wanted)
        assert repeats <= 4 * CONCURRENCY, "more than what was under way when a worker died"
        bodies: dict[str, set[bytes]] = {}
        for request in peer.requests:
            bodies.setdefault(request.id, set()).add(request.body)
        assert all(len(body) == 1 for body in bodies.values())


async def test_two_workers_deliver_through_a_rebalance_and_a_receiver_that_comes_back(
    install: Install, shop: list[Event]
) -> None:
    async with listening() as away, listening() as peer, install(delivering(away, peer), 4) as made:
        away.answer = away.hold
        half = len(shop) // 2
        await made.send(shop[:half])
        first = made.worker("--batch", "200")
        try:

            async def begun() -> bool:
                return len(peer.accepted) >= 5

            await first.until(begun, "the first deliveries")
            second = made.worker("--batch", "200")
            await made.send(shop[half:])

            async def shared() -> bool:
                return "deliveries_claimed" in second.log

            await second.until(shared, "the second worker to get partitions of the decisions")
            await made.advance(UNTIL + 3 * SECOND)
            await second.until(made.done, "all to be processed")
            assert first.stop() == 0, first.log
            wanted = await until_delivered(made, second, peer)
            assert away.accepted == []
            away.answer = away.accept
            await until_delivered(made, second, away)
        finally:
            made.stop()
        assert set(peer.accepted) == set(away.accepted) == wanted
        # A partition that leaves gives what is under way two seconds; the next owner sends again what took longer.
        repeats = len(peer.accepted) - len(wanted)
        assert repeats <= 2 * CONCURRENCY, "more than what was under way at the two rebalances"
