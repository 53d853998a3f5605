"""Webhooks on the wire: Standard Webhooks, the whole record inside."""

from __future__ import annotations

import msgspec
import pytest

from connectors.sinks.webhook import Sink, body_of
from connectors.standard_webhooks import read_keys, sign
from streams.delivery.outcome import Delivered, Retry
from streams.units import SECOND
from tests.connectors.peers import batch, http, opening
from tests.streams.delivery.messages import TIME, alert, decision

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_the_request_is_what_the_specification_wants() -> None:
    message = decision("feedback.requested", rule="nps", metric="nps", channel="email", request="r-1")
    async with http() as peer:
        sink = Sink(opening(f"{peer.url}/hook", SECRET))
        assert await sink.send(batch(message)) == Delivered()
        await sink.close()
        ((method, path, headers, body),) = peer.requests
    assert (method, path) == ("POST", "/hook")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == message.id
    assert headers["webhook-timestamp"] == str(TIME // SECOND)
    assert headers["webhook-signature"] == sign(read_keys(SECRET), message.id, TIME // SECOND, body)
    sent = msgspec.json.decode(body)
    assert list(sent) == ["type", "timestamp", "data"]
    assert (sent["type"], sent["timestamp"]) == ("touchline.feedback.requested", "2026-03-07T07:00:00.000Z")
    assert sent["data"] == msgspec.json.decode(message.body)


async def test_each_attempt_is_signed_anew_over_the_same_body() -> None:
    async with http() as peer:
        sink = Sink(opening(peer.url, SECRET))
        for at in (TIME, TIME + 300 * SECOND):
            await sink.send(batch(alert(), at=at))
        await sink.close()
        (_, _, first, body), (_, _, second, again) = peer.requests
    assert body == again
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_without_a_secret_it_goes_unsigned() -> None:
    async with http() as peer:
        sink = Sink(opening(peer.url))
        await sink.send(batch(alert()))
        await sink.close()
        assert "webhook-signature" not in peer.requests[0][2]


async def test_this_machine_is_not_sent_to_unless_the_file_allows_it() -> None:
    async with http() as peer:
        sink = Sink(opening(peer.url, allow_private=False))
        outcome = await sink.send(batch(alert()))
        await sink.close()
        assert isinstance(outcome, Retry)
        assert "allow_private" in outcome.reason
        assert peer.requests == []


def test_a_secret_that_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="signing key"):
        Sink(opening("https://example.org", "hunter2"))


def test_a_large_alert_stays_below_twenty_kilobytes() -> None:
    examples = [f"customer-{number:08}" for number in range(10)]
    timeline = [{"time": "2026-03-07T07:00:00.000Z", "what": "updated", "text": "x" * 200} for _ in range(10)]
    assert len(body_of(alert(examples=examples, timeline=timeline, explanation="x" * 500))) < 20_000
