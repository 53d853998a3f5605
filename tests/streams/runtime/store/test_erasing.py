"""Erasing a customer: nothing of them is left in the file, everyone else goes on as if they had never been there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codec import decode
from streams.config.load import load_text
from streams.decisions import encode
from streams.effects import Decision, customer_number
from streams.findings import Finding, SeriesKey
from streams.model import Event
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store import schema
from streams.runtime.store.erasing import ERASED, Erased, erase, rewrite
from streams.runtime.store.store import Store
from streams.units import DAY, HOUR, SECOND, format_time
from streams.view import StepTotals
from tests.streams.runtime.reference import log_of

WHO, BEFORE = "zelda-4711", "zelda-guest"
START = 1_772_000_000_000_000
SHOP = load_text(
    """
version: 1
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
feedback:
  order_csat: {ask: csat, after: order.completed, wait: 1h, quota: 100 per hour}
fatigue: {any: 30d}
cases:
  complaint: {on: complaint.received, owner: support}
clusters:
  busy: {on: order.completed, by: shop, count: 50 within 1d}
""",
    "shop.yml",
)
Happened = tuple[int, str, str]


def body(number: int, told: Happened, **data: object) -> bytes:
    """An event as a door writes it."""
    after, who, what = told
    event = {"specversion": "1.0", "id": f"n-{number}", "source": "shop", "type": what}
    data = {"shop": "kyiv", **data}
    return msgspec.json.encode({**event, "time": format_time(START + after), "subject": who, "data": data})


FIRST: list[Happened] = [
    (0, BEFORE, "cart.updated"),
    (0, "c-1", "cart.updated"),
    (SECOND, BEFORE, "order.completed"),
    (2 * SECOND, WHO, "cart.updated"),
    (10 * SECOND, WHO, "order.completed"),
    (10 * SECOND, "c-1", "order.completed"),
    (2 * HOUR, WHO, "complaint.received"),
    (2 * HOUR, "c-1", "complaint.received"),
    (3 * HOUR, WHO, "cart.updated"),
    (3 * HOUR, "c-2", "cart.updated"),
    (3 * HOUR + SECOND, WHO, "order.completed"),
]
"""The last second's are still waiting when the service stops."""
SECOND_HALF: list[Happened] = [
    (3 * HOUR + 5 * SECOND, WHO, "order.completed"),
    (3 * HOUR + 6 * SECOND, "c-1", "order.completed"),
    (3 * HOUR + 7 * SECOND, "c-2", "order.completed"),
    (10 * HOUR, "c-2", "cart.updated"),
]


async def run(path: Path, bodies: Iterable[bytes], clock: VirtualClock, *, alert: bool = False) -> None:
    """The service takes them and stops; `alert` fires one that names two customers as examples."""
    fired: list[Decision] = []
    service = Embedded(SHOP, Store(path), clock, name="shop.yml", limits=Limits(commit_seconds=0))
    await service.start()
    for at, one in enumerate(bodies):
        await service.submit([one])
        await service.drain()
        if alert and at == 3:
            tick = START // SECOND
            finding = Finding(
                SeriesKey("conversion", "down", "purchase", "cart"),
                *(tick, tick - 60, tick - 70, tick - 50, 3.0, 40.0),
                loss=0.9,
                examples=(WHO, "c-1"),
            )
            # As a watcher would; to learn a baseline takes hours.
            fired += service.partition.signals.stage.detection.book.fire(finding)
    await service.stop()
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)",
            [(1_000 + at, one.id, one.type, one.time, one.subject, encode(one)) for at, one in enumerate(fired)],
        )
    connection.close()


def first() -> list[bytes]:
    merged = body(100, (5 * SECOND, BEFORE, "customer.merged"), into=WHO)
    bodies = [body(number, told) for number, told in enumerate(FIRST)]
    bad_score = body(101, (6 * SECOND, WHO, "survey.answered"), metric="csat", score=99)
    return [*bodies[:4], merged, bad_score, b'{"subject": "zelda-4711', b"{ c-1", *bodies[4:]]


def without(bodies: Iterable[bytes]) -> list[bytes]:
    return [one for one in bodies if b"zelda" not in one]


def second() -> list[bytes]:
    return [body(200 + number, told) for number, told in enumerate(SECOND_HALF)]


def erased(path: Path, name: str = WHO, *, keep: bool = False) -> Erased:
    schema.prepare(path)
    connection = schema.connect(path)
    try:
        done = erase(connection, name, keep=keep)
        rewrite(connection)
    finally:
        connection.close()
    return done


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + 20 * HOUR)


async def test_not_a_byte_of_the_customer_is_left(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "shop.db"
    await run(path, first(), clock, alert=True)
    assert b"zelda" in path.read_bytes()
    assert msgspec.msgpack.encode(customer_number(WHO)) in path.read_bytes()
    assert rows(path, "SELECT 1 FROM decisions WHERE type = 'touchline.alert.firing' AND instr(body, 'zelda')")
    decision = rows(path, f"SELECT id FROM decisions WHERE subject = '{WHO}' LIMIT 1")[0][0]
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "INSERT INTO deliveries (receiver, decision, about, bundle, state, attempts, created, next_at)"
            " VALUES ('ops', ?, '', '', 'pending', 0, 0, 0)",
            (decision,),
        )
    connection.close()
    done = erased(path)
    assert done.ids == (WHO, BEFORE)
    assert (done.states, done.dead_letters, done.deliveries, done.cases) == (2, 2, 1, 1)
    assert done.decisions == 3  # the case opened and assigned, the ask withheld or made
    assert done.log_deleted + done.log_blanked == len(first()) - len(without(first()))
    assert min(done.log_deleted, done.log_blanked) > 0
    number = msgspec.msgpack.encode(customer_number(WHO))
    for file in tmp_path.iterdir():
        assert b"zelda" not in file.read_bytes(), file.name
        assert number not in file.read_bytes(), file.name
    ((alert,),) = rows(path, "SELECT body FROM decisions WHERE type = 'touchline.alert.firing'")
    assert isinstance(alert, bytes)
    assert msgspec.json.decode(alert)["data"]["examples"] == ["c-1"]


async def test_everyone_else_goes_on_and_the_customer_begins_anew_as_if_never_seen(
    tmp_path: Path, clock: VirtualClock
) -> None:
    path, other = tmp_path / "shop.db", tmp_path / "other.db"
    await run(path, first(), clock)
    erased(path)
    await run(path, second(), clock)
    await run(other, without(first()), clock)
    await run(other, second(), clock)
    for query in (
        "SELECT id, body FROM decisions ORDER BY id",
        "SELECT key, state FROM customers WHERE NOT instr(key, '#') ORDER BY key",
        "SELECT key, due FROM timers WHERE NOT instr(key, '#') ORDER BY key",
        "SELECT id, subject, state FROM cases ORDER BY id",
        "SELECT reason, CAST(body AS TEXT) FROM dead_letters",
    ):
        assert rows(path, query) == rows(other, query)
    assert rows(path, f"SELECT 1 FROM customers WHERE key = '{WHO}'"), "seen again since"


async def test_offsets_have_no_gap_where_a_restart_reads_and_time_goes_as_it_went(
    tmp_path: Path, clock: VirtualClock
) -> None:
    path = tmp_path / "shop.db"
    await run(path, first(), clock)
    before = log_of(path)
    done = erased(path)
    after = log_of(path)
    assert after[-1].offset == before[-1].offset
    kept = [record.offset for record in after]
    low = kept[-1]
    while low - 1 in kept:
        low -= 1
    blanked = [record for record in after if isinstance(record.body, bytes) and ERASED.encode() in record.body]
    assert len(blanked) == done.log_blanked
    assert all(record.offset >= low for record in blanked)
    were = {record.offset: record.body for record in before}
    for record in blanked:
        found, was = (decode(one) for one in (record.body, were[record.offset]) if isinstance(one, bytes))
        assert isinstance(found, Event)
        assert isinstance(was, Event)
        assert (found.time, found.source, found.subject, found.data) == (was.time, was.source, None, None)


async def test_counts_do_not_fall(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "shop.db"
    await run(path, first(), clock)
    store = Store(path)
    counts, invalid = await store.decision_counts(), dict(store.letters.invalid)
    await store.close()
    erased(path)
    store = Store(path)
    assert (await store.decision_counts(), store.letters.invalid) == (counts, invalid)
    assert sum(store.letters.held.values()) == 1
    await store.close()


async def counts(path: Path, clock: VirtualClock) -> dict[str, StepTotals]:
    """The steps of the journey, once a start has worked off what was left."""
    service = Embedded(SHOP, Store(path), clock, limits=Limits(commit_seconds=0))
    await service.start()
    await service.submit([body(500, (18 * HOUR, "c-9", "page.viewed"))])
    clock.advance(5 * SECOND)
    await service.drain()
    totals = service.partition.signals.stage.totals()
    await service.stop()
    return totals.journeys["purchase"]


async def test_whoever_was_in_the_middle_of_a_journey_is_in_flight_no_more_and_has_not_given_up(
    tmp_path: Path, clock: VirtualClock
) -> None:
    story = [(0, who, "cart.updated") for who in (WHO, BEFORE, "c-1", "c-2")]
    story += [(SECOND, BEFORE, "order.completed"), (2 * HOUR, WHO, "cart.updated"), (2 * HOUR, "c-1", "cart.updated")]
    bodies = [body(number, told) for number, told in enumerate(story)]
    # Time goes on past the last cart, but not past its half hour.
    bodies += [body(100 + at, (2 * HOUR + (at + 3) * SECOND, "c-3", "page.viewed")) for at in range(3)]
    started = clock.now()
    whole, path = tmp_path / "whole.db", tmp_path / "shop.db"
    for file in (whole, path):
        await run(file, bodies, VirtualClock(started))
    erased(path)
    left, undisturbed = await counts(path, VirtualClock(started)), await counts(whole, VirtualClock(started))
    assert (undisturbed["cart"].entered, undisturbed["cart"].abandoned, undisturbed["cart"].merged) == (6, 5, 0)
    assert (left["cart"].entered, left["cart"].abandoned, left["cart"].merged) == (6, 4, 1)
    assert [step.in_flight for step in left.values()] == [0, 0]


async def test_to_ask_what_would_go_changes_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "shop.db"
    await run(path, first(), clock)
    before = [rows(path, f"SELECT * FROM {name}") for name in ("log", "customers", "decisions", "head", "pieces")]
    would = erased(path, keep=True)
    after = [rows(path, f"SELECT * FROM {name}") for name in ("log", "customers", "decisions", "head", "pieces")]
    assert after == before
    assert erased(path) == would
    assert not erased(path).anything


async def test_an_id_that_ended_in_another_erases_both(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "shop.db"
    await run(path, first(), clock)
    assert erased(path, BEFORE).ids == (WHO, BEFORE)
    assert b"zelda" not in path.read_bytes()


async def test_a_customer_whose_name_is_a_word_of_the_file_harms_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "shop.db"
    named = [one.replace(b"zelda-4711", b"purchase").replace(b"zelda-guest", b"cart") for one in first()]
    await run(path, named, clock)
    assert erased(path, "purchase").states == 2
    later = [body(900 + at, (30 * HOUR + at * HOUR, "c-9", "order.completed")) for at in range(2)]
    await run(path, later, VirtualClock(START + 2 * DAY))
    assert rows(path, "SELECT 1 FROM customers WHERE key = 'c-9'")


async def test_a_new_file_has_nothing_to_erase(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    assert not erased(path).anything


KINDS = [
    "cart.updated",
    "order.completed",
    "complaint.received",
    "case.contacted",
    "customer.identified",
    "page.viewed",
]
GAPS = st.sampled_from([0, SECOND // 2, SECOND, 5 * SECOND, 40 * 60 * SECOND, 2 * HOUR])
TOLD = st.lists(st.tuples(GAPS, st.sampled_from([WHO, "c-1", "c-2"]), st.sampled_from(KINDS)), min_size=1, max_size=14)


@settings(max_examples=15, deadline=None)
@given(TOLD, TOLD)
def test_whatever_happened_the_others_do_not_notice(
    before: list[tuple[int, str, str]], after: list[tuple[int, str, str]]
) -> None:
    time, bodies = 0, list[bytes]()
    for number, (gap, who, what) in enumerate([*before, *after]):
        time += gap
        bodies.append(body(number, (time, who, what)))
    # Nothing waits at the end, so that both have come equally far.
    ending = [body(900 + at, (time + (5 + at) * DAY, "c-3", "page.viewed")) for at in range(2)]
    told, later = bodies[: len(before)], [*bodies[len(before) :], *ending]
    clock = VirtualClock(START + 100 * DAY)
    with TemporaryDirectory() as folder:
        path, other = Path(folder) / "shop.db", Path(folder) / "other.db"

        async def play() -> None:
            await run(path, told, clock)
            erased(path)
            await run(path, later, clock)
            await run(other, without(told), clock)
            await run(other, later, clock)

        asyncio.run(play())
        for query in (
            "SELECT id, body FROM decisions ORDER BY id",
            "SELECT id, subject, state FROM cases ORDER BY id",
            "SELECT key FROM customers WHERE NOT instr(key, '#') ORDER BY key",
        ):
            assert rows(path, query) == rows(other, query)
