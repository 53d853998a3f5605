"""Cases over HTTP: listed, and moved by events in the log."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from streams.config.load import load_text
from streams.model import Event
from streams.runtime.case_reader import CaseQuery, CaseView
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.service import Busy, Page, Stopped
from streams.runtime.store import cases as rows
from streams.runtime.web import Web
from tests.streams.care.caring import Story
from tests.streams.runtime.memory_service import FILE, MemoryService, serving
from tests.streams.runtime.store.test_cases import commit
from tests.streams.runtime.test_alerts_api import TOKENS
from tests.streams.runtime.test_api import REFERENCE

CASES = """
cases:
  complaints: {on: complaint.received, owner: service}
"""
COMPLETE: dict[str, Any] = {"cause": "wrong part", "disposition": "resolved", "communicated": True}


class CaseService(MemoryService):
    """Can also show the cases of stories."""

    def __init__(self, *stories: Story) -> None:
        super().__init__()
        self._rows = sqlite3.connect(":memory:")
        self._rows.executescript(rows.TABLES)
        for story in stories:
            rows.write_cases(self._rows, commit(story.decisions))

    def add(self, made: Commit) -> None:
        rows.write_cases(self._rows, made)

    async def cases(self, query: CaseQuery, limit: int, cursor: str | None) -> Page:
        return rows.cases_page(self._rows, query, limit, cursor)

    async def case(self, case_id: str) -> CaseView | None:
        return rows.case(self._rows, case_id)

    def close(self) -> None:
        self._rows.close()


@asynccontextmanager
async def cases(
    story: Story, access: str = "", **options: Any
) -> AsyncIterator[tuple[CaseService, aiohttp.ClientSession]]:
    service = CaseService(story)
    try:
        async with serving(service, access, **options) as client:
            yield service, client
    finally:
        service.close()


def complaint(*moves: str) -> Story:
    """A complaint, and what happened to its case."""
    story = Story(CASES)
    story.say(0, "complaint.received")
    for at, kind in enumerate(moves, start=1):
        story.say(at, f"case.{kind}")
    return story


def crm() -> Story:
    """Three cases of another system, one of them closed."""
    story = Story(CASES)
    story.say(0, "case.opened", case="CRM-1", owner="eve")
    story.say(1, "case.opened", case="CRM 2/b", owner="bob")
    story.say(2, "case.opened", case="CRM-3", owner="eve", rule="complaints")
    story.say(3, "case.closed", case="CRM-1", **COMPLETE)
    return story


async def test_cases_are_listed_newest_first_with_everything_known() -> None:
    async with cases(crm()) as (_, client):
        answer = await client.get("/api/v1/cases")
        assert answer.headers["Cache-Control"] == "no-store"
        page = await answer.json()
    assert [case["id"] for case in page["items"]] == ["CRM-3", "CRM 2/b", "CRM-1"]
    assert page["next"] is None
    assert page["items"][2] == {
        "id": "CRM-1",
        "rule": "external",
        "customer": "ann",
        "state": "closed",
        "owner": "eve",
        "opened_at": "2026-01-01T00:00:00.000Z",
        "due_at": "2026-01-03T00:00:00.000Z",
        "changed_at": "2026-01-01T03:00:00.000Z",
        "warned": False,
        "breached": False,
        "informed": True,
        "priority": 0.0,
        "worth": 0.0,
        "because": ["shop/e1"],
        "incomplete": False,
        "cause": "wrong part",
        "disposition": "resolved",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("open=1", ["CRM-3", "CRM 2/b"]),
        ("open=0", ["CRM-3", "CRM 2/b", "CRM-1"]),
        ("state=closed", ["CRM-1"]),
        ("owner=eve", ["CRM-3", "CRM-1"]),
        ("owner=eve&open=1", ["CRM-3"]),
        ("rule=external", ["CRM 2/b", "CRM-1"]),
        ("customer=ann&limit=1", ["CRM-3"]),
        ("customer=bob", []),
        ("since=2026-01-01T01:00:00Z", ["CRM-3", "CRM 2/b"]),
        ("changed_before=2026-01-01T03:00:00Z", ["CRM-3", "CRM 2/b"]),
        ("order=due", ["CRM-1", "CRM 2/b", "CRM-3"]),
        ("order=urgent&open=1", ["CRM 2/b", "CRM-3"]),
        ("cursor=CRM-3", ["CRM 2/b", "CRM-1"]),
    ],
)
async def test_the_list_can_be_narrowed_ordered_and_paged(query: str, expected: list[str]) -> None:
    async with cases(crm()) as (_, client):
        page = await (await client.get(f"/api/v1/cases?{query}")).json()
    assert [case["id"] for case in page["items"]] == expected
    assert page["next"] == ("CRM-3" if "limit=1" in query else None)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "cursor=unknown", "since=yesterday", "changed_before=1", "state=new", "order=random", "open=yes"],
)
async def test_parameters_that_make_no_sense_are_problems(query: str) -> None:
    async with cases(crm()) as (_, client):
        answer = await client.get(f"/api/v1/cases?{query}")
        assert (answer.status, answer.content_type) == (400, "application/problem+json")


async def test_one_case_is_shown_by_its_id_whatever_letters_it_has() -> None:
    async with cases(crm()) as (_, client):
        assert (await (await client.get("/api/v1/cases/CRM%202%2Fb")).json())["owner"] == "bob"
        assert (await client.get("/api/v1/cases/CRM-4")).status == 404


@pytest.mark.parametrize(
    ("word", "body", "data"),
    [
        ("assign", {"by": "olena", "owner": "eve"}, {"by": "olena", "owner": "eve"}),
        ("assign", {"by": " olena "}, {"by": "olena", "owner": "olena"}),
        ("contact", {"by": "olena"}, {"by": "olena"}),
        ("contact", {}, {}),
        ("resolve", {"by": "olena"}, {"by": "olena"}),
        ("communicate", {"by": "olena"}, {"by": "olena"}),
        ("close", {"by": "olena"} | COMPLETE, {"by": "olena"} | COMPLETE),
        ("reopen", {"by": "olena"}, {"by": "olena"}),
    ],
)
async def test_moving_a_case_writes_an_ordinary_event_of_its_customer(
    word: str, body: dict[str, Any], data: dict[str, Any]
) -> None:
    story = complaint()
    async with cases(story) as (service, client):
        answer = await client.post(f"/api/v1/cases/{story.case.id}/{word}", json=body)
        assert answer.status == 202
        told = await answer.json()
    (event,) = service.taken()
    assert isinstance(event, Event)
    assert told == {"id": event.id}
    assert event.type.startswith(f"case.{word}")
    assert (event.subject, event.source, event.time) == ("ann", "touchline-api", "2026-03-07T07:00:00.000Z")
    assert event.data == {"case": story.case.id} | data


async def test_what_the_api_writes_moves_the_case_as_it_says() -> None:
    story = complaint()
    steps: list[tuple[str, dict[str, Any]]] = [
        ("assign", {"by": "olena"}),
        ("contact", {"by": "olena"}),
        ("resolve", {"by": "olena"}),
        ("communicate", {"by": "olena"}),
        ("close", {"by": "olena", "cause": "wrong part", "disposition": "resolved"}),
        ("reopen", {"by": "olena"}),
    ]
    states = []
    async with cases(story) as (service, client):
        for at, (word, body) in enumerate(steps, start=1):
            assert (await client.post(f"/api/v1/cases/{story.case.id}/{word}", json=body)).status == 202
            event = service.taken()[-1]
            assert isinstance(event, Event)
            before = len(story.decisions)
            story.say(at, event.type, **(event.data or {}))
            service.add(commit(story.decisions[before:]))
            shown = await (await client.get(f"/api/v1/cases/{story.case.id}")).json()
            assert (shown["state"], shown["owner"]) == (story.state, story.case.owner) == (story.state, "olena")
            states.append(shown["state"])
    assert states == ["assigned", "contacted", "resolved", "communicated", "closed", "assigned"]


@pytest.mark.parametrize("word", ["assign", "contact", "resolve", "communicate", "close", "reopen"])
async def test_a_case_nobody_knows_is_not_found(word: str) -> None:
    async with cases(complaint()) as (service, client):
        answer = await client.post(f"/api/v1/cases/unknown/{word}", json={"by": "olena"} | COMPLETE)
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert service.log == []


@pytest.mark.parametrize(
    ("moves", "refused"),
    [
        ((), ["assign"]),
        (("contacted",), ["assign", "contact"]),
        (("resolved",), ["assign", "contact", "resolve"]),
        (("communicated",), ["assign", "contact", "resolve", "communicate"]),
        (("communicated", "closed"), ["assign", "contact", "resolve", "communicate", "close"]),
        (("closed", "reopened"), ["assign"]),
    ],
)
async def test_a_case_moves_forward_only_unless_it_is_reopened(moves: tuple[str, ...], refused: list[str]) -> None:
    story = complaint(*moves)
    async with cases(story) as (service, client):
        for word in ("assign", "contact", "resolve", "communicate", "close", "reopen"):
            body = {"by": "olena", "owner": "service"} | COMPLETE
            answer = await client.post(f"/api/v1/cases/{story.case.id}/{word}", json=body)
            assert answer.status == (409 if word in refused else 202), word
    assert len(service.log) == 6 - len(refused)


@pytest.mark.parametrize(
    ("moves", "body", "missing"),
    [
        ((), {"disposition": "resolved", "communicated": True}, ["cause"]),
        ((), {"cause": "  ", "disposition": "resolved", "communicated": True}, ["cause"]),
        ((), {"cause": "late", "communicated": True}, ["disposition"]),
        ((), {"cause": "late", "disposition": "done", "communicated": True}, ["disposition"]),
        ((), {"cause": "late", "disposition": "resolved"}, ["communicated"]),
        (("communicated", "reopened"), {"cause": "late", "disposition": "resolved"}, ["communicated"]),
        (("communicated",), {}, ["cause", "disposition"]),
        ((), {}, ["cause", "disposition", "communicated"]),
    ],
)
async def test_closing_without_cause_disposition_or_word_to_the_customer_is_refused(
    moves: tuple[str, ...], body: dict[str, Any], missing: list[str]
) -> None:
    story = complaint(*moves)
    async with cases(story) as (service, client):
        answer = await client.post(f"/api/v1/cases/{story.case.id}/close", json=body)
        problem = await answer.json()
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert problem["type"] == "urn:touchline:problem:case_incomplete"
    assert len(problem["missing"]) == len(missing)
    for name, text in zip(missing, problem["missing"], strict=True):
        assert name in text
    assert service.log == []


async def test_after_word_to_the_customer_closing_needs_no_second_word() -> None:
    story = complaint("communicated")
    async with cases(story) as (_, client):
        body = {"cause": "late", "disposition": "resolved"}
        assert (await client.post(f"/api/v1/cases/{story.case.id}/close", json=body)).status == 202


async def test_assigning_must_say_to_whom() -> None:
    story = complaint()
    async with cases(story) as (_, client):
        answer = await client.post(f"/api/v1/cases/{story.case.id}/assign", json={})
        assert answer.status == 400
        assert (await answer.json())["detail"].startswith("owner: expected who")


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b'{"by":7}', b'{"who":"olena"}', b"\xff", b'{"by":"' + b"x" * 101 + b'"}']
)
async def test_a_body_that_makes_no_sense_is_a_problem(body: bytes) -> None:
    story = complaint()
    async with cases(story) as (service, client):
        answer = await client.post(f"/api/v1/cases/{story.case.id}/contact", data=body)
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        assert (await client.post(f"/api/v1/cases/{story.case.id}/contact", data=b" " * 5000)).status == 413
    assert service.log == []


async def test_the_answer_comes_once_the_event_is_durable() -> None:
    story = complaint()
    async with cases(story) as (service, client):
        service.refuses = Stopped("the disk is full")
        assert (await client.post(f"/api/v1/cases/{story.case.id}/contact")).status == 503
        service.refuses = Busy(2)
        busy = await client.post(f"/api/v1/cases/{story.case.id}/contact")
        assert (busy.status, busy.headers["Retry-After"]) == (429, "2")
    assert service.log == []


async def test_moving_cases_is_for_agents() -> None:
    story = complaint()
    async with cases(story, TOKENS) as (_, client):
        statuses = []
        for token in ("wrong", "t-viewer", "t-agent"):
            login = {"Authorization": f"Bearer {token}"}
            statuses.append((await client.post(f"/api/v1/cases/{story.case.id}/contact", headers=login)).status)
            if token == "t-viewer":
                assert (await client.get("/api/v1/cases", headers=login)).status == 403  # they name customers
    assert statuses == [401, 403, 202]


async def test_another_site_cannot_move_cases_through_a_browser() -> None:
    story = complaint()
    async with cases(story) as (service, client):
        for origin, status in (("https://evil.example", 403), ("null", 403), (service.address, 202)):
            answer = await client.post(f"/api/v1/cases/{story.case.id}/contact", headers={"Origin": origin})
            assert answer.status == status


async def test_a_service_that_knows_no_cases_has_no_such_address() -> None:
    async with serving(MemoryService()) as client:
        assert (await client.get("/api/v1/cases")).status == 404


async def test_the_reference_page_names_every_address_about_cases() -> None:
    page = REFERENCE.read_text()
    service = CaseService()
    web = Web(service, load_text(FILE, "shop.yml").config)
    service.close()
    about = {f"`{method} {path}`" for method, path in web.addresses if "/cases" in path and method != "HEAD"}
    assert len(about) == 8
    assert {address for address in about if address not in page} == set()
    assert re.search(r"`GET /api/v1/cases`.*newest first", page)


def test_a_decision_that_is_not_about_a_case_makes_no_row() -> None:
    service = CaseService()
    other = NewDecision("d", "touchline.signal.breached", 0, "csat", b"{}")
    service.add(Commit(before=b"", head=b"", low=0, now=0, first_decision=0, decisions=[other]))
    assert rows.cases_page(service._rows, CaseQuery(), 10, None).items == []
    service.close()
