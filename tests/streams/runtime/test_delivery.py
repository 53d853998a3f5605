"""Delivery: what was decided reaches its receivers, through crashes and bad days. Only the clock is not real."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from connectors.standard_webhooks import read_keys, sign
from streams.config.load import Loaded, load_text
from streams.delivery.ladder import ATTEMPTS, WAITS
from streams.delivery.message import Batch, Message
from streams.delivery.outcome import Outcome, Refused
from streams.delivery.receivers import Receiver
from streams.runtime.clock import VirtualClock
from streams.runtime.service import ReceiverHealth
from streams.runtime.sinks import make_sink
from streams.runtime.store.store import StoreFailed
from streams.units import DAY, HOUR, MINUTE, SECOND
from tests.streams.delivery.messages import TIME, alert, decision
from tests.streams.runtime.outpost import SECRET, Outpost, subscribed
from tests.streams.runtime.receiver import Request, listening


@pytest.fixture
def outpost(tmp_path: Path) -> Outpost:
    return Outpost(tmp_path / "shop.db", VirtualClock(TIME))


@asynccontextmanager
async def running(outpost: Outpost, loaded: Loaded) -> AsyncIterator[Outpost]:
    await outpost.start(loaded)
    try:
        yield outpost
    finally:
        await outpost.stop()


def asks(count: int, first: int = 0) -> list[Message]:
    return [
        decision("feedback.requested", f"c-{number}", rule="nps", request=f"r-{number}")
        for number in range(first, first + count)
    ]


def rows(outpost: Outpost, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(outpost.path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def states(outpost: Outpost) -> Counter[str]:
    return Counter(row[0] for row in rows(outpost, "SELECT state FROM deliveries"))


async def test_what_is_decided_arrives_as_a_signed_webhook(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        ids = await outpost.decide(*asks(3))
        await outpost.settled(peer)
        assert Counter(peer.accepted) == Counter(ids)
        for request in peer.requests:
            stamp = int(request.headers["webhook-timestamp"])
            assert stamp == outpost.clock.now() // SECOND
            assert request.headers["webhook-signature"] == sign(read_keys(SECRET), request.id, stamp, request.body)
            assert msgspec.json.decode(request.body)["data"]["id"] == request.id
        assert outpost.health() == ReceiverHealth("ops", "webhook", "ok", 0, None, None, delivered=3)
        assert states(outpost) == {"delivered": 3}


async def test_what_a_receiver_does_not_want_is_not_sent(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url, match="{severity: critical}")):
        await outpost.decide(*asks(3), alert(severity="info"))
        (critical,) = await outpost.decide(alert("updated", severity="critical"))
        await outpost.settled(peer)
        assert peer.accepted == [critical]


async def test_an_alert_is_told_once_even_across_a_restart(outpost: Outpost) -> None:
    async with listening() as peer:
        async with running(outpost, subscribed(peer.url)):
            (firing,) = await outpost.decide(alert())
            await outpost.settled(peer)
        async with running(outpost, subscribed(peer.url)):
            await outpost.decide(alert("updated", size=0.7))
            (resolved,) = await outpost.decide(alert("resolved"))
            await outpost.settled(peer)
            (again,) = await outpost.decide(alert("firing", fired=2))
            await outpost.settled(peer)
        assert peer.accepted == [firing, resolved, again]


async def test_a_beginning_that_fails_is_not_overtaken_by_its_end(outpost: Outpost) -> None:
    refused: set[str] = set()

    async def refuse_first(request: Request) -> web.StreamResponse | None:
        if request.id in refused:
            return await peer.accept(request)
        refused.add(request.id)
        return web.Response(status=500)

    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.answer = refuse_first
        ids = await outpost.decide(alert(), alert("resolved"))
        await outpost.pass_time(MINUTE, SECOND, peer)
        assert peer.accepted == ids


async def test_an_end_waits_for_its_beginning_only_as_long_as_that_may_soon_succeed(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        firing, resolved = await outpost.decide(alert(), alert("resolved"))

        async def refuse_the_beginning(request: Request) -> web.StreamResponse | None:
            return web.Response(status=400) if request.id == firing else await peer.accept(request)

        peer.answer = refuse_the_beginning
        await outpost.pass_time(4 * MINUTE, SECOND, peer)
        assert peer.accepted == []
        await outpost.pass_time(HOUR, MINUTE, peer)
        assert peer.accepted == [resolved]


async def test_what_a_crash_left_undone_leaves_with_the_next_start(outpost: Outpost) -> None:
    """Between the commit and the first attempt, and between an attempt and its answer."""
    async with listening() as peer:
        peer.answer = peer.hold
        async with running(outpost, subscribed(peer.url)):
            begun = await outpost.decide(*asks(2))
            await outpost.settled(peer)
            never = [message.id for message in (await outpost.commit(*asks(2, 2))).decisions]
        assert {request.id for request in peer.requests} == set(begun)
        peer.answer = peer.accept
        async with running(outpost, subscribed(peer.url)):
            await outpost.settled(peer)
            assert Counter(peer.accepted) == Counter([*begun, *never])


async def test_a_receiver_that_is_down_delays_nobody_else(outpost: Outpost) -> None:
    async with listening() as well, listening() as down, running(outpost, subscribed(well.url, down.url)):
        down.answer = down.hold
        ids = await outpost.decide(*asks(20))
        await outpost.settled(well, down)
        assert Counter(well.accepted) == Counter(ids)
        await outpost.pass_time(MINUTE, SECOND, well, down)
        assert outpost.health().state == "ok"
        poor = outpost.health("ops_2")
        assert (poor.state, poor.pending, poor.last_error) == ("failing", 20, "no answer within 15 s")
        assert poor.oldest_seconds == 60


async def test_a_receiver_that_is_down_is_not_stormed(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.status(503)
        await outpost.decide(*asks(100))
        await outpost.pass_time(HOUR, SECOND, peer)
        assert len(peer.requests) < 30
        peer.answer = peer.accept
        await outpost.pass_time(6 * MINUTE, SECOND, peer)
        assert len(set(peer.accepted)) > 90


async def test_the_ladder_is_climbed_for_three_days_and_then_it_is_over(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.status(400)
        (message,) = await outpost.decide(*asks(1))
        tried: list[int] = []
        while outpost.clock.now() < TIME + 90 * HOUR:
            await outpost.settled(peer)
            tried += [outpost.clock.now()] * (len(peer.requests) - len(tried))
            await outpost.pass_time(SECOND if len(tried) < 2 else MINUTE, MINUTE, peer)
        waits = [later - earlier for earlier, later in zip(tried[:-1], tried[1:], strict=True)]
        assert len(waits) == ATTEMPTS - 1
        # What fails five times in a row is left alone a little longer: five minutes at most, and a minute per step.
        for wait, planned in zip(waits, WAITS, strict=True):
            assert planned <= wait <= planned * 11 // 10 + 6 * MINUTE
        found = rows(outpost, "SELECT decision, state, attempts, last_error FROM deliveries")
        assert found == [(message, "failed", ATTEMPTS, "HTTP 400")]
        assert (outpost.health().failed, outpost.health().pending) == (1, 0)


async def test_each_attempt_is_signed_anew_under_the_same_id(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.status(500)
        await outpost.decide(*asks(1))
        await outpost.pass_time(20 * MINUTE, SECOND, peer)
        stamps = [int(request.headers["webhook-timestamp"]) for request in peer.requests]
        assert len(stamps) == 3
        assert stamps == sorted(set(stamps))
        assert len({(request.id, request.body) for request in peer.requests}) == 1
        assert len({request.headers["webhook-signature"] for request in peer.requests}) == 3


async def test_a_receiver_may_say_when_it_wants_to_be_tried_again(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.status(429, Retry_After="1800")
        ids = await outpost.decide(*asks(10))
        await outpost.settled(peer)
        came = len(peer.requests)
        peer.answer = peer.accept
        await outpost.pass_time(29 * MINUTE, SECOND, peer)
        assert len(peer.requests) == came
        await outpost.pass_time(10 * MINUTE, SECOND, peer)
        assert Counter(peer.accepted) == Counter(ids)


async def test_what_it_asked_for_stands_on_the_delivery(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.status(500, Retry_After="7200")
        await outpost.decide(*asks(1))
        await outpost.settled(peer)
        (row,) = rows(outpost, "SELECT attempts, next_at FROM deliveries")
        assert row == (1, TIME + 2 * HOUR)


async def test_410_disables_the_receiver_until_somebody_replays_what_it_missed(outpost: Outpost) -> None:
    async with listening() as peer:
        peer.status(410)
        async with running(outpost, subscribed(peer.url)):
            ids = await outpost.decide(*asks(10))
            await outpost.settled(peer)
            assert (outpost.health().state, outpost.health().pending) == ("disabled", 0)
            assert "410" in (outpost.health().last_error or "")
            ids += await outpost.decide(*asks(5, 10))
            assert states(outpost) == {"disabled": 15}
        came = len(peer.requests)
        assert came < 10
        peer.answer = peer.accept
        async with running(outpost, subscribed(peer.url)):
            await outpost.pass_time(DAY, HOUR, peer)
            assert (outpost.health().state, len(peer.requests)) == ("disabled", came)
            assert await outpost.delivery.replay_deliveries("ops", 0, outpost.clock.now()) == 15
            await outpost.settled(peer)
            assert Counter(peer.accepted) == Counter(ids)
            assert outpost.health().state == "ok"
        async with running(outpost, subscribed(peer.url)):
            (after,) = await outpost.decide(*asks(1, 15))
            await outpost.settled(peer)
            assert peer.accepted[-1] == after


async def test_a_new_address_is_no_longer_disabled(outpost: Outpost) -> None:
    async with listening() as old, listening() as new, running(outpost, subscribed(old.url)):
        old.status(410)
        await outpost.decide(*asks(1))
        await outpost.settled(old)
        await outpost.delivery.follow(subscribed(old.url, match="{type: feedback}").config)
        assert outpost.health().state == "disabled"
        await outpost.delivery.follow(subscribed(new.url).config)
        assert outpost.health().state == "ok"
        ids = await outpost.decide(*asks(2, 1))
        await outpost.settled(new)
        assert Counter(new.accepted) == Counter(ids)


async def test_what_waits_for_a_receiver_that_has_left_the_file_is_shown_and_leaves_when_it_is_back(
    outpost: Outpost,
) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        peer.answer = peer.hold
        ids = await outpost.decide(*asks(6))
        await outpost.settled(peer)
        await outpost.delivery.follow(subscribed().config)
        peer.answer = peer.accept
        came = len(peer.requests)
        await outpost.pass_time(HOUR, MINUTE)
        assert len(peer.requests) == came
        left = outpost.health()
        assert (left.state, left.pending) == ("unknown", 6)
        await outpost.delivery.follow(subscribed(peer.url).config)
        await outpost.settled(peer)
        assert Counter(peer.accepted) == Counter(ids)


async def test_what_has_waited_for_a_week_is_given_up(outpost: Outpost) -> None:
    async with listening() as peer:
        async with running(outpost, subscribed(peer.url)):
            await outpost.settled(peer)  # else the lane's first look may still find what is stored now
            await outpost.commit(*asks(3))
        async with running(outpost, subscribed()):
            await outpost.pass_time(7 * DAY + SECOND, DAY)
            await outpost.commit()
            assert states(outpost) == {"failed": 3}
            assert rows(outpost, "SELECT DISTINCT last_error FROM deliveries") == [("not delivered within 7 days",)]


async def test_what_was_delivered_is_kept_for_a_week(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        await outpost.decide(*asks(3))
        await outpost.pass_time(7 * DAY, DAY, peer)
        await outpost.commit()
        assert states(outpost) == {"delivered": 3}
        await outpost.pass_time(SECOND, SECOND, peer)
        await outpost.commit()
        assert states(outpost) == {}
        assert outpost.health().delivered == 3


async def test_one_delivery_is_sent_again_under_the_same_id(outpost: Outpost) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        ids = await outpost.decide(*asks(3))
        await outpost.settled(peer)
        page = await outpost.delivery.deliveries(None, 1, None, None, None)
        (newest,) = page.items
        assert (newest.state, newest.decision) == ("delivered", ids[-1])
        assert await outpost.delivery.replay_delivery(newest.id)
        assert not await outpost.delivery.replay_delivery(10**9)
        await outpost.settled(peer)
        assert peer.accepted.count(ids[-1]) == 2


async def test_a_range_is_replayed_for_one_receiver_only(outpost: Outpost) -> None:
    async with listening() as one, listening() as other, running(outpost, subscribed(one.url, other.url)):
        await outpost.decide(*asks(2))
        await outpost.pass_time(HOUR, HOUR, one, other)
        since = outpost.clock.now()
        ids = await outpost.decide(*asks(2, 2))
        await outpost.pass_time(HOUR, HOUR, one, other)
        await outpost.decide(*asks(2, 4))
        await outpost.settled(one, other)
        assert await outpost.delivery.replay_deliveries("ops", since, since + 1) == 2
        assert await outpost.delivery.replay_deliveries("nobody", since, since + 1) is None
        await outpost.settled(one, other)
        assert Counter(one.accepted) - Counter(other.accepted) == Counter(ids)


async def test_deliveries_are_listed_newest_first_by_receiver_state_and_time(outpost: Outpost) -> None:
    async with listening() as well, listening() as down, running(outpost, subscribed(well.url, down.url)):
        down.status(500)
        ids = await outpost.decide(*asks(5))
        await outpost.settled(well, down)
        read = outpost.delivery.deliveries
        first = await read(None, 2, None, "ops", None)
        rest = await read(None, 100, first.next, "ops", None)
        assert [one.decision for one in (*first.items, *rest.items)] == ids[::-1]
        assert rest.next is None
        pending = (await read(None, 100, None, None, "pending")).items
        assert {one.receiver for one in pending} == {"ops_2"}
        tried = [one for one in pending if one.attempts]
        assert tried
        assert all(one.last_error == "HTTP 500" and one.next_at > one.first_at for one in tried)
        assert list((await read(outpost.clock.now() + 1, 100, None, None, None)).items) == []


async def test_alerts_of_one_incident_are_one_message_where_the_receiver_can(outpost: Outpost) -> None:
    async with listening() as peer:
        text = f"{{name: chat, to: 'slack:{peer.url}', allow_private: true, group_wait: 10s}}"
        async with running(outpost, load_text(f"subscriptions: [{text}]\n", environ={})):
            await outpost.decide(alert())
            await outpost.pass_time(5 * SECOND, SECOND, peer)
            await outpost.decide(alert(fingerprint="f-2"), alert(fingerprint="f-3", incident="i-2"))
            assert peer.requests == []
            await outpost.pass_time(6 * SECOND, SECOND, peer)
            assert [request.body.count(b"alert.firing") for request in peer.requests] == [2]
            await outpost.pass_time(5 * SECOND, SECOND, peer)
            assert [request.body.count(b"alert.firing") for request in peer.requests] == [2, 1]
            assert outpost.health("chat").delivered == 3


async def test_what_failed_together_is_tried_again_together(outpost: Outpost) -> None:
    async with listening() as peer:
        text = f"{{name: chat, to: 'slack:{peer.url}', allow_private: true}}"
        async with running(outpost, load_text(f"subscriptions: [{text}]\n", environ={})):
            peer.status(500)
            await outpost.decide(*(alert(fingerprint=f"f-{number}") for number in range(5)))
            await outpost.pass_time(11 * SECOND, SECOND, peer)
            peer.answer = peer.accept
            await outpost.pass_time(6 * SECOND, SECOND // 50, peer)
            assert [request.body.count(b"alert.firing") for request in peer.requests] == [5, 5]


async def test_alertmanager_is_told_again_every_minute_until_it_is_over(outpost: Outpost) -> None:
    async with listening() as peer:
        text = f"{{name: am, to: 'alertmanager:{peer.url}', group_wait: 0s}}"
        async with running(outpost, load_text(f"subscriptions: [{text}]\n", environ={})):
            await outpost.decide(alert())
            await outpost.pass_time(10 * MINUTE, SECOND, peer)
            told = [msgspec.json.decode(request.body)[0] for request in peer.requests]
            assert 10 <= len(told) <= 12
            assert {one["labels"]["fingerprint"] for one in told} == {"f-1"}
            ends = [one["endsAt"] for one in told]
            assert ends == sorted(ends)
            await outpost.decide(alert("resolved"))
            await outpost.settled(peer)
            came = len(peer.requests)
            await outpost.pass_time(10 * MINUTE, SECOND, peer)
            assert len(peer.requests) == came
            assert outpost.health("am").delivered == 2


async def test_alertmanager_is_told_nothing_again_that_it_was_not_told_yet(outpost: Outpost) -> None:
    async with listening() as peer:
        text = f"{{name: am, to: 'alertmanager:{peer.url}', group_wait: 30s}}"
        async with running(outpost, load_text(f"subscriptions: [{text}]\n", environ={})):
            await outpost.decide(alert())
            await outpost.pass_time(29 * SECOND, SECOND, peer)
            assert peer.requests == []
            await outpost.pass_time(2 * SECOND, SECOND, peer)
            assert len(peer.requests) == 1


async def test_a_disk_that_refuses_to_note_an_outcome_is_asked_again(
    outpost: Outpost, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        write, refused = outpost.store.write, 0

        async def full(job: Any) -> Any:
            nonlocal refused
            refused += 1
            if refused < 3:
                raise StoreFailed("the disk is full")
            return await write(job)

        await outpost.commit(*asks(1))
        monkeypatch.setattr(outpost.store, "write", full)
        outpost.delivery.lanes["ops"].wake()
        while not refused:  # the answer is there; before that, time that passes would end the attempt
            await asyncio.sleep(0)
        while states(outpost) != {"delivered": 1}:
            outpost.clock.advance(SECOND)
            await asyncio.sleep(0)
        assert refused == 3
        assert len(peer.accepted) == 1


async def test_a_disk_that_cannot_be_read_is_asked_again(outpost: Outpost, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        view, refused = outpost.store.view, 0

        async def failing(job: Any) -> Any:
            nonlocal refused
            refused += 1
            if refused < 5:
                raise sqlite3.OperationalError("disk I/O error")
            return await view(job)

        await outpost.commit(*asks(1))
        monkeypatch.setattr(outpost.store, "view", failing)
        outpost.delivery.lanes["ops"].wake()
        while refused < 5:
            outpost.clock.advance(SECOND)
            await asyncio.sleep(0)
        while states(outpost) != {"delivered": 1}:  # time that passes would end the attempt
            await asyncio.sleep(0)
        assert len(peer.accepted) == 1


async def test_what_a_receiver_was_told_is_forgotten_when_it_leaves_the_file(outpost: Outpost) -> None:
    """It missed the end; when it is back, the alert that fires anew must not be taken for the one it knew."""
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        await outpost.decide(alert())
        await outpost.settled(peer)
        await outpost.delivery.follow(subscribed().config)
        await outpost.decide(alert("resolved"))
        assert rows(outpost, "SELECT * FROM told") == []
        await outpost.delivery.follow(subscribed(peer.url).config)
        (again,) = await outpost.decide(alert("firing", fired=2))
        await outpost.settled(peer)
        assert peer.accepted[-1] == again


async def test_lines_go_into_a_file_many_at_a_time(outpost: Outpost, tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    loaded = load_text(f"subscriptions: [{{name: file, match: {{type: feedback}}, to: 'ndjson:{path}'}}]\n", environ={})
    async with running(outpost, loaded):
        messages = asks(1_200)
        await outpost.decide(*messages)
        await outpost.settled()
        assert sorted(path.read_bytes().splitlines()) == sorted(message.body for message in messages)
        assert states(outpost) == {"delivered": 1_200}


async def test_a_sink_that_stumbles_is_its_receivers_trouble_only(tmp_path: Path) -> None:
    def make(receiver: Receiver) -> Any:
        sink: Any = make_sink(receiver)
        if receiver.name == "ops":

            async def send(batch: object) -> object:
                raise RuntimeError("S3CRET")

            sink.send = send
        return sink

    outpost = Outpost(tmp_path / "shop.db", VirtualClock(TIME), make)
    async with listening() as peer, running(outpost, subscribed(peer.url, peer.url + "/2")):
        ids = await outpost.decide(*asks(3))
        await outpost.settled(peer)
        assert Counter(peer.accepted) == Counter(ids)
        assert outpost.health().last_error == "failed (RuntimeError)"


async def test_what_a_receiver_refuses_has_failed_and_all_else_goes_on(tmp_path: Path) -> None:
    refused = Refused("HTTP 400: it does not take that")

    def make(receiver: Receiver) -> Any:
        sink: Any = make_sink(receiver)
        send = sink.send

        async def picky(batch: Batch) -> Outcome:
            return refused if batch.messages[0].subject == "c-1" else await send(batch)

        sink.send = picky
        return sink

    outpost = Outpost(tmp_path / "shop.db", VirtualClock(TIME), make)
    async with listening() as peer, running(outpost, subscribed(peer.url)):
        ids = await outpost.decide(*asks(4))
        await outpost.settled(peer)
        assert Counter(peer.accepted) == Counter(name for number, name in enumerate(ids) if number != 1)
        failed = rows(outpost, "SELECT decision, attempts, last_error FROM deliveries WHERE state = 'failed'")
        assert failed == [(ids[1], 1, refused.reason)]
        (after,) = await outpost.decide(*asks(1, 4))
        await outpost.settled(peer)
        assert peer.accepted[-1] == after
        assert outpost.health().state == "ok"


async def test_an_address_that_was_left_unread_sends_nothing_and_says_so(outpost: Outpost) -> None:
    loaded = load_text("subscriptions: [{name: ops, match: {type: feedback}, to: '${HOOK}'}]\n", "shop.yml")
    async with running(outpost, loaded):
        await outpost.decide(*asks(2))
        await outpost.delivery.refresh()
        assert (outpost.health().state, outpost.health().pending) == ("unusable", 2)


async def test_a_decision_that_is_no_longer_kept_is_given_up(outpost: Outpost) -> None:
    async with listening() as peer:
        async with running(outpost, subscribed(peer.url)):
            await outpost.settled(peer)  # else the lane's first look may still find what is stored now
            await outpost.commit(*asks(2))
            await outpost.store.write(
                lambda connection: connection.execute("DELETE FROM decisions WHERE subject='c-0'")
            )
        async with running(outpost, subscribed(peer.url)):
            await outpost.settled(peer)
            assert states(outpost) == {"failed": 1, "delivered": 1}


async def test_ten_bad_minutes_end_with_everything_delivered(outpost: Outpost) -> None:
    """Of twenty attempts four are refused, two time out, two are reset, one is taken but reset, three are slow."""
    tried: Counter[str] = Counter()

    async def moody(request: Request) -> web.StreamResponse | None:
        tried[request.id] += 1
        mood = (sum(request.id.encode()) + 7 * tried[request.id]) % 20
        if mood < 4:
            return web.Response(status=500 if mood else 503)
        if mood < 6:
            return await peer.hold(request)
        if mood < 8:
            return None
        if mood == 8:
            await peer.accept(request)
            return None
        if mood < 12:
            peer.holding += 1
            try:
                await outpost.clock.sleep(10 * SECOND)
            finally:
                peer.holding -= 1
        return await peer.accept(request)

    async with listening() as peer, listening() as calm, running(outpost, subscribed(peer.url, calm.url)):
        peer.answer = moody
        ids: list[str] = []
        for number in range(60):
            ids += await outpost.decide(*asks(5, 5 * number))
            await outpost.pass_time(10 * SECOND, SECOND, peer, calm)
        assert Counter(calm.accepted) == Counter(ids)
        assert max(tried.values()) > 1
        peer.answer = peer.accept
        await outpost.pass_time(40 * HOUR, MINUTE, peer, calm)
        assert set(peer.accepted) == set(ids)
        assert len(peer.accepted) > len(ids), "what was taken without an answer comes again, under its id"
        found = outpost.health()
        assert (found.state, found.pending, found.delivered, found.failed) == ("ok", 0, len(ids), 0)
        assert found.retried == len(peer.requests) - len(ids)
