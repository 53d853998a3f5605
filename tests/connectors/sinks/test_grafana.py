"""Annotations in Grafana, against a peer that keeps them as Grafana does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from connectors.sinks.contract import NotEquipped
from connectors.sinks.grafana import Sink, annotation_of
from streams.delivery.message import Message
from streams.delivery.outcome import Delivered, Outcome, Refused, Retry
from tests.connectors.peers import batch, http, opening
from tests.streams.delivery.messages import TIME, alert

START = TIME // 1_000
LATER = "2026-03-07T08:30:00.000Z"
END = START + 90 * 60 * 1_000


class Grafana:
    """Annotations by id; `refuse` answers writes with a status, `lose_answer` loses the next one."""

    def __init__(self) -> None:
        self.annotations: dict[int, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.refuse = 0
        self.lose_answer = False
        self.url = ""

    async def find(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        wanted = set(request.query.getall("tags"))
        begin, end = int(request.query["from"]), int(request.query["to"])
        found = [
            {"id": name, "text": "", **one}
            for name, one in self.annotations.items()
            if wanted <= set(one["tags"]) and one["time"] <= end and one.get("timeEnd", one["time"]) >= begin
        ]
        return web.json_response(found)

    async def write(self, request: web.Request) -> web.Response:
        if self.refuse:
            return web.Response(status=self.refuse, headers={"Retry-After": "9"})
        said = await request.json()
        name = int(request.match_info.get("name") or len(self.annotations) + 1)
        self.annotations[name] = self.annotations.get(name, {}) | said
        if self.lose_answer:
            self.lose_answer = False
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"id": name, "message": "Annotation added"})


@asynccontextmanager
async def grafana() -> AsyncIterator[Grafana]:
    peer, app = Grafana(), web.Application()
    app.router.add_get("/sub/api/annotations", peer.find)
    app.router.add_post("/sub/api/annotations", peer.write)
    app.router.add_patch("/sub/api/annotations/{name}", peer.write)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sub/"
    try:
        yield peer
    finally:
        await runner.cleanup()


async def send(peer: Grafana, *messages: Message) -> list[Outcome]:
    sink = Sink(opening(peer.url, "glsa_token", allow_private=False))
    try:
        return [await sink.send(batch(message)) for message in messages]
    finally:
        await sink.close()


async def test_an_alert_that_fires_is_an_annotation_with_its_tags() -> None:
    async with grafana() as peer:
        assert await send(peer, alert(severity="critical")) == [Delivered()]
        (annotation,) = peer.annotations.values()
        assert peer.tokens == {"Bearer glsa_token"}
    assert annotation["time"] == START
    assert "timeEnd" not in annotation
    assert annotation["tags"] == [
        "touchline",
        "alert:f-1",
        "journey:purchase",
        "step:checkout",
        "signal:conversion",
        "severity:critical",
    ]
    assert annotation["text"].startswith("CRITICAL purchase: fewer than expected go from checkout to paid, fires\n")
    assert '<a href="https://wiki.example/purchase">Runbook</a>' in annotation["text"]


async def test_what_is_told_again_makes_no_second_annotation() -> None:
    async with grafana() as peer:
        assert await send(peer, alert(), alert()) == [Delivered()] * 2
        assert len(peer.annotations) == 1


async def test_an_answer_that_got_lost_makes_no_second_annotation() -> None:
    async with grafana() as peer:
        peer.lose_answer = True
        (lost,) = await send(peer, alert())
        assert isinstance(lost, Retry)
        assert await send(peer, alert()) == [Delivered()]
        assert len(peer.annotations) == 1


async def test_it_is_found_among_many_in_an_answer_of_many_pieces() -> None:
    async with grafana() as peer:
        earlier = {"tags": ["touchline", "alert:f-1"], "time": START - 1, "timeEnd": END, "text": "x" * 5_000}
        peer.annotations = dict.fromkeys(range(1, 60), earlier)
        peer.annotations[60] = earlier | {"time": START}
        assert await send(peer, alert("resolved", resolved_at=LATER)) == [Delivered()]
        assert len(peer.annotations) == 60
        assert peer.annotations[60]["text"].startswith("WARNING")
        assert peer.annotations[59] == earlier


async def test_it_becomes_a_region_when_the_alert_is_over_however_often_that_is_told() -> None:
    async with grafana() as peer:
        over = alert("resolved", severity="info", resolved_at=LATER)
        assert await send(peer, alert(), over, over, alert()) == [Delivered()] * 4
        (annotation,) = peer.annotations.values()
    assert (annotation["time"], annotation["timeEnd"]) == (START, END)
    assert "severity:info" in annotation["tags"]


async def test_an_end_whose_beginning_is_not_there_is_a_region_at_once() -> None:
    async with grafana() as peer:
        await send(peer, alert("rebaselined", resolved_at=LATER))
        (annotation,) = peer.annotations.values()
    assert (annotation["time"], annotation["timeEnd"]) == (START, END)


async def test_a_worse_severity_changes_the_annotation_and_not_its_end() -> None:
    async with grafana() as peer:
        await send(peer, alert(), alert("resolved", resolved_at=LATER), alert("updated", severity="critical"))
        (annotation,) = peer.annotations.values()
    assert "severity:critical" in annotation["tags"]
    assert annotation["timeEnd"] == END


async def test_an_alert_that_fires_again_and_another_one_are_annotations_of_their_own() -> None:
    async with grafana() as peer:
        again = alert(fired_at=LATER)
        over = alert("resolved", fired_at=LATER, resolved_at="2026-03-07T09:00:00.000Z")
        await send(
            peer,
            alert(),
            alert("resolved", resolved_at="2026-03-07T08:50:00.000Z"),
            again,
            over,
            alert(fingerprint="f"),
        )
        found = [(one["time"], one.get("timeEnd")) for one in peer.annotations.values()]
    assert found == [(START, START + 110 * 60_000), (END, START + 120 * 60_000), (START, None)]


def test_what_came_from_outside_is_text_and_a_tag_is_short_enough() -> None:
    found = annotation_of(alert(journey="<script>" + "j" * 200, examples=["<img src=x>"], runbook="javascript:x"))
    assert "<script>" not in found["text"]
    assert "<img" not in found["text"]
    assert "href" not in found["text"]
    assert max(map(len, found["tags"])) == 100


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
async def test_what_it_does_not_take_has_failed_and_all_else_is_tried_again(status: int) -> None:
    async with grafana() as peer:
        peer.refuse = status
        (outcome,) = await send(peer, alert())
    assert isinstance(outcome, Refused if status == 400 else Retry)
    assert outcome.reason.startswith(f"HTTP {status}")
    assert "glsa_token" not in outcome.reason
    if status == 429:
        assert outcome == Retry("HTTP 429", 9_000_000, True)


async def test_an_address_where_something_else_answers_is_not_taken_for_grafana() -> None:
    async with http() as peer:
        sink = Sink(opening(peer.url, "glsa_token"))
        outcome = await sink.send(batch(alert()))
        await sink.close()
        assert [method for method, *_ in peer.requests] == ["GET"]
    assert isinstance(outcome, Retry)
    assert "secret.example" not in outcome.reason


def test_the_token_comes_from_the_file_or_the_environment_and_without_one_it_says_so() -> None:
    Sink(opening("https://grafana.example", TOUCHLINE_GRAFANA_TOKEN="glsa_token"))
    with pytest.raises(NotEquipped, match="TOUCHLINE_GRAFANA_TOKEN"):
        Sink(opening("https://grafana.example"))
    with pytest.raises(ValueError, match="expected a token"):
        Sink(opening("https://grafana.example", "glsa\ntoken"))
