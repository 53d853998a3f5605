"""Delivery in a cluster worker, without servers: through crashes, partitions that come and go, and a store away."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest
from aiohttp import web

from connectors.standard_webhooks import read_keys, sign
from streams.config.load import load_text
from streams.delivery.ladder import WAITS
from streams.delivery.message import Message
from streams.delivery.waiting import Delivery
from streams.errors import CannotStart
from streams.runtime.clock import VirtualClock
from streams.runtime.cluster import dispatch as dispatching
from streams.runtime.cluster.delivery_pages import DeliveryPages
from streams.runtime.service import BadCursor, ReceiverHealth, Stopped
from streams.runtime.store.delivery_pages import DeliveryView
from streams.units import DAY, HOUR, MINUTE, SECOND
from tests.cluster.courier import SENDER, Courier, Log, working
from tests.cluster.memory_store import Memory
from tests.streams.delivery.messages import TIME, alert, decision
from tests.streams.runtime.outpost import SECRET, subscribed
from tests.streams.runtime.receiver import Answer, Peer, Request, listening


def asks(count: int, first: int = 0) -> list[Message]:
    return [
        decision("feedback.requested", f"c-{number}", rule="nps", request=f"r-{number}")
        for number in range(first, first + count)
    ]


def held_by(peer: Peer, gate: asyncio.Event) -> Answer:
    """Take everything, but answer only once the gate is open."""

    async def answer(request: Request) -> web.StreamResponse | None:
        await gate.wait()
        return await peer.accept(request)

    return answer


class Place:
    """A memory, a log and a clock; workers come and go."""

    def __init__(self, partitions: int = 1) -> None:
        self.memory, self.log, self.clock = Memory(), Log(partitions), VirtualClock(TIME)

    def worker(self, *peers: Peer, match: str = "{type: [alert, feedback, case]}") -> Courier:
        urls = [peer.url for peer in peers]
        return Courier(subscribed(*urls, match=match), self.clock, self.memory, self.log)


@pytest.fixture
def place() -> Place:
    return Place()


async def test_what_is_decided_arrives_as_a_signed_webhook(place: Place) -> None:
    async with listening() as peer, working(place.worker(peer)) as worker:
        ids = place.log.write(0, *asks(3))
        await worker.read()
        await worker.settled(peer)
        assert Counter(peer.accepted) == Counter(ids)
        for request in peer.requests:
            stamp = int(request.headers["webhook-timestamp"])
            assert request.headers["webhook-signature"] == sign(read_keys(SECRET), request.id, stamp, request.body)
            assert msgspec.json.decode(request.body)["data"]["id"] == request.id
        assert worker.health() == ReceiverHealth("ops", "webhook", "ok", 0, None, None, delivered=3)
        assert set(worker.states().values()) == {"delivered"}


async def test_a_decision_that_comes_twice_is_delivered_once(place: Place) -> None:
    async with listening() as peer, working(place.worker(peer)) as worker:
        first, second = asks(2)
        ids = place.log.write(0, first, second)
        place.log.write(0, first, number=0)
        place.log.write(0, second, number=1)
        await worker.read()
        await worker.settled(peer)
        assert Counter(peer.accepted) == Counter(ids)


async def test_a_decision_that_comes_late_is_no_repeat(place: Place) -> None:
    """Its sender failed between the two, and sent both again."""
    async with listening() as peer, working(place.worker(peer)) as worker:
        first, second = asks(2)
        for message, number in ((second, 1), (first, 0), (second, 1)):
            place.log.write(0, message, number=number)
        await worker.read()
        await worker.settled(peer)
        assert Counter(peer.accepted) == Counter([first.id, second.id])


async def test_an_alert_is_told_once_even_when_its_partition_moves(place: Place) -> None:
    async with listening() as peer:
        async with working(place.worker(peer)) as worker:
            (firing,) = place.log.write(0, alert())
            await worker.read()
            await worker.settled(peer)
        async with working(place.worker(peer)) as worker:
            place.log.write(0, alert("updated", size=0.7))
            (resolved,) = place.log.write(0, alert("resolved"))
            (again,) = place.log.write(0, alert("firing", fired=2))
            await worker.read()
            await worker.settled(peer)
        assert peer.accepted == [firing, resolved, again]


async def test_what_a_crash_left_undone_leaves_with_the_next_owner(place: Place) -> None:
    """Between an attempt and its answer, and between the log and the first attempt."""
    async with listening() as peer:
        worker = place.worker(peer)
        await worker.claim(0)
        peer.answer = peer.hold
        begun = place.log.write(0, *asks(2))
        await worker.read()
        await worker.settled(peer)
        never = place.log.write(0, *asks(2, 2))
        await worker.die()
        assert {request.id for request in peer.requests} == set(begun)
        peer.answer = peer.accept
        async with working(place.worker(peer)) as heir:
            await heir.read()
            await heir.settled()
            assert Counter(peer.accepted) == Counter(begun + never)
            assert Counter(request.id for request in peer.requests) == Counter(begun + begun + never)


async def test_what_was_delivered_is_not_sent_again_after_a_crash(place: Place) -> None:
    async with listening() as peer:
        worker = place.worker(peer)
        await worker.claim(0)
        ids = place.log.write(0, *asks(5))
        await worker.read()
        await worker.settled(peer)
        await worker.die()
        async with working(place.worker(peer)) as heir:
            await heir.read()
            await heir.settled(peer)
        assert Counter(peer.accepted) == Counter(ids)


async def test_a_restart_keeps_the_ladder(place: Place) -> None:
    async with listening() as peer:
        peer.status(400)
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(1))
            await worker.read()
            await worker.pass_time(10 * SECOND, SECOND, peer)
            assert len(peer.requests) == 2
        async with working(place.worker(peer)) as worker:
            (row,) = worker.dispatch.rows()
            assert row.attempts == 2
            await worker.pass_time(WAITS[1] - 20 * SECOND, SECOND, peer)
            assert len(peer.requests) == 2
            peer.answer = peer.accept
            await worker.pass_time(WAITS[1] // 5, SECOND, peer)
            assert len(peer.requests) == 3
            assert worker.states() == {row.decision: "delivered"}


async def test_a_restart_leaves_a_receiver_alone_that_asked_for_it(place: Place) -> None:
    async with listening() as peer:
        peer.status(429, Retry_After="600")
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(3))
            await worker.read()
            await worker.settled(peer)
            begun = len(peer.requests)
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(1, 3))
            await worker.read()
            await worker.pass_time(9 * MINUTE, MINUTE, peer)
            assert len(peer.requests) == begun
            assert worker.health().last_error == "HTTP 429"
            peer.answer = peer.accept
            await worker.pass_time(HOUR, MINUTE, peer)
            assert len(peer.accepted) == 4


async def test_a_receiver_that_is_gone_stays_so_until_its_address_changes(place: Place) -> None:
    async with listening() as peer, listening() as other:
        peer.status(410)
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(1))
            await worker.read()
            await worker.settled(peer)
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(1, 1))
            await worker.read()
            await worker.settled(peer)
            assert set(worker.states().values()) == {"disabled"}
            assert worker.health().state == "disabled"
            assert len(peer.requests) == 1
        async with working(place.worker(other)) as worker:
            (told,) = place.log.write(0, *asks(1, 2))
            await worker.read()
            await worker.settled(other)
            assert other.accepted == [told]


async def test_a_receiver_that_never_answers_delays_no_other() -> None:
    place = Place(2)
    async with listening() as dead, listening() as well, working(place.worker(dead, well), 0, 1) as worker:
        dead.answer = dead.hold
        ids = place.log.write(0, *asks(30)) + place.log.write(1, *asks(30, 30))
        await worker.read()
        await worker.settled(dead, well)
        assert Counter(well.accepted) == Counter(ids)
        assert worker.health("ops").pending == 60


async def test_a_partition_that_leaves_takes_what_waits_along() -> None:
    place = Place(2)
    async with listening() as peer:
        peer.status(500)
        first = place.worker(peer)
        second = place.worker(peer)
        async with working(first, 0, 1), working(second, 1):
            await first.dispatch.release([1])
            await second.claim(1)
            ids = place.log.write(0, *asks(2)), place.log.write(1, *asks(2, 2))
            for worker in (first, second):
                await worker.read()
                await worker.settled(peer)
            assert (first.health().pending, second.health().pending) == (2, 2)
            peer.answer = peer.accept
            await first.dispatch.release([0])
            assert first.health().pending == 0
            await second.claim(0)
            await second.pass_time(HOUR, MINUTE, peer)
            assert Counter(peer.accepted) == Counter(ids[0] + ids[1])


async def test_an_attempt_under_way_may_end_before_its_partition_leaves() -> None:
    place, gate = Place(2), asyncio.Event()
    async with listening() as peer, working(place.worker(peer)) as first, working(place.worker(peer), 1) as second:
        peer.answer = held_by(peer, gate)
        ids = place.log.write(0, *asks(1))
        await first.read()
        await peer.until(1)
        leaving = asyncio.create_task(first.dispatch.release([0], 60.0))
        await asyncio.sleep(0)
        assert not leaving.done()
        gate.set()
        await leaving
        await second.claim(0)
        await second.read()
        await second.settled(peer)
        assert [request.id for request in peer.requests] == peer.accepted == ids


async def test_an_attempt_that_outlives_its_partition_is_made_again_under_the_same_id() -> None:
    place, gate = Place(2), asyncio.Event()
    async with listening() as peer, working(place.worker(peer)) as first, working(place.worker(peer), 1) as second:
        peer.answer = held_by(peer, gate)
        ids = place.log.write(0, *asks(1))
        await first.read()
        await peer.until(1)
        await first.dispatch.release([0], 0.0)
        peer.answer = peer.accept
        await second.claim(0)
        await second.settled(peer)
        gate.set()
        await first.settled(peer)
        assert peer.accepted == ids * 2
        assert second.states() == {ids[0]: "delivered"}


async def test_while_the_store_is_away_nothing_new_begins_and_no_outcome_is_forgotten(place: Place) -> None:
    async with listening() as peer, working(place.worker(peer)) as worker:
        gate = asyncio.Event()
        peer.answer = held_by(peer, gate)
        begun = place.log.write(0, *asks(2))
        await worker.read()
        await peer.until(2)
        place.memory.away = True
        later = place.log.write(0, *asks(2, 2))
        gate.set()
        while not worker.dispatch.trouble:
            await asyncio.sleep(0)
        assert worker.dispatch.trouble == {0: "store: ConnectionError"}
        await worker.dispatch.take(0, 2, (SENDER, 2), asks(1, 2)[0].body)
        assert len(peer.requests) == 2
        place.memory.away = False
        await worker.claim(0)
        await worker.read()
        await worker.settled()
        assert Counter(peer.accepted) == Counter(begun + later)
        assert len(peer.requests) == 4
        assert set(worker.states().values()) == {"delivered"}


async def test_who_lost_a_partition_sends_and_commits_nothing_more_for_it(place: Place) -> None:
    async with listening() as peer, working(place.worker(peer)) as zombie, working(place.worker(peer)) as heir:
        ids = place.log.write(0, *asks(3))
        for worker in (zombie, heir):
            await worker.read()
            await worker.settled(peer)
        assert zombie.dispatch.lost == {0: 3}
        assert Counter(peer.accepted) == Counter(ids)


async def test_only_the_record_at_the_position_moves_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as peer, working(place.worker(peer)) as worker:
        place.log.write(0, *asks(3))
        sender, body = place.log.records[0][2]
        await worker.dispatch.take(0, 2, sender, body)
        assert worker.dispatch.parts[0].read == 0
        worker.dispatch.tick()
        assert worker.dispatch.trouble == {}
        monkeypatch.setattr(dispatching, "_JUMP_LIMIT_S", -1.0)
        worker.dispatch.tick()
        assert worker.dispatch.trouble == {0: "records between were not delivered"}
        await worker.claim(0)
        await worker.read()
        await worker.settled(peer)
        assert len(peer.accepted) == 3


@pytest.mark.parametrize(("first", "end"), [(3, 9), (0, 1)])
async def test_a_position_outside_the_log_is_refused(place: Place, first: int, end: int) -> None:
    async with listening() as peer:
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(2))
            await worker.read()
        heir = place.worker(peer)
        place.log.first, place.log.records[0] = first, place.log.records[0][:1] * end
        with pytest.raises(CannotStart, match=f"its position is 2, the log holds {first} to {end}"):
            await heir.claim(0)
        await heir.dispatch.close()


@pytest.mark.expects_errors
async def test_a_record_that_is_no_decision_is_passed_over(place: Place) -> None:
    async with listening() as peer, working(place.worker(peer)) as worker:
        await worker.dispatch.take(0, 0, (SENDER, 0), b"{")
        await worker.dispatch.take(0, 1, None, asks(1)[0].body)
        await worker.dispatch.take(0, 2, (SENDER, 1), asks(1)[0].body)
        await worker.settled(peer)
        assert peer.accepted == [asks(1)[0].id]


async def test_alerts_of_one_incident_are_one_message(place: Place) -> None:
    text = "subscriptions:\n  - {name: chat, to: 'slack:URL', allow_private: true, group_wait: 10s}\n"
    async with listening() as peer:
        loaded = load_text(text.replace("URL", peer.url), environ={})
        async with working(Courier(loaded, place.clock, place.memory, place.log)) as worker:
            place.log.write(0, alert(), alert(fingerprint="f-2"))
            await worker.read()
            await worker.settled(peer)
            assert peer.requests == []
            await worker.pass_time(11 * SECOND, SECOND, peer)
            assert len(peer.requests) == 1


async def test_a_digest_survives_a_change_of_owner(place: Place) -> None:
    text = "subscriptions:\n  - {name: chat, to: 'slack:URL', allow_private: true, digest: 1h}\n"
    async with listening() as peer:
        loaded = load_text(text.replace("URL", peer.url), environ={})
        for fingerprint in ("f-1", "f-2"):
            async with working(Courier(loaded, place.clock, place.memory, place.log)) as worker:
                place.log.write(0, alert(fingerprint=fingerprint))
                await worker.read()
                await worker.settled(peer)
        async with working(Courier(loaded, place.clock, place.memory, place.log)) as worker:
            assert peer.requests == []
            await worker.pass_time(HOUR, MINUTE, peer)
            assert len(peer.requests) == 1


async def test_what_has_waited_for_a_week_is_given_up_and_kept_for_a_month(place: Place) -> None:
    async with listening() as peer:
        async with working(place.worker(peer)) as worker:
            peer.status(503)
            place.log.write(0, *asks(1))
            await worker.read()
            await worker.settled(peer)
        nobody = Courier(subscribed(), place.clock, place.memory, place.log)
        async with working(nobody):
            assert nobody.health().state == "unknown"
            place.clock.advance(8 * DAY)
            nobody.dispatch.tidy()
            assert list(nobody.states().values()) == ["failed"]
            await nobody.committed()
            place.clock.advance(29 * DAY)
            nobody.dispatch.tidy()
            assert len(nobody.states()) == 1
            place.clock.advance(2 * DAY)
            nobody.dispatch.tidy()
            await nobody.committed()
            assert nobody.states() == {}
        assert place.memory.due[0] == {}
        assert not any(key[0].isdigit() or key.startswith("m:") for key in place.memory.items[0])


async def test_a_delivery_that_failed_can_be_sent_again(place: Place) -> None:
    async with listening() as peer, working(place.worker(peer)) as worker:
        peer.status(410)
        (name,) = place.log.write(0, *asks(1))
        await worker.read()
        await worker.settled(peer)
        peer.answer = peer.accept
        (row,) = worker.dispatch.rows()
        await worker.dispatch.replay([row], "ops")
        await worker.settled(peer)
        assert peer.accepted == [name]
        place.memory.away = True
        with pytest.raises(Stopped):
            await worker.dispatch.replay([row], "ops")
        place.memory.away = False
        await worker.claim(0)
        assert worker.states() == {name: "delivered"}


async def test_what_is_stored_is_what_is_in_memory(place: Place) -> None:
    async with listening() as peer:
        peer.status(500)
        async with working(place.worker(peer)) as worker:
            place.log.write(0, *asks(3), alert())
            await worker.read()
            await worker.pass_time(MINUTE, SECOND, peer)
            before = {row.id: msgspec.structs.replace(row) for row in worker.dispatch.rows()}
        async with working(place.worker(peer)) as worker:
            after: dict[int, Delivery] = {row.id: row for row in worker.dispatch.rows()}
            assert after == before


async def test_deliveries_are_listed_newest_first_over_all_partitions_and_sent_again() -> None:
    place = Place(2)
    async with listening() as peer, working(place.worker(peer), 0, 1) as worker:
        pages = DeliveryPages(worker.dispatch)
        ids = []
        for number in range(6):
            ids += place.log.write(number % 2, *asks(1, number))
            await worker.read()
            await worker.settled(peer)
            worker.clock.advance(SECOND)
        shown: list[DeliveryView] = []
        cursor = None
        while True:
            page = await pages.deliveries(None, 4, cursor, None, None)
            shown += page.items
            if (cursor := page.next) is None:
                break
        assert [one.decision for one in shown] == ids[::-1]
        assert {one.state for one in shown} == {"delivered"}
        assert (await pages.deliveries(TIME + 4 * SECOND, 9, None, "ops", "delivered")).items == shown[:2]
        assert (await pages.deliveries(None, 9, None, None, "failed")).items == []
        with pytest.raises(BadCursor):
            await pages.deliveries(None, 9, "4", None, None)
        assert await pages.replay_delivery(shown[0].id)
        assert not await pages.replay_delivery(7)
        assert await pages.replay_deliveries("ops", TIME, TIME + 2 * SECOND) == 2
        assert await pages.replay_deliveries("nobody", TIME, TIME + SECOND) is None
        await worker.settled(peer)
        assert Counter(peer.accepted) == Counter(ids + [ids[0], ids[1], ids[5]])
