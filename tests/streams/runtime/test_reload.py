"""The file of a running service changes: noticed, taken or refused, and exact through a crash."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from streams.config.load import Loaded, load_file
from streams.errors import CannotStart, Fault
from streams.model import Record
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.reload import POLL, Reload
from streams.runtime.service import Stopped
from streams.runtime.store.store import Store
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import FILE, START, events, shop

SECOND = 1_000_000
SHOP = shop()
MORE = FILE.replace(
    "      - {name: paid, on: order.completed, within: 30s}\n",
    "      - {name: paid, on: order.completed, within: 30s}\n      - {name: rated, on: survey.answered, within: 90s}\n",
)
"""A step more."""
BROKEN = FILE.replace("within: 40s", "within_: 40s").replace("scale: [1, 5]", "scale: [5, 1]")
"""Two faults."""


class Asked:
    """What the service was asked to do with its file."""

    def __init__(self) -> None:
        self.activated: list[str] = []
        self.refused: list[tuple[Fault, ...]] = []
        self.stops: list[Stopped] = []
        """Raised by the next calls."""

    async def activate(self, loaded: Loaded) -> bool:
        if self.stops:
            raise self.stops.pop()
        self.activated.append(loaded.hash)
        return True

    def refuse(self, faults: Sequence[Fault], file: str) -> None:
        self.refused.append(tuple(faults))


class Looking:
    """A file somebody looks at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = VirtualClock(START)
        self.asked = Asked()
        self.reads = 0
        self.before_reading: Callable[[], object] = lambda: None
        self.reload = Reload(self.asked, str(path), self._read, self.clock)

    def _read(self) -> Loaded:
        self.reads += 1
        self.before_reading()
        return load_file(self.path)

    async def look(self, times: int = 1) -> None:
        """So many looks, each worked off."""
        for _ in range(times):
            before = len(self.clock._sleepers)
            self.clock.advance(POLL)
            await self._asleep(before)

    async def hang_up(self) -> None:
        self.reload.ask()
        await self._asleep(len(self.clock._sleepers) + 1)

    async def _asleep(self, count: int) -> None:
        """Wait until it sleeps again."""
        while len(self.clock._sleepers) < count:
            await asyncio.sleep(0)


@pytest.fixture
async def looking(tmp_path: Path) -> AsyncIterator[Looking]:
    path = tmp_path / "shop.yml"
    path.write_text(FILE)
    looked = Looking(path)
    task = asyncio.create_task(looked.reload.run())
    while not looked.clock._sleepers:
        await asyncio.sleep(0)
    yield looked
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_file_is_read_once_it_has_been_still_and_then_not_again(looking: Looking) -> None:
    await looking.look()
    assert looking.asked.activated == []
    await looking.look(5)
    assert looking.asked.activated == [SHOP.hash], "also the one it began with: it may have changed during the start"
    looking.path.write_text(MORE)
    await looking.look()
    assert looking.reads == 1, "it may still be written to"
    await looking.look(5)
    assert looking.asked.activated == [SHOP.hash, shop(MORE).hash]
    assert looking.reads == 2


async def test_a_file_that_goes_on_changing_is_left_alone(looking: Looking) -> None:
    await looking.look(2)
    for length in range(5):
        looking.path.write_text(MORE + "#" * length)
        await looking.look()
    assert looking.reads == 1
    await looking.look()
    assert looking.reads == 2


async def test_a_file_that_changes_while_it_is_read_is_read_again(looking: Looking) -> None:
    looking.before_reading = lambda: (
        looking.path.write_text(FILE[: FILE.index("signals:")]) if looking.reads == 1 else 0
    )
    await looking.look(2)
    assert looking.asked.activated == []
    await looking.look(2)
    assert looking.asked.activated == [shop(FILE[: FILE.index("signals:")]).hash]


async def test_asked_for_it_is_read_at_once(looking: Looking) -> None:
    await looking.hang_up()
    await looking.hang_up()
    assert looking.asked.activated == [SHOP.hash, SHOP.hash]


async def test_a_file_put_in_the_place_of_another_is_noticed_whatever_its_size_and_time(looking: Looking) -> None:
    await looking.look(2)
    before = looking.path.stat()
    other = looking.path.with_suffix(".new")
    other.write_text(FILE.replace("within: 40s", "within: 50s"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(looking.path)
    assert (looking.path.stat().st_size, looking.path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    await looking.look(2)
    assert looking.asked.activated == [SHOP.hash, shop(FILE.replace("within: 40s", "within: 50s")).hash]


async def test_every_fault_is_handed_over_once(looking: Looking) -> None:
    await looking.look(2)
    looking.path.write_text(BROKEN)
    await looking.look(6)
    (faults,) = looking.asked.refused
    assert [(fault.line, fault.path) for fault in faults] == [
        (9, "journeys.purchase.steps[1].within_"),
        (12, "signals.csat.scale"),
    ]


async def test_a_file_that_is_gone_is_refused_and_noticed_when_it_comes_back(looking: Looking) -> None:
    await looking.look(2)
    looking.path.unlink()
    await looking.look(4)
    ((fault,),) = looking.asked.refused
    assert "No such file" in fault.message
    looking.path.write_text(FILE)
    await looking.look(2)
    assert looking.asked.activated == [SHOP.hash, SHOP.hash]


async def test_a_service_that_takes_nothing_now_gets_the_file_at_a_later_look(looking: Looking) -> None:
    looking.asked.stops = [Stopped("the disk is full"), Stopped("the disk is full")]
    await looking.look(3)
    assert looking.asked.activated == []
    await looking.look(3)
    assert looking.asked.activated == [SHOP.hash]


async def test_a_file_that_the_next_start_would_refuse_is_refused_now(looking: Looking) -> None:
    def refuse() -> None:
        raise CannotStart("cannot listen on 0.0.0.0: the file has no access.write_keys")

    looking.before_reading = refuse
    await looking.look(4)
    ((fault,),) = looking.asked.refused
    assert fault.message == "cannot listen on 0.0.0.0: the file has no access.write_keys"


@pytest.mark.expects_errors
async def test_a_file_that_even_the_reader_stumbles_over_is_refused(looking: Looking) -> None:
    def stumble() -> None:
        raise RecursionError

    looking.before_reading = stumble
    await looking.look(4)
    ((fault,),) = looking.asked.refused
    assert "RecursionError" in fault.message


# -- the service ---------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@asynccontextmanager
async def running(path: Path, clock: VirtualClock, loaded: Loaded = SHOP) -> AsyncIterator[Embedded]:
    service = Embedded(loaded, Store(path), clock, name="shop.yml", limits=Limits(commit_seconds=0))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def feed(service: Embedded, clock: VirtualClock, bodies: Sequence[bytes]) -> None:
    for start in range(0, len(bodies), 50):
        await service.submit(bodies[start : start + 50])
        clock.advance(8 * SECOND)
        await service.drain()


async def test_totals_go_on_and_a_new_step_begins_at_zero(path: Path, clock: VirtualClock) -> None:
    other = shop(MORE)
    bodies = events(800, 3)
    async with running(path, clock) as service:
        await feed(service, clock, bodies[:400])
        before = {step.name: step.totals for step in service.journeys()[0].steps}
        assert await service.activate(other)
        await feed(service, clock, bodies[400:])
        after = {step.name: step.totals for step in service.journeys()[0].steps}
        assert service.health().config.hash == other.hash
    assert list(before) == ["cart", "checkout", "paid"]
    assert list(after) == ["cart", "checkout", "paid", "rated"]
    assert all(after[name].entered > before[name].entered > 0 for name in before)
    assert after["rated"].entered > 0
    known = {SHOP.hash: SHOP, other.hash: other}
    assert stored(path, known) == undisturbed(log_of(path), SHOP, known)


async def test_the_same_file_again_leaves_no_trace_in_the_log(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        assert not await service.activate(shop("# a remark\n" + FILE))
        assert service.store.next_offset == 0


async def test_before_the_first_event_the_views_follow_at_once(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        await service.activate(shop(MORE))
        await service.drain()
        assert [step.name for step in service.journeys()[0].steps] == ["cart", "checkout", "paid", "rated"]


async def test_a_crash_right_after_the_change_does_not_undo_it(path: Path, clock: VirtualClock) -> None:
    other = shop(MORE)
    bodies = events(600, 4)
    service = Embedded(SHOP, Store(path), clock, limits=Limits(commit_seconds=1_000))
    await service.start()
    for start in range(0, 300, 50):
        await service.submit(bodies[start : start + 50])
        clock.advance(8 * SECOND)
    await service.activate(other)
    await service.submit(bodies[300:350])
    await service.abandon()
    async with running(path, clock, other) as service:
        await feed(service, clock, bodies[350:])
    log = log_of(path)
    named = [record.offset for record in log if b"touchline.config.activated" in bytes_of(record)]
    assert len(named) == 1, "the restart found it announced already"
    known = {SHOP.hash: SHOP, other.hash: other}
    assert stored(path, known) == undisturbed(log, SHOP, known)


def bytes_of(record: Record) -> bytes:
    return record.body if isinstance(record.body, bytes) else b""


async def test_a_refused_file_is_seen_in_health_until_a_right_one_comes(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        service.refuse([Fault("journeys", 3, "expected a journey"), Fault("signals", 9, "expected")], "shop.yml")
        await service.drain()
        health = service.health()
        assert health.status == "ok"
        assert health.config.hash == SHOP.hash
        assert msgspec.to_builtins(health.config.refused) == {
            "count": 2,
            "first": "shop.yml:3: journeys: expected a journey",
        }
        await service.activate(SHOP)
        assert service.health().config.refused is None


async def test_other_tokens_hold_after_a_restart_only_and_health_says_so(path: Path, clock: VirtualClock) -> None:
    guarded = shop(FILE + "access: {write_keys: [{name: shop, token: twelve-letters-and-more}]}\n")
    async with running(path, clock) as service:
        await service.activate(guarded)
        await service.drain()
        assert service.health().config.hash == guarded.hash
        assert service.health().config.needs_restart == ("access",)
        await service.activate(SHOP)
        assert service.health().config.needs_restart == ()


async def test_the_time_of_silence_follows_the_file(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock, shop(FILE + "idle_after: 1h\n")) as service:
        await service.submit(events(20, 1)[:10])
        await service.activate(SHOP)
        await service.drain()
        clock.advance(3_600 * SECOND)
        while service.store.next_offset < 12:
            await asyncio.sleep(0)
        await service.drain()
        clock.advance(2 * SECOND)
        while service.store.next_offset < 13:
            await asyncio.sleep(0)


async def test_a_stopped_service_changes_nothing(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock) as service:
        service.close_door()
        with pytest.raises(Stopped):
            await service.activate(shop(MORE))
        assert service.store.next_offset == 0


async def test_decisions_are_kept_as_long_as_the_file_says(path: Path, clock: VirtualClock) -> None:
    async with running(path, clock, shop(FILE + "retain: 30d\n")) as service:
        assert service.store.retention.decisions == 30 * 24 * 3_600 * SECOND
        await service.activate(shop(FILE + "retain: 60d\n"))
        assert service.store.retention.decisions == 60 * 24 * 3_600 * SECOND
