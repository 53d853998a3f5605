"""The stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Sequence
from contextlib import AsyncExitStack

import aiohttp
import pytest

from streams.runtime import stream as stream_module
from streams.runtime.access import Role
from streams.runtime.shown import KEPT, Shown
from streams.view import JourneyView
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import MemoryService, serving
from tests.streams.runtime.test_access import TOKENS, bearer
from tests.streams.runtime.test_patch import applied
from tests.streams.runtime.views import journey


class Events:
    """Reads one connection."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self, kind: str) -> tuple[str | None, dict[str, object]]:
        """(id, data) of the next event of a kind."""
        while True:
            fields: dict[str, str] = {}
            while (line := (await self._response.content.readline()).decode()) != "\n":
                assert line, "the stream ended"
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
            if fields.get("event") == kind:
                return fields.get("id"), json.loads(fields["data"])


async def subscribed(service: MemoryService) -> None:
    """Until the stream follows the service's decisions."""
    while not service.queues:
        await asyncio.sleep(0)


async def test_view_comes_at_once_and_again() -> None:
    service = MemoryService()
    service.journey_views = [journey()]
    async with serving(service) as client, client.get("/api/v1/stream") as response:
        assert response.content_type == "text/event-stream"
        events = Events(response)
        _, view = await events.next("view")
        assert set(view) == {"journeys", "signals", "alarms", "health"}
        service.journey_views = [journey("renamed")]
        while view["journeys"][0]["name"] != "renamed":  # type: ignore[index]  # plain JSON
            _, view = await events.next("view")


async def test_a_view_shows_all_that_fires_and_the_newest_of_what_is_over() -> None:
    service = MemoryService()
    over = [alarm_views.resolved(fingerprint=f"f-{number}") for number in range(60)]
    service.alarm_view = alarm_views.alarms(alarm_views.alert(), alarm_views.pending(), *over)
    async with serving(service) as client, client.get("/api/v1/stream") as response:
        _, view = await Events(response).next("view")
    shown = [alert["fingerprint"] for alert in view["alarms"]["alerts"]]  # type: ignore[index]  # plain JSON
    assert shown == ["f-checkout", "f-handle-time", *(f"f-{number}" for number in range(50))]


class Changing(MemoryService):
    """Another journey's name in every view."""

    def __init__(self) -> None:
        super().__init__()
        self.views = 0

    def journeys(self) -> Sequence[JourneyView]:
        self.views += 1
        return [journey(f"j{self.views}")]


async def test_who_asks_for_changes_gets_a_whole_view_once_and_can_follow_from_there() -> None:
    service = Changing()
    async with serving(service) as client, client.get("/api/v1/stream?view=changes") as response:
        events = Events(response)
        _, view = await events.next("view")
        assert set(view) == {"journeys", "signals", "alarms", "health"}
        for _ in range(5):
            _, patch = await events.next("change")
            before = view["journeys"][0]["name"]  # type: ignore[index]  # plain JSON
            view = applied(view, json.dumps(patch).encode())
            after = view["journeys"][0]["name"]
            assert (int(before[1:]) + 1, set(view)) == (int(after[1:]), {"journeys", "signals", "alarms", "health"})


async def test_a_view_is_made_once_a_tick_however_many_look() -> None:
    service = Changing()
    async with serving(service) as client:
        async with AsyncExitStack() as open_ones:
            streams = [
                Events(await open_ones.enter_async_context(client.get(f"/api/v1/stream{form}")))
                for form in ("", "?view=changes", "", "?view=changes", "?only=view")
            ]
            seen = [{(await one.next("view"))[1]["journeys"][0]["name"]} for one in streams]  # type: ignore[index]
            for _ in range(4):
                for names, whole in zip(seen[::2], streams[::2], strict=True):
                    names.add((await whole.next("view"))[1]["journeys"][0]["name"])  # type: ignore[index]
        made = {f"j{number}" for number in range(1, service.views + 1)}
    assert set().union(*seen) <= made
    assert len(seen[0] & seen[2] & seen[4]) >= 3


async def test_a_slow_reader_of_changes_gets_a_whole_view_again() -> None:
    shown = Shown(Changing(), Role.ADMIN)
    shown.advance()
    assert b"event: view" in shown.since(None).text
    known, then = shown.number, shown.whole().text
    for _ in range(KEPT - 1):
        shown.advance()
        told = shown.since(known).text
        assert told.startswith(b"event: change")
        patch = told.partition(b"data: ")[2]
        assert applied(json.loads(then.partition(b"data: ")[2]), patch) == json.loads(
            shown.whole().text.partition(b"data: ")[2]
        )
    shown.advance()
    assert shown.since(known) is shown.whole()


async def test_a_viewer_gets_no_people_in_changes_either() -> None:
    service = MemoryService()
    service.alarm_view = alarm_views.alarms(alarm_views.alert(examples=["c-1"]))
    async with (
        serving(service, TOKENS, headers=bearer("t-viewer")) as client,
        client.get("/api/v1/stream?view=changes") as response,
    ):
        events = Events(response)
        _, view = await events.next("view")
        service.alarm_view = alarm_views.alarms(alarm_views.alert(examples=["c-2"], observed=7.0))
        while view["alarms"]["alerts"][0]["observed"] != 7.0:  # type: ignore[index]  # plain JSON
            _, patch = await events.next("change")
            assert "c-2" not in json.dumps(patch)
            view = applied(view, json.dumps(patch).encode())
    assert view["alarms"]["alerts"][0]["examples"] == []  # type: ignore[index]  # plain JSON


async def test_the_stream_is_compressed_where_it_may_be_and_reads_the_same() -> None:
    service = MemoryService()
    service.journey_views = [journey(f"j{number}") for number in range(20)]
    async with serving(service) as client:
        sizes = {}
        for coding in ("identity", "gzip"):
            headers = {"Accept-Encoding": coding}
            async with client.get("/api/v1/stream?only=view", headers=headers, auto_decompress=False) as response:
                assert response.headers.get("Content-Encoding", "identity") == coding
                opened = zlib.decompressobj(zlib.MAX_WBITS | 16)
                read, size = b"", 0
                while read.count(b"\n\n") < 4:  # the greeting and three views
                    part = await response.content.readany()
                    size += len(part)
                    read += opened.decompress(part) if coding == "gzip" else part
                sizes[coding] = size / read.count(b"event: view")
                views = [json.loads(line[6:]) for line in read.decode().split("\n") if line.startswith("data: ")]
                assert [one["name"] for one in views[0]["journeys"]] == [f"j{number}" for number in range(20)]
    assert sizes["gzip"] < sizes["identity"] / 5


async def test_decisions_come_with_their_ids_in_order() -> None:
    service = MemoryService()
    async with serving(service) as client, client.get("/api/v1/stream") as response:
        events = Events(response)
        await events.next("view")
        await subscribed(service)
        for name in ("d-1", "d-2", "d-3"):
            service.publish(name)
        for name in ("d-1", "d-2", "d-3"):
            event_id, data = await events.next("decision")
            assert (event_id, data["id"]) == (name, name)


@pytest.mark.parametrize("by", ["header", "query"])
async def test_client_that_comes_back_gets_what_it_missed_once(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "_RESUME_PORTION", 2)
    service = MemoryService()
    for number in range(6):
        service.publish(f"d-{number}")
    headers = {"Last-Event-ID": "d-1"} if by == "header" else {}
    query = "&last_event_id=d-1" if by == "query" else ""
    async with (
        serving(service) as client,
        client.get(f"/api/v1/stream?only=decision{query}", headers=headers) as response,
    ):
        events = Events(response)
        seen = [(await events.next("decision"))[0] for _ in range(4)]
        await subscribed(service)
        service.publish("d-6")
        seen.append((await events.next("decision"))[0])
    assert seen == ["d-2", "d-3", "d-4", "d-5", "d-6"]


async def test_decision_published_while_a_client_resumes_comes_once() -> None:
    class Publishing(MemoryService):
        async def decisions_after(self, decision_id: str, limit: int) -> list:  # type: ignore[type-arg]
            self.publish("d-2")
            for _ in range(5):
                await asyncio.sleep(0)  # the live copy is waiting by now
            return list(await super().decisions_after(decision_id, limit))

    service = Publishing()
    service.publish("d-1")
    async with (
        serving(service) as client,
        client.get("/api/v1/stream?only=decision", headers={"Last-Event-ID": "d-1"}) as response,
    ):
        events = Events(response)
        assert (await events.next("decision"))[0] == "d-2"
        service.publish("d-3")
        assert (await events.next("decision"))[0] == "d-3"


async def test_heartbeat_comes_where_nothing_else_does() -> None:
    service = MemoryService()
    async with serving(service, heartbeat=0.01) as client, client.get("/api/v1/stream?only=decision") as response:
        while (await response.content.readline()) != b": still here\n":
            pass


async def test_client_too_far_behind_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "MAX_WAITING", 3)
    service = MemoryService()
    async with serving(service) as client, client.get("/api/v1/stream?only=decision") as response:
        await subscribed(service)
        for number in range(10):
            service.publish(f"d-{number}")
        await response.content.read()  # ends


async def test_stopping_ends_the_stream() -> None:
    service = MemoryService()
    async with aiohttp.ClientSession() as session:
        async with serving(service):
            response = await session.get(f"{service.address}/api/v1/stream")
            await Events(response).next("view")
        await response.content.read()
    assert service.queues == []


async def test_clients_are_counted_while_they_are_there() -> None:
    service = MemoryService()
    async with serving(service) as client:
        async with client.get("/api/v1/stream") as response:
            await Events(response).next("view")
            assert "touchline_stream_clients 1.0" in await (await client.get("/metrics")).text()
        while "touchline_stream_clients 0.0" not in await (await client.get("/metrics")).text():
            pass


async def test_too_many_clients_are_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "MAX_CLIENTS", 0)
    async with serving(MemoryService()) as client:
        answer = await client.get("/api/v1/stream")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


async def test_unknown_kind_is_a_problem() -> None:
    async with serving(MemoryService()) as client:
        assert (await client.get("/api/v1/stream?only=weather")).status == 400
        assert (await client.get("/api/v1/stream?view=half")).status == 400


@pytest.mark.expects_errors
async def test_view_that_fails_once_does_not_end_the_stream() -> None:
    service = MemoryService()
    async with serving(service) as client, client.get("/api/v1/stream") as response:
        events = Events(response)
        await events.next("view")
        failed = asyncio.Event()
        good = service.health

        def broken() -> object:
            failed.set()
            raise RuntimeError

        service.health = broken  # type: ignore[method-assign, assignment]  # fails until put right
        await failed.wait()
        service.health = good  # type: ignore[method-assign]
        await events.next("view")
