"""SignalStage's place in the cluster: each partial once, in order, decisions only after their commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from streams.codec import decode
from streams.config.load import Loaded, load_text
from streams.effects import CareCount, Entered, Lesson, Measured, Nominee, Outcome, Partial, Verdicts
from streams.errors import CannotStart
from streams.model import Event
from streams.runtime.cluster import signal_agent
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import PartitionStore
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.signal_agent import SignalDesk, StageLost
from streams.runtime.cluster.topics import Names
from streams.stages.journey import STOOD
from streams.stages.lessons import LESSON, lesson_of
from streams.stages.signal import SignalStage
from streams.stages.verdicts import JUDGED, verdicts_of

pytestmark = pytest.mark.redis
SCALE = 1_000_000
FILE = """
version: 1
journeys:
  buy:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 10m}
"""


@pytest.fixture
def loaded() -> Loaded:
    return load_text(FILE)


def desk_on(redis: Client, loaded: Loaded, learnt: bytes | None = None) -> SignalDesk:
    connections = cast(Connections, SimpleNamespace(redis=redis, sender=None))
    return SignalDesk(connections, Rulebook(connections, loaded), Names("t"), 1, learnt)


@pytest.fixture
async def desk(redis: Redis, loaded: Loaded) -> AsyncIterator[SignalDesk]:
    desk = desk_on(redis, loaded)
    assert await desk.claim() == 0
    yield desk
    await desk.close()


def lesson(loaded: Loaded) -> bytes:
    """Baselines of a shop where customers pay after a minute."""
    stage = SignalStage(loaded.config, loaded.hash)
    for second in range(1000):
        entered: Any = (Entered("buy", "cart", (), 1, 0),)
        paid: Any = (Outcome("buy", "cart", (), second - 60, 1, 0, 0, 0, 0),) if second >= 60 else ()
        stage.process(Partial(0, second, second, second, loaded.hash, entered=entered, outcomes=paid, types={"a.a": 1}))
    return stage.detection.learnt()


def learnt_by(desk: SignalDesk) -> float:
    """Completions that the baseline of the cart rests on."""
    assert desk.stage is not None
    return float(desk.stage.detection.steps.steps["buy", "cart"].drop.hazards.seen.sum())


async def test_a_new_cluster_begins_with_what_it_is_given_and_keeps_it(redis: Redis, loaded: Loaded) -> None:
    given = lesson(loaded)
    first = desk_on(redis, loaded, given)
    await first.claim()
    known = learnt_by(first)
    assert known > 500
    await first.take(0, body(loaded, 0))
    await first.close()
    # The next worker has no such file, and needs none.
    heir = desk_on(redis, loaded)
    assert await heir.claim() == 1
    assert learnt_by(heir) == known
    await heir.close()


async def test_what_is_stored_counts_more_than_what_is_given(redis: Redis, loaded: Loaded) -> None:
    blind = desk_on(redis, loaded)
    await blind.claim()
    await blind.take(0, body(loaded, 0))
    await blind.close()
    late = desk_on(redis, loaded, lesson(loaded))
    await late.claim()
    assert learnt_by(late) == 0
    await late.close()


def body(loaded: Loaded, sequence: int) -> bytes:
    """One customer entering the cart, in the tick of the same number."""
    entered: Any = (Entered("buy", "cart", (), 1, 0),)
    partial = Partial(0, sequence, sequence, sequence, loaded.hash, entered=entered, types={"cart.updated": 1})
    return msgspec.msgpack.encode(partial)


def entered(desk: SignalDesk) -> int:
    assert desk.stage is not None
    return desk.stage.totals().journeys["buy"]["cart"].entered


async def test_a_partial_that_comes_twice_counts_once(desk: SignalDesk, loaded: Loaded) -> None:
    for offset, sequence in enumerate((0, 1, 0, 1, 2)):
        await desk.take(offset, body(loaded, sequence))
    assert entered(desk) == 3
    assert desk.position == 5


async def test_a_partial_before_its_turn_waits_for_the_one_sent_again(desk: SignalDesk, loaded: Loaded) -> None:
    for offset, sequence in enumerate((0, 2, 1, 2)):
        await desk.take(offset, body(loaded, sequence))
    assert entered(desk) == 3


async def test_a_number_that_stays_missing_stops_the_worker(
    desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_agent, "_GAP_LIMIT_S", -1.0)
    await desk.take(0, body(loaded, 0))
    await desk.take(1, body(loaded, 2))
    await desk.take(2, body(loaded, 3))
    with pytest.raises(CannotStart, match="number 1 of partition 0 is missing, 2 is at offset 1"):
        await desk.tick()
    assert desk.position == 1


async def test_a_position_never_passes_a_partial_that_waits_for_another(
    redis: Redis, desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_agent, "_COMMIT_S", 0.0)
    await desk.take(0, body(loaded, 0))
    await desk.take(1, body(loaded, 2))
    await desk.tick()
    heir = desk_on(redis, loaded)
    assert await heir.claim() == 1
    for offset, sequence in enumerate((2, 1, 2), 1):
        await heir.take(offset, body(loaded, sequence))
    assert entered(heir) == 3
    assert heir.position == 4
    await heir.close()
    desk.fail("test")


async def test_what_faust_fetched_before_a_seek_does_not_move_the_position(
    desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take(0, body(loaded, 0))
    await desk.take(5, body(loaded, 1))
    assert (desk.position, entered(desk)) == (1, 1)
    await desk.take(1, body(loaded, 1))
    assert (desk.position, entered(desk)) == (2, 2)
    await desk.tick()
    assert desk.trouble is None
    await desk.take(7, body(loaded, 2))
    monkeypatch.setattr(signal_agent, "_JUMP_LIMIT_S", -1.0)
    await desk.tick()
    assert desk.trouble == "records between were not delivered"


async def test_what_was_not_committed_is_read_again(redis: Redis, desk: SignalDesk, loaded: Loaded) -> None:
    await desk.take(0, body(loaded, 0))
    await desk.tick()
    await desk.take(1, body(loaded, 1))
    heir = desk_on(redis, loaded)
    assert await heir.claim() == 1
    assert entered(heir) == 1
    await heir.take(1, body(loaded, 1))
    assert entered(heir) == 2
    await heir.close()
    desk.fail("test")


async def test_who_lost_the_stage_commits_nothing(
    redis: Redis, desk: SignalDesk, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    heir = desk_on(redis, loaded)
    await heir.claim()
    await desk.take(0, body(loaded, 0))
    monkeypatch.setattr(signal_agent, "_COMMIT_S", 0.0)
    with pytest.raises(StageLost):
        await desk.tick()
    desk.fail("another owner")
    assert desk.position is None
    again = desk_on(redis, loaded)
    assert await again.claim() == 0
    await again.close()
    await heir.close()


# -- `when` --------------------------------------------------------------------------------------------------------

Commit = Callable[[SignalDesk], Awaitable[None]]
ASKING = """
version: 1
feedback:
  slow: {ask: ces, after: product.used, when: {signal: calls, value: "> 0"}}
signals:
  calls: {on: call.started, min_n: 1}
"""


def asking_desk(redis: Redis) -> SignalDesk:
    loaded = load_text(ASKING)
    connections = cast(Connections, SimpleNamespace(redis=redis, sender=Silent()))
    return SignalDesk(connections, Rulebook(connections, loaded), Names("t"), 2)


class Silent:
    """A producer that never gets an answer: what is committed stays in the outbox."""

    async def send(self, *_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()


def call(partition: int, sequence: int, tick: int, count: int) -> bytes:
    """Calls in a tick of a partition."""
    measured = (Measured("calls", (), count, count * SCALE, 0, 0, 0, 0, {}),) if count else ()
    partial = Partial(
        partition, sequence, 0 if sequence == 0 else tick, tick, load_text(ASKING).hash, measured=measured
    )
    return msgspec.msgpack.encode(partial)


async def outbox(redis: Redis) -> list[tuple[str, int, int, list[str]]]:
    """Destination, number, number in the record, rules of every standing that waits to leave."""
    store = PartitionStore(redis, signal_agent.SOURCE)
    found = []
    for _, effect in await store.outbox():
        event = decode(effect.body, internal=True)
        assert isinstance(event, Event)
        assert event.type == STOOD
        assert INTERNAL in effect.headers
        data = event.data or {}
        found.append((effect.destination, effect.sequence, data["number"], data["rules"]))
    await store.close()
    return found


@pytest.fixture
def commit(monkeypatch: pytest.MonkeyPatch) -> Commit:
    """Nothing is committed but by this."""
    monkeypatch.setattr(signal_agent, "_DECISION_S", 1e9)
    monkeypatch.setattr(signal_agent, "_COMMIT_S", 1e9)

    async def made(desk: SignalDesk) -> None:
        desk._committed_at, desk._dirty = -2e9, True
        await desk.tick()

    return made


async def hear(desk: SignalDesk, bodies: Sequence[bytes], start: int = 0) -> None:
    for offset, one in enumerate(bodies, start):
        await desk.take(offset, one)


CALLS = [call(0, 0, 10, 3), call(1, 0, 10, 0), call(0, 1, 11, 0), call(1, 1, 11, 0)]
QUIET = [call(0, 2, 8000, 0), call(1, 2, 8000, 0)]


async def test_every_partition_of_the_events_is_told_once_the_commit_is_done(redis: Redis, commit: Commit) -> None:
    desk = asking_desk(redis)
    await desk.claim()
    await hear(desk, CALLS)
    assert await outbox(redis) == []
    await commit(desk)
    expected = [("t.events/0", 0, 0, ["slow"]), ("t.events/1", 0, 0, ["slow"])]
    assert await outbox(redis) == expected
    await hear(desk, QUIET, len(CALLS))
    await commit(desk)
    assert await outbox(redis) == expected + [("t.events/0", 1, 1, []), ("t.events/1", 1, 1, [])]
    desk.fail("test")


async def test_what_was_not_committed_is_told_again_under_the_same_number(redis: Redis, commit: Commit) -> None:
    desk = asking_desk(redis)
    await desk.claim()
    await hear(desk, CALLS + QUIET)
    heir = asking_desk(redis)
    assert await heir.claim() == 0
    await hear(heir, CALLS + QUIET)
    await commit(heir)
    told = [(number, rules) for place, number, _, rules in await outbox(redis) if place == "t.events/0"]
    assert told == [(0, ["slow"]), (1, [])]
    third = asking_desk(redis)
    await third.claim()
    await commit(third)
    assert len(await outbox(redis)) == 4, "told again although nothing changed"
    for one in (desk, heir, third):
        one.fail("test")


async def test_a_stage_stored_before_anybody_was_told_tells_after_the_next_partial(
    redis: Redis, commit: Commit
) -> None:
    desk = asking_desk(redis)
    await desk.claim()
    await hear(desk, CALLS)
    desk._standings.clear()
    await commit(desk)
    assert await outbox(redis) == []
    heir = asking_desk(redis)
    read = await heir.claim()
    await hear(heir, [call(0, 2, 12, 0)], read)
    await commit(heir)
    assert [one[3] for one in await outbox(redis)] == [["slow"], ["slow"]]
    for one in (desk, heir):
        one.fail("test")


# -- quotas --------------------------------------------------------------------------------------------------------

LIMITED = load_text(
    """
version: 1
feedback:
  few: {ask: ces, after: product.used, quota: 1 per day}
"""
)


def quota_desk(redis: Redis) -> SignalDesk:
    connections = cast(Connections, SimpleNamespace(redis=redis, sender=Silent()))
    return SignalDesk(connections, Rulebook(connections, LIMITED), Names("t"), 2)


def nominating(partition: int, sequence: int, tick: int, *customers: str) -> bytes:
    """Asks of a tick of a partition that compete for a place."""
    nominees = tuple(Nominee("few", tick * SCALE, customer) for customer in customers)
    first = 0 if sequence == 0 else tick
    return msgspec.msgpack.encode(Partial(partition, sequence, first, tick, LIMITED.hash, nominees=nominees))


async def said(redis: Redis, kind: str) -> list[tuple[str, int, Event]]:
    """Destination, number and event of all that waits to be told to the log, of one kind."""
    store = PartitionStore(redis, signal_agent.SOURCE)
    found = []
    for _, effect in await store.outbox():
        event = decode(effect.body, internal=True)
        assert isinstance(event, Event)
        assert event.type == kind
        assert INTERNAL in effect.headers
        found.append((effect.destination, effect.sequence, event))
    await store.close()
    return found


async def verdicts(redis: Redis) -> list[tuple[str, int, Verdicts]]:
    """What waits to be told of quotas."""
    return [(place, number, verdicts_of(event)) for place, number, event in await said(redis, JUDGED)]


ASKS = [nominating(0, 0, 10, "ben"), nominating(1, 0, 10, "anna"), nominating(0, 1, 11, "clara"), nominating(1, 1, 11)]
ANSWERS = [
    ("t.events/0/verdicts", 0, Verdicts(0, (), (Nominee("few", 10 * SCALE, "ben"),))),
    ("t.events/0/verdicts", 1, Verdicts(1, (), (Nominee("few", 11 * SCALE, "clara"),))),
    ("t.events/1/verdicts", 0, Verdicts(0, (Nominee("few", 10 * SCALE, "anna"),), ())),
]


async def test_each_partition_hears_what_quotas_say_to_its_asks_once_that_is_committed(
    redis: Redis, commit: Commit
) -> None:
    desk = quota_desk(redis)
    await desk.claim()
    await hear(desk, ASKS)
    assert await verdicts(redis) == []
    await commit(desk)
    assert sorted(await verdicts(redis), key=repr) == ANSWERS
    await commit(desk)
    assert len(await verdicts(redis)) == len(ANSWERS), "told again although nothing was asked"
    desk.fail("test")


async def test_verdicts_that_were_not_committed_are_told_by_the_next_owner_under_the_same_numbers(
    redis: Redis, commit: Commit
) -> None:
    desk = quota_desk(redis)
    await desk.claim()
    await hear(desk, ASKS[:2])
    await commit(desk)
    await hear(desk, ASKS[2:], 2)
    heir = quota_desk(redis)
    assert await heir.claim() == 2
    await hear(heir, ASKS[2:], 2)
    await commit(heir)
    assert sorted(await verdicts(redis), key=repr) == ANSWERS
    third = quota_desk(redis)
    read = await third.claim()
    later = [
        nominating(0, 2, 86_409),
        nominating(1, 2, 86_409),
        nominating(0, 3, 86_410, "dan"),
        nominating(1, 3, 86_410),
    ]
    await hear(third, later, read)
    await commit(third)
    assert (await verdicts(redis))[-1] == (
        "t.events/0/verdicts",
        2,
        Verdicts(2, (Nominee("few", 86_410 * SCALE, "dan"),), ()),
    )
    for one in (desk, heir, third):
        one.fail("test")


async def test_the_same_second_says_the_same_whichever_partition_is_heard_first(redis: Redis, commit: Commit) -> None:
    desk = quota_desk(redis)
    await desk.claim()
    await hear(desk, [ASKS[1], ASKS[0], *ASKS[2:]])
    await commit(desk)
    assert sorted(await verdicts(redis), key=repr) == ANSWERS
    desk.fail("test")


# -- files ---------------------------------------------------------------------------------------------------------

OTHER = load_text(FILE.replace("within: 10m", "within: 5m"))


def file_desk(redis: Redis, loaded: Loaded) -> SignalDesk:
    connections = cast(Connections, SimpleNamespace(redis=redis, sender=None))
    return SignalDesk(connections, Rulebook(connections, loaded), Names("t"), 2)


def counted(partition: int, sequence: int, loaded: Loaded) -> bytes:
    """A customer entering the cart in a tick of a partition that follows a file."""
    entered: Any = (Entered("buy", "cart", (), 1, 0),)
    partial = Partial(partition, sequence, sequence, sequence, loaded.hash, entered=entered)
    return msgspec.msgpack.encode(partial)


async def test_a_stage_that_dies_while_a_file_is_rolled_out_comes_back(
    redis: Redis, loaded: Loaded, commit: Commit
) -> None:
    await Rulebook(cast(Connections, SimpleNamespace(redis=redis)), OTHER).refresh()
    desk = file_desk(redis, loaded)
    await desk.claim()
    await hear(desk, [counted(0, 0, loaded), counted(1, 0, loaded), counted(0, 1, OTHER)])
    await commit(desk)
    heir = file_desk(redis, loaded)
    assert await heir.claim() == 3
    await hear(heir, [counted(1, 1, loaded), counted(1, 2, loaded), counted(0, 2, OTHER)], 3)
    assert heir.stage is not None
    assert (heir.stage.hash, entered(heir)) == (OTHER.hash, 6)
    for one in (desk, heir):
        one.fail("test")


@pytest.mark.parametrize("owner", ["old", "new"])
async def test_which_file_the_signals_follow_does_not_depend_on_who_has_them(
    redis: Redis, loaded: Loaded, owner: str
) -> None:
    for file in (loaded, OTHER):
        await Rulebook(cast(Connections, SimpleNamespace(redis=redis)), file).refresh()
    desk = file_desk(redis, loaded if owner == "old" else OTHER)
    await desk.claim()
    followed = []
    story = [(0, loaded), (1, loaded), (0, OTHER), (1, loaded), (0, OTHER), (1, loaded), (1, OTHER), (0, OTHER)]
    sequences = [0, 0]
    for offset, (partition, file) in enumerate(story):
        await desk.take(offset, counted(partition, sequences[partition], file))
        sequences[partition] += 1
        assert desk.stage is not None
        followed.append(desk.stage.hash == OTHER.hash)
    assert followed[3:] == [True] * 5
    desk.fail("test")


# -- learning ------------------------------------------------------------------------------------------------------

LEARNING = load_text(
    """
version: 1
feedback:
  csat: {ask: csat, after: order.delivered, channels: [email, sms], learn: {channel: true}}
"""
)


def learning_desk(redis: Redis) -> SignalDesk:
    connections = cast(Connections, SimpleNamespace(redis=redis, sender=Silent()))
    return SignalDesk(connections, Rulebook(connections, LEARNING), Names("t"), 2)


def settled(partition: int, sequence: int, first: int, tick: int, arm: str, answered: int) -> bytes:
    """Ten asks of an arm whose time to be answered is over."""
    care = (CareCount("arm_settled", "csat", arm, 10, answered * SCALE),)
    return msgspec.msgpack.encode(Partial(partition, sequence, first, tick, LEARNING.hash, care=care))


async def lessons(redis: Redis) -> list[tuple[str, int, Lesson | None]]:
    """What waits to be told of what was learnt."""
    return [(place, number, lesson_of(event)) for place, number, event in await said(redis, LESSON)]


async def test_every_partition_hears_what_all_of_them_have_taught_also_from_the_next_owner(
    redis: Redis, commit: Commit
) -> None:
    heard = [settled(0, 0, 0, 10, "channel=sms", 9), settled(1, 0, 0, 10, "channel=email", 1)]
    over = [settled(0, 1, 11, 3600, "channel=sms", 0), settled(1, 1, 11, 3600, "channel=email", 10)]
    desk = learning_desk(redis)
    await desk.claim()
    await hear(desk, heard)
    await commit(desk)
    assert await lessons(redis) == []
    await hear(desk, over, 2)
    heir = learning_desk(redis)
    assert await heir.claim() == 2
    await hear(heir, over, 2)
    await commit(heir)
    told = await lessons(redis)
    assert [(place, number) for place, number, _ in told] == [("t.events/0/lessons", 0), ("t.events/1/lessons", 0)]
    lesson = told[0][2]
    assert lesson is not None
    assert told[1][2] == lesson
    assert lesson.since == 2 * 3600 * SCALE
    assert lesson.weights["csat"]["channel"]["sms"] > 900_000
    await commit(heir)
    assert len(await lessons(redis)) == 2, "told again although nothing was learnt"
    third = learning_desk(redis)
    await third.claim()
    await hear(
        third, [settled(0, 2, 3601, 7200, "channel=email", 10), settled(1, 2, 3601, 7200, "channel=email", 10)], 4
    )
    await commit(third)
    assert [(place, number) for place, number, _ in await lessons(redis)][2:] == [
        ("t.events/0/lessons", 1),
        ("t.events/1/lessons", 1),
    ]
    for one in (desk, heir, third):
        one.fail("test")
