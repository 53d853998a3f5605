"""Deliveries over HTTP: what was sent to whom, and sending it once more."""

from __future__ import annotations

import pytest

from streams.runtime.service import BadCursor, DeliveryDesk, Page, Stopped
from streams.runtime.store.delivery_pages import DeliveryView
from streams.units import parse_time
from tests.streams.runtime.memory_service import MemoryService, serving
from tests.streams.runtime.test_access import TOKENS, bearer

TIME = "2026-03-07T07:00:00.000Z"
VIEW = DeliveryView(
    id=7,
    receiver="ops",
    decision="d-1",
    type="touchline.alert.firing",
    state="delivered",
    attempts=2,
    created_at=TIME,
    first_at=TIME,
    next_at=None,
    delivered_at=TIME,
    ended_at=TIME,
    last_error=None,
)
RANGE = {"receiver": "ops", "since": "2026-03-07T07:00:00Z", "until": "2026-03-07T09:00:00+01:00"}


class DeskService(MemoryService):
    """Has one delivery, and notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[object, ...]] = []

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        if cursor == "wrong":
            raise BadCursor(cursor)
        self.asked.append((since, limit, cursor, receiver, state))
        return Page([VIEW], "7")

    async def replay_delivery(self, delivery_id: int) -> bool:
        if self.refuses is not None:
            raise self.refuses
        self.asked.append((delivery_id,))
        return delivery_id == VIEW.id

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        if self.refuses is not None:
            raise self.refuses
        self.asked.append((receiver, since, until))
        return 3 if receiver == "ops" else None


def test_it_is_a_desk() -> None:
    assert isinstance(DeskService(), DeliveryDesk)
    assert not isinstance(MemoryService(), DeliveryDesk)


async def test_deliveries_are_listed_with_every_field() -> None:
    service = DeskService()
    async with serving(service) as client:
        answer = await (await client.get("/api/v1/deliveries")).json()
        query = "since=2026-03-07T07:00:00Z&limit=5&cursor=9&receiver=ops&state=pending"
        assert (await client.get(f"/api/v1/deliveries?{query}")).status == 200
    assert answer == {
        "items": [
            {
                "id": 7,
                "receiver": "ops",
                "decision": "d-1",
                "type": "touchline.alert.firing",
                "state": "delivered",
                "attempts": 2,
                "created_at": TIME,
                "first_at": TIME,
                "next_at": None,
                "delivered_at": TIME,
                "ended_at": TIME,
                "last_error": None,
            }
        ],
        "next": "7",
    }
    assert service.asked == [(None, 100, None, None, None), (parse_time(TIME), 5, "9", "ops", "pending")]


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "since=soon", "cursor=wrong"])
async def test_a_query_that_makes_no_sense_is_refused(query: str) -> None:
    async with serving(DeskService()) as client:
        answer = await client.get(f"/api/v1/deliveries?{query}")
        assert answer.status == 400
        assert (await answer.json())["detail"].startswith(query.partition("=")[0])


async def test_one_or_a_range_is_replayed() -> None:
    service = DeskService()
    async with serving(service) as client:
        one = await client.post("/api/v1/deliveries/7/replay")
        assert (one.status, await one.json()) == (202, {"id": 7, "count": 1})
        many = await client.post("/api/v1/deliveries/replay", json=RANGE)
        assert (many.status, await many.json()) == (202, {"receiver": "ops", "count": 3})
    hour = 3_600_000_000
    assert service.asked == [(7,), ("ops", parse_time(TIME), parse_time(TIME) + hour)]


async def test_what_is_not_there_cannot_be_replayed() -> None:
    async with serving(DeskService()) as client:
        for name in ("8", "seven", "9" * 30):
            assert (await client.post(f"/api/v1/deliveries/{name}/replay")).status == 404
        assert (await client.post("/api/v1/deliveries/replay", json={**RANGE, "receiver": "nobody"})).status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"receiver": "ops"}',
        b'{"receiver": "ops", "since": "soon", "until": "later"}',
        b'{"receiver": "ops", "since": "2026-03-07T07:00:00Z", "until": "2026-03-07T07:00:00Z"}',
        b'{"receiver": "ops", "since": "2026-03-07T07:00:00Z", "until": "2026-03-07T08:00:00Z", "all": true}',
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(body: bytes) -> None:
    service = DeskService()
    async with serving(service) as client:
        assert (await client.post("/api/v1/deliveries/replay", data=body)).status == 400
    assert service.asked == []


async def test_a_disk_that_refuses_is_said() -> None:
    service = DeskService()
    service.refuses = Stopped("the disk is full")
    async with serving(service) as client:
        for path in ("/api/v1/deliveries/7/replay", "/api/v1/deliveries/replay"):
            answer = await client.post(path, json=RANGE)
            assert answer.status == 503
            assert "the disk is full" in (await answer.json())["detail"]


@pytest.mark.parametrize(
    ("token", "read", "replayed"), [("t-viewer", 200, 403), ("t-agent", 200, 403), ("t-admin", 200, 202)]
)
async def test_only_admins_replay(token: str, read: int, replayed: int) -> None:
    async with serving(DeskService(), TOKENS, headers=bearer(token)) as client:
        assert (await client.get("/api/v1/deliveries")).status == read
        assert (await client.post("/api/v1/deliveries/7/replay")).status == replayed
        assert (await client.post("/api/v1/deliveries/replay", json=RANGE)).status == replayed
