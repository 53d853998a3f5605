"""Digests: collected in the outbox, told at the end of the period, whatever happens to the process meanwhile."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streams.config.load import Loaded, load_text
from streams.delivery.message import Message
from streams.errors import ConfigError
from streams.runtime.clock import VirtualClock
from streams.runtime.sinks import check_receivers
from streams.units import DAY, HOUR, MINUTE
from tests.streams.delivery.messages import TIME, alert, decision
from tests.streams.runtime.outpost import Outpost
from tests.streams.runtime.receiver import Peer, listening

EVENING = 15 * HOUR
"""From TIME to midnight in Kyiv."""


def loaded(peer: Peer, more: str = "digest: 1d") -> Loaded:
    text = f"timezone: Europe/Kyiv\nsubscriptions: [{{name: ops, match: {{type: [alert, offer]}}, {more}, "
    return load_text(text + f"to: 'slack:{peer.url}', allow_private: true}}]\n", "shop.yml", environ={})


def offers(count: int, first: int = 0) -> list[Message]:
    return [decision("offer.made", f"c-{number}", offer="tea") for number in range(first, first + count)]


def told(peer: Peer) -> list[str]:
    return [msgspec.json.decode(request.body)["text"] for request in peer.requests]


@pytest.fixture
def outpost(tmp_path: Path) -> Outpost:
    return Outpost(tmp_path / "shop.db", VirtualClock(TIME))


async def test_a_day_is_one_message_even_when_the_process_died_in_it(outpost: Outpost) -> None:
    async with listening() as peer:
        await outpost.start(loaded(peer))
        await outpost.decide(*offers(3), alert())
        await outpost.pass_time(HOUR, 10 * MINUTE, peer)
        await outpost.commit(*offers(2, 3))
        await outpost.stop()
        assert told(peer) == []
        await outpost.start(loaded(peer))
        await outpost.decide(*offers(60, 5))
        await outpost.pass_time(EVENING - HOUR - MINUTE, HOUR, peer)
        assert (told(peer), outpost.health().pending) == ([], 66)
        await outpost.pass_time(2 * MINUTE, MINUTE, peer)
        assert (told(peer), outpost.health().pending) == (["Digest: 66 decisions"], 0)
        await outpost.decide(*offers(1, 99))
        await outpost.pass_time(DAY, HOUR, peer)
        assert told(peer) == ["Digest: 66 decisions", "Digest: 1 decision"]
        await outpost.stop()


async def test_a_day_that_ended_while_the_process_was_away_is_told_when_it_is_back(outpost: Outpost) -> None:
    async with listening() as peer:
        await outpost.start(loaded(peer))
        await outpost.decide(*offers(3))
        await outpost.stop()
        outpost.clock.advance(2 * DAY)
        await outpost.start(loaded(peer))
        await outpost.settled(peer)
        assert told(peer) == ["Digest: 3 decisions"]
        await outpost.stop()


async def test_what_is_critical_goes_at_once_and_waits_for_nothing_that_is_held(outpost: Outpost) -> None:
    async with listening() as peer:
        await outpost.start(loaded(peer, "group_wait: 0s, digest: 1d"))
        await outpost.decide(alert(), *offers(1))
        await outpost.decide(alert("updated", severity="critical"))
        await outpost.settled(peer)
        assert told(peer) == ["CRITICAL purchase: fewer than expected go from checkout to paid, is worse"]
        await outpost.pass_time(EVENING, HOUR, peer)
        assert told(peer)[1:] == ["Digest: 2 decisions"]
        await outpost.stop()


async def test_more_than_one_message_can_carry_is_told_in_several_and_none_is_left_out(outpost: Outpost) -> None:
    async with listening() as peer:
        await outpost.start(loaded(peer))
        await outpost.decide(*offers(450))
        await outpost.pass_time(EVENING, HOUR, peer)
        assert sorted(told(peer)) == ["Digest: 200 decisions", "Digest: 200 decisions", "Digest: 50 decisions"]
        text = b"".join(request.body for request in peer.requests).decode()
        assert all(f" c-{number}: " in text for number in range(450))
        await outpost.stop()


async def test_a_digest_that_failed_comes_again_as_a_whole(outpost: Outpost) -> None:
    async with listening() as peer:
        peer.status(500)
        await outpost.start(loaded(peer))
        await outpost.decide(*offers(3))
        await outpost.pass_time(EVENING, HOUR, peer)
        peer.answer = peer.accept
        await outpost.pass_time(MINUTE, 5_000_000, peer)
        assert told(peer) == ["Digest: 3 decisions"] * 2
        assert (outpost.health().pending, outpost.health().delivered) == (0, 3)
        await outpost.stop()


def test_a_kind_that_makes_no_digests_is_refused_at_its_line() -> None:
    text = "subscriptions:\n  - digest: 1d\n    to: ['email:ops@example.com', 'ndjson:x.ndjson']\n"
    with pytest.raises(ConfigError, match="ndjson: makes no digests") as refused:
        check_receivers(load_text(text, "shop.yml", environ={}))
    assert [fault.line for fault in refused.value.faults] == [3]
