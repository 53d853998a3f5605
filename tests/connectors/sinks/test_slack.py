"""Messages for chats that take Slack's incoming webhooks."""

from __future__ import annotations

import msgspec

from connectors.sinks.slack import Sink, body_of, digest_of
from streams.delivery.outcome import Delivered, Gone
from tests.connectors.peers import batch, http, opening
from tests.streams.delivery.messages import alert, decision

GONE = alert(segments=[{"device": "mobile", "region": "kyiv"}, {"device": "tablet"}], severity="critical")


def test_an_alert_reads_as_a_person_would_say_it() -> None:
    body = body_of((GONE,))
    assert body["text"] == "CRITICAL purchase: fewer than expected go from checkout to paid, fires"
    text = msgspec.json.encode(body).decode()
    assert "device=mobile and region=kyiv or device=tablet" in text
    assert "50% less (41% to 60%)" in text
    assert "61 of 123.5 expected" in text
    assert "<https://wiki.example/purchase|Runbook>" in text


def test_alerts_of_one_incident_are_one_message() -> None:
    body = body_of((GONE, alert(fingerprint="f-2", step="cart", next_step="checkout")))
    assert body["text"].endswith("(and 1 more of the same incident)")
    assert sum(block["type"] == "divider" for block in body["blocks"]) == 1


def test_what_came_from_outside_mentions_nobody_and_links_nowhere() -> None:
    message = decision(
        "feedback.requested", "<!channel>", rule="nps", metric="<https://evil.example|click>", channel="a&b"
    )
    text = msgspec.json.encode(body_of((message,))).decode()
    assert "<!" not in text
    assert "<https://evil" not in text
    assert "a&amp;b" in text


def test_slacks_limits_are_kept() -> None:
    many = tuple(alert(fingerprint=f"f-{number}", examples=["c" * 3_000]) for number in range(Sink.abilities.most))
    blocks = body_of(many)["blocks"]
    assert len(blocks) <= 50
    for block in blocks:
        assert len(block.get("fields", ())) <= 10
        assert all(len(field["text"]) <= 2_000 for field in block.get("fields", ()))


async def test_it_is_posted_as_json() -> None:
    async with http() as peer:
        sink = Sink(opening(f"{peer.url}/services/T"))
        assert await sink.send(batch(GONE)) == Delivered()
        peer.status = 410
        assert isinstance(await sink.send(batch(GONE)), Gone)
        await sink.close()
        _, path, headers, body = peer.requests[0]
    assert (path, headers["content-type"]) == ("/services/T", "application/json")
    assert msgspec.json.decode(body) == body_of((GONE,))


def test_a_digest_is_a_line_per_decision_within_slacks_limits_whatever_came_from_outside() -> None:
    hostile = [decision("case.opened", f"<!channel>{'&' * 500}{number}", case="k-1") for number in range(100)]
    plain = [alert(fingerprint=f"f-{number}") for number in range(Sink.abilities.digest - len(hostile))]
    body = digest_of((*hostile, *plain))
    assert body["text"] == "Digest: 200 decisions"
    texts = [block["text"]["text"] for block in body["blocks"]]
    assert len(texts) <= 50
    assert all(len(text) <= 3_000 for text in texts)
    lines = "\n".join(texts[1:]).splitlines()
    assert len(lines) == 200
    assert (
        lines[-1] == "• 2026-03-07T07:00:00.000Z WARNING purchase: fewer than expected go from checkout to paid, fires"
    )
    assert "<!" not in "".join(texts)
    assert not any(line.endswith(("&", "&am", "&amp")) for line in lines)
