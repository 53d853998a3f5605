"""The story of one customer out of a data file, in words and as the API shows it."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp

from streams.config.structs import Config
from streams.runtime import scenarios
from streams.runtime.clock import VirtualClock
from streams.runtime.customer import CustomerView
from streams.runtime.embedded import Embedded
from streams.runtime.store import schema
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.runtime.why import config_of, gather, told
from streams.units import parse_time
from tests.streams.runtime.served_story import STORIES, middle_of


def view_of(data: Path, name: str, limit: int = 50) -> tuple[CustomerView | None, Config | None]:
    connection = schema.connect(data, read_only=True)
    try:
        config = config_of(connection)
        return gather(connection, name, config, limit), config
    finally:
        connection.close()


def story(data: Path, name: str, zone: str = "UTC", limit: int = 50) -> list[str]:
    """Ids shortened to their first letters, as they are hashes."""
    view, _ = view_of(data, name, limit)
    assert view is not None
    return [short(line) for line in told(view, zone)]


def short(line: str) -> str:
    return re.sub(r"\b([a-z2-7]{4})[a-z2-7]{22}\b", r"\1…", line)


async def test_the_customer_whose_bed_cannot_stand(tmp_path: Path) -> None:
    await middle_of("bed", "4d", tmp_path / "s.db")
    assert story(tmp_path / "s.db", "anna") == [
        "anna, last heard of 2026-01-06 14:00:00 (all times UTC)",
        "",
        "What happened",
        "  2026-01-05 10:00:00  order.delivered  order o-1",
        "  2026-01-06 09:00:00  complaint.received  text a part is missing",
        "  2026-01-06 09:00:00  → case complaint opened (a6fh…)",
        "  2026-01-06 09:00:00  → case complaint assigned, support has it (a6fh…)",
        "  2026-01-06 14:00:00  case.contacted",
        "  2026-01-06 14:00:00  → case complaint contacted: the customer heard from us (a6fh…)",
        "  2026-01-08 10:00:00  → not asked for nps (rule delivery_nps): a case was open (case=a6fh…);"
        " the question waits until that changes",
        "",
        "Open cases",
        "  complaint: contacted, support has it, opened 2026-01-06 09:00:00 because of scenario/e2 (a6fh…)",
        "",
        "What is to come",
        "  as long as case a6fh… is open  nobody is asked for nps (rule delivery_nps, because of scenario/e1)",
    ]


async def test_afterwards_it_is_over_and_who_was_asked_is_told(tmp_path: Path) -> None:
    await middle_of("bed", "10d", tmp_path / "s.db")
    assert story(tmp_path / "s.db", "anna", limit=2) == [
        "anna, last heard of 2026-01-11 10:00:00 (all times UTC)",
        "  events received before 2026-01-10 11:00:00 are no longer in the log",
        "",
        "What happened",
        "  2026-01-11 10:00:00  case.communicated",
        "  2026-01-11 10:00:00  case.closed  cause missing part, disposition resolved",
        "  2026-01-11 12:00:00  → asked for ces (rule case_ces)",
        "  2026-01-14 10:00:00  → asked for nps by email (rule delivery_nps, at the second attempt)",
        "",
        "Asked so far",
        "  2026-01-11 12:00:00  ces (rule case_ces)",
        "  2026-01-14 10:00:00  nps by email (rule delivery_nps)",
    ]


async def test_events_that_have_left_the_log_are_missed_and_the_story_says_so(tmp_path: Path) -> None:
    await middle_of("bed", "20d", tmp_path / "s.db")
    lines = story(tmp_path / "s.db", "anna")
    assert lines[1].startswith("  events received before 2026-01-2")
    assert lines[1].endswith(" are no longer in the log")
    assert not any("order.delivered" in line for line in lines)
    assert "  2026-01-14 10:00:00  → asked for nps by email (rule delivery_nps, at the second attempt)" in lines


async def test_what_an_ask_waits_for_is_named(tmp_path: Path) -> None:
    await middle_of("untried", "5d", tmp_path / "s.db")
    assert story(tmp_path / "s.db", "ben")[-1] == (
        "  until product.used comes, at most until 2026-02-07 10:00:00"
        "  nobody is asked for nps (rule delivery_nps, because of scenario/e2)"
    )
    await middle_of("untried", "1d", tmp_path / "t.db")
    assert story(tmp_path / "t.db", "ben")[-1] == (
        "  2026-01-08 10:00:00  an ask is due for nps (rule delivery_nps, because of scenario/e2)"
    )
    await middle_of("on_the_phone", "0d 12:10", tmp_path / "u.db")
    assert story(tmp_path / "u.db", "ben")[-2:] == [
        "  as long as a chat goes on  nobody is asked for csat (rule order_csat, because of scenario/e2)",
        "  2026-01-06 11:50:00  the chat counts as over",
    ]


async def test_times_are_those_of_the_customer(tmp_path: Path) -> None:
    await middle_of("quiet_hours", "1d", tmp_path / "s.db")
    lines = story(tmp_path / "s.db", "anna", zone="Europe/Berlin")
    assert lines[0] == "anna, last heard of 2026-03-28 22:30:00 (all times Europe/Kyiv)"
    assert "  traits: timezone Europe/Kyiv" in lines
    assert lines[-4:] == [
        "  2026-03-28 23:30:00  → not asked for csat now (rule csat): it was within quiet hours;"
        " looked at again 2026-03-29 09:00:00",
        "",
        "What is to come",
        "  2026-03-29 09:00:00, after the quiet hours  an ask is due for csat (rule csat, because of scenario/e1)",
    ]
    carl = story(tmp_path / "s.db", "carl", zone="Europe/Berlin")
    assert carl[0] == "carl, last heard of 2026-03-28 21:30:00 (all times Europe/Berlin)"


async def test_the_clocks_of_cases_are_told(tmp_path: Path) -> None:
    await middle_of("case_clocks", "0d 12:00", tmp_path / "s.db")
    lines = story(tmp_path / "s.db", "anna")
    case = lines[-1].split()[-4]
    assert lines[-2:] == [
        f"  2026-01-06 10:00:00  without contact the owner of case {case} is reminded",
        f"  2026-01-07 10:00:00  without contact case {case} is too late",
    ]


async def test_a_merged_customer_is_one_under_either_id(tmp_path: Path) -> None:
    await middle_of("merged", "3d", tmp_path / "s.db")
    lines = story(tmp_path / "s.db", "guest-7")
    assert lines == story(tmp_path / "s.db", "anna")
    assert lines[1] == "  earlier known as guest-7"
    assert "  2026-01-05 10:00:00  as guest-7 order.completed" in lines
    assert "  2026-01-06 10:00:00  order.completed" in lines


async def test_nobody_has_no_story(tmp_path: Path) -> None:
    await middle_of("merged", "3d", tmp_path / "s.db")
    assert view_of(tmp_path / "s.db", "nobody")[0] is None
    assert view_of(tmp_path / "s.db", "ann")[0] is None


async def test_the_api_shows_the_same_while_the_service_runs(tmp_path: Path) -> None:
    data = tmp_path / "s.db"
    await middle_of("merged", "3d", data)
    path = STORIES / "merged.yml"
    loaded = scenarios.rules_of(scenarios.read(path), path)
    service = Embedded(loaded, Store(data), VirtualClock(parse_time("2026-01-08T00:00:00Z")))
    await service.start()
    web = Web(service, loaded.config)
    await web.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as client:
            shown = await (await client.get("/api/v1/customers/anna")).json()
            ended = await (await client.get("/api/v1/customers/guest-7")).json()
            assert (await client.get("/api/v1/customers/nobody")).status == 404
    finally:
        await web.stop()
        await service.stop()
    assert [ask["rule"] for ask in shown["asks"]] == ["order_nps"]
    assert [ask["metric"] for ask in shown["asked"]] == ["csat"]
    assert [clock["what"] for clock in shown["waiting"]] == ["ask_due"]
    assert [event["type"] for event in shown["touchpoints"]][:2] == ["visit.ended", "customer.merged"]
    assert [record["type"] for record in shown["decisions"]] == [
        "touchline.feedback.withheld",
        "touchline.feedback.requested",
    ]
    assert shown["merged"] == ["guest-7"]
    lines = [short(f"  {line}") for chapter in shown["story"] for line in chapter["lines"]]
    assert lines == [line for line in story(data, "anna")[2:] if line.startswith("  ")]
    assert shown["story"][0]["title"] == "What happened"
    assert (ended["into"], ended["touchpoints"]) == ("anna", [])
