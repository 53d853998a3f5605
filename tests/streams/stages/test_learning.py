"""What rules learn is the same however customers are spread, and whenever the partitions hear of it within the hour."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.decisions import encode
from streams.effects import CareCount, Decision, Lesson, Partial
from streams.rules import Rules
from streams.stages.learning import Learning
from streams.stages.signal import SignalStage
from streams.units import DAY, HOUR, SECOND, parse_time
from tests.build import START
from tests.cluster_of_stages import Cluster
from tests.surveyed import surveyed, told

FILE = """
version: 1
allowed_lateness: 0s
feedback:
  csat: {ask: csat, after: order.delivered, channels: [email, sms, web],
         learn: {channel: true, times: ["06:00", "18:00"], explore: 0.2, within: 12h, over: 5d}}
  plain: {ask: ces, after: call.ended, channels: [email, sms]}
"""
LOADED = load_text(FILE, "test.yml")
RATES = {"email": 0.05, "sms": 0.4, "web": 0.1}
TICK = START // SECOND
DAY_TICKS = DAY // SECOND


def partial(tick: int, counts: Iterable[tuple[str, str, int, int]], number: int = 0, partition: int = 0) -> Partial:
    """`(rule, arm, asked, answered)`."""
    care = tuple(CareCount("arm_settled", rule, arm, asked, answered * SECOND) for rule, arm, asked, answered in counts)
    return Partial(partition, number, tick, tick, LOADED.hash, care=care)


def crowd(seed: int) -> list[tuple[int, list[tuple[str, str, int, int]]]]:
    """Ticks with what was settled in them."""
    dice = random.Random(seed)
    tick, ticks = TICK, []
    for _ in range(dice.randrange(1, 40)):
        tick += dice.choice([1, 60, 1800, 3599, 3600, 86_400])
        counts = []
        for arm in ("channel=email", "channel=sms", "time=06:00", "channel=fax"):
            asked = dice.randrange(4)
            if asked:
                counts.append((dice.choice(["csat", "csat", "plain"]), arm, asked, dice.randrange(asked + 1)))
        ticks.append((tick, sorted(set(counts))))
    return ticks


def lessons(stage: SignalStage) -> list[Lesson]:
    return list(stage.learning.untold)


def taught(ticks: list[tuple[int, list[tuple[str, str, int, int]]]], until: int) -> SignalStage:
    stage = SignalStage(LOADED.config, LOADED.hash)
    for number, (tick, counts) in enumerate(ticks):
        stage.process(partial(tick, counts, number))
    stage.finish(until)
    return stage


@given(st.integers(0, 2**32), st.integers(2, 4))
@settings(max_examples=20, deadline=None)
def test_lessons_do_not_depend_on_how_customers_are_spread(seed: int, partitions: int) -> None:
    ticks, dice = crowd(seed), random.Random(seed)
    until = ticks[-1][0] + 8 * DAY_TICKS
    spread = SignalStage(LOADED.config, LOADED.hash, partitions=partitions)
    firsts = [TICK] * partitions
    for number, (tick, counts) in enumerate(ticks):
        homes = [dice.randrange(partitions) for _ in counts]
        for at in dice.sample(range(partitions), partitions):
            mine = [count for count, home in zip(counts, homes, strict=True) if home == at]
            care = partial(tick, mine).care
            spread.process(Partial(at, number, firsts[at], tick, LOADED.hash, care=care))
            firsts[at] = tick + 1
    spread.finish(until)
    assert lessons(spread) == lessons(taught(ticks, until))


@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_a_stage_that_was_stored_and_comes_back_teaches_the_same(seed: int) -> None:
    ticks = crowd(seed)
    stage = SignalStage(LOADED.config, LOADED.hash)
    pieces = stage.snapshot()
    for number, (tick, counts) in enumerate(ticks):
        stage.process(partial(tick, counts, number))
        pieces |= stage.changes()
        stage = SignalStage.restore(LOADED.config, LOADED.hash, pieces)
    until = ticks[-1][0] + 8 * DAY_TICKS
    stage.finish(until)
    assert lessons(stage) == lessons(taught(ticks, until))
    assert stage.learning.stored == taught(ticks, until).learning.stored


def test_a_lesson_comes_at_the_end_of_the_hour_and_holds_an_hour_later() -> None:
    tick = parse_time("2026-01-01T10:20:00Z") // SECOND
    stage = taught([(tick, [("csat", "channel=sms", 4, 3)])], tick + 2399 - 1)
    assert lessons(stage) == []
    stage = taught([(tick, [("csat", "channel=sms", 4, 3)])], tick + 2399)
    (lesson,) = lessons(stage)
    assert (lesson.number, lesson.since) == (0, parse_time("2026-01-01T12:00:00Z"))
    shares = lesson.weights["csat"]["channel"]
    assert sum(shares.values()) == pytest.approx(1_000_000, abs=3)
    assert shares["sms"] > max(shares["email"], shares["web"])
    assert lesson.weights.keys() == {"csat"}
    assert lesson.weights["csat"].keys() == {"channel"}


def test_what_is_older_than_the_rule_looks_back_is_forgotten() -> None:
    counts = [("csat", "channel=sms", 9, 9)]
    assert lessons(taught([(TICK, counts)], TICK + 6 * DAY_TICKS + 3598))[-1].weights
    last = lessons(taught([(TICK, counts)], TICK + 6 * DAY_TICKS + 3599))[-1]
    assert last.weights == {}
    assert last.since == START + 6 * DAY + 2 * HOUR


def test_lessons_are_told_until_they_are_confirmed_and_counted_on() -> None:
    learning = Learning(LOADED.config)
    for at in range(3):
        tick = TICK + at * 3600
        learning.take(tick, [partial(tick, [("csat", "channel=sms", 5, at)])])
        learning.check(tick + 3599)
    assert [lesson.number for lesson in learning.untold] == [0, 1, 2]
    learning.confirmed(2)
    assert [lesson.number for lesson in learning.untold] == [2]
    learning.confirmed(3)
    assert not learning.untold


def test_a_new_arm_is_considered_at_the_end_of_the_hour_and_one_that_is_gone_no_more() -> None:
    other = load_text(FILE.replace("[email, sms, web],\n", "[email, sms, phone],\n"), "test.yml")
    stage = SignalStage(LOADED.config, LOADED.hash)
    counts = [("csat", "channel=sms", 50, 9), ("csat", "channel=web", 50, 9), ("csat", "channel=email", 50, 9)]
    stage.process(partial(TICK, counts))
    stage.process(Partial(0, 1, TICK + 1, TICK + 4000, LOADED.hash))
    stage.activate(other.config, other.hash)
    stage.finish(TICK + 9000)
    first, second = lessons(stage)
    assert first.weights["csat"]["channel"].keys() == {"email", "sms", "web"}
    assert second.weights["csat"]["channel"].keys() == {"email", "sms", "phone"}
    assert second.weights["csat"]["channel"]["phone"] > 500_000  # nothing speaks against it yet


def test_the_view_says_of_each_arm_how_it_was_answered_and_its_chance() -> None:
    stage = taught([(TICK, [("csat", "channel=sms", 40, 20), ("csat", "channel=web", 40, 1)])], TICK + 3599)
    shown = {(arm.what, arm.arm): arm for arm in stage.view().learning}
    assert list(shown) == [
        ("channel", "email"), ("channel", "sms"), ("channel", "web"), ("time", "06:00"), ("time", "18:00"),
    ]  # fmt: skip
    assert (shown["channel", "sms"].asked, shown["channel", "sms"].answered) == (40, 20)
    assert shown["channel", "web"].chance == pytest.approx(0.2 / 3)
    assert shown["time", "06:00"].chance == 0.5
    assert sum(arm.chance for arm in shown.values()) == pytest.approx(2)


def records(decisions: Iterable[Decision]) -> list[bytes]:
    return sorted(encode(one) for one in decisions if one.type.startswith("touchline.feedback"))


@pytest.mark.parametrize(("partitions", "every"), [(1, 29), (3, 1)])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_any_partitions_with_crashes_decide_as_replay_does_wherever_in_the_hour_they_hear(
    partitions: int, every: int, seed: int
) -> None:
    hours = 60 if every == 1 else 150
    history, replay = surveyed(
        LOADED, hours, 6 if every == 1 else 60, lambda data: RATES[data["channel"]], every=every, seed=str(seed)
    )
    drawn = [one.data["learnt"]["channel"] for one in replay.decisions if "learnt" in one.data]
    assert not all(one["explored"] for one in drawn)
    dice = random.Random(seed)
    cluster = Cluster(Rules.of(LOADED), partitions, seed)
    signals = SignalStage(LOADED.config, LOADED.hash, partitions=partitions)
    waiting, at = list(history), 0
    fed = [0] * partitions
    coming: list[list[Lesson]] = [[] for _ in range(partitions)]
    for quarter in range(4 * hours):
        end = START + (quarter + 1) * HOUR // 4
        for number in range(partitions):
            last = quarter % 4 == 3
            while coming[number] and (last or dice.random() < 0.4):
                cluster.append(number, told(coming[number].pop(0)), internal=True)
        while at < len(waiting) and parse_time(waiting[at].time or "") < end:
            cluster.produce(waiting[at])
            at += 1
        cluster.advance(end + SECOND)
        while any(node.behind for node in cluster.nodes):
            cluster.step(dice.randrange(partitions), dice.randrange(1, 20), crash=dice.random() < 0.1)
        for number in dice.sample(range(partitions), partitions):
            partials = cluster.nodes[number].partials
            for one in partials[fed[number] :]:
                signals.process(one)
            fed[number] = len(partials)
        for lesson in signals.learning.untold:
            for number in range(partitions):
                coming[number].append(lesson)
        signals.learning.confirmed(2**60)
    end = START + hours * HOUR
    expected = [one for one in replay.decisions if one.time < end]
    assert records(one for one in cluster.decisions if one.time < end) == records(expected)
