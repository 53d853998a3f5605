"""Clusters: told once several customers have met the same within the time, and once only."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.decisions import encode
from streams.effects import Decision, Partial, Sighting
from streams.stages.clusters import MOST_CAUSES, MOST_ENTITIES, Clusters, Seen
from streams.stages.signal import SignalStage
from streams.units import HOUR, SECOND
from tests.build import START as DAY_ONE
from tests.streams.care.story import tell
from tests.streams.stages.contents import START

FILE = """
version: 1
clusters:
  shops: {on: complaint.received, by: shop, count: 3 within 1h, owner: region}
  topics: {on: complaint.received, by: topic, count: 2 within 1d}
"""
RULES = ("shops", "topics")
LOADED = load_text(FILE, "test.yml")


def seen(second: int, entity: str, customer: int, rule: str = "shops") -> Sighting:
    return Sighting(rule, entity, (START + second) * SECOND, f"web/{second}-{customer}", customer)


def partial(tick: int, sightings: list[Sighting], partition: int = 0, sequence: int = 0, first: int = 0) -> Partial:
    return Partial(partition, sequence, first or tick, tick, LOADED.hash, sightings=tuple(sightings))


def judged(clusters: Clusters, *sightings: Sighting) -> list[Decision]:
    """One tick after the other."""
    found = []
    for tick in sorted({one.time // SECOND for one in sightings}):
        found += clusters.judge(tick, [partial(tick, [one for one in sightings if one.time // SECOND == tick])])
    return found


def test_three_customers_with_the_same_trouble_are_one_cluster_with_three_links() -> None:
    clusters = Clusters(LOADED.config)
    (found,) = judged(clusters, seen(0, "kyiv-1", 1), seen(10, "lviv", 2), seen(20, "kyiv-1", 3), seen(30, "kyiv-1", 4))
    assert (found.type, found.subject, found.time) == ("touchline.cluster.found", "kyiv-1", (START + 31) * SECOND)
    assert found.data == {
        "rule": "shops",
        "because": ["web/0-1", "web/20-3", "web/30-4"],
        "cluster": "shops",
        "by": "shop",
        "entity": "kyiv-1",
        "customers": 3,
        "since": "2026-01-01T00:00:00.000Z",
        "owner": "region",
    }


def test_one_customer_who_complains_three_times_is_no_cluster() -> None:
    assert judged(Clusters(LOADED.config), *(seen(at, "kyiv-1", 1) for at in range(3))) == []


def test_what_was_longer_ago_does_not_count() -> None:
    clusters = Clusters(LOADED.config)
    assert judged(clusters, seen(0, "kyiv-1", 1), seen(10, "kyiv-1", 2), seen(3600, "kyiv-1", 3)) == []
    assert len(judged(clusters, seen(3609, "kyiv-1", 4))) == 1


def test_a_cluster_that_goes_on_is_told_once_and_again_after_it_was_quiet() -> None:
    clusters = Clusters(LOADED.config)
    assert len(judged(clusters, *(seen(60 * at, "kyiv-1", at) for at in range(100)))) == 1
    later = 100 * 60 + 7200
    assert len(judged(clusters, *(seen(later + at, "kyiv-1", at) for at in range(5)))) == 1


def test_a_record_names_the_latest_events_and_memory_has_a_limit() -> None:
    clusters = Clusters(LOADED.config)
    (found,) = clusters.judge(START, [partial(START, [seen(0, "kyiv-1", at) for at in range(50)])])
    assert (len(found.data["because"]), found.data["customers"]) == (MOST_CAUSES, 50)
    clusters.judge(START + 1, [partial(START + 1, [seen(1, f"s-{at}", at) for at in range(MOST_ENTITIES + 10)])])
    assert len(clusters.seen["shops"]) == MOST_ENTITIES
    assert "kyiv-1" not in clusters.seen["shops"]


def crowd(seed: int) -> list[tuple[int, list[Sighting]]]:
    randomness = random.Random(seed)
    second, ticks = 0, []
    for _ in range(randomness.randrange(1, 50)):
        second += randomness.choice([1, 60, 900, 4000])
        sightings = [
            seen(
                second, f"e-{randomness.randrange(3)}", randomness.randrange(5), randomness.choice(["shops", "topics"])
            )
            for _ in range(randomness.choice([1, 1, 3]))
        ]
        ticks.append((START + second, list({one.cause: one for one in sightings}.values())))
    return ticks


@given(st.integers(0, 2**32), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_over_how_many_partitions_the_customers_are_spread(seed: int, partitions: int) -> None:
    one, many = Clusters(LOADED.config), Clusters(LOADED.config)
    for tick, sightings in crowd(seed):
        spread = [
            partial(tick, [sighting for sighting in sightings if sighting.customer % partitions == at], at)
            for at in range(partitions)
        ]
        random.Random(seed).shuffle(spread)
        told = one.judge(tick, [partial(tick, sightings)]), many.judge(tick, spread)
        assert [encode(decision) for decision in told[0]] == [encode(decision) for decision in told[1]]


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_cluster_is_told_when_enough_customers_are_within_the_time_by_any_count(seed: int) -> None:
    clusters, history = Clusters(LOADED.config), list[Sighting]()
    for tick, sightings in crowd(seed):
        history += sightings
        for found in clusters.judge(tick, [partial(tick, sightings)]):
            most, within = (3, HOUR) if found.data["rule"] == "shops" else (2, 24 * HOUR)
            customers = {
                one.customer
                for one in history
                if (one.rule, one.entity) == (found.data["rule"], found.subject) and one.time > tick * SECOND - within
            }
            assert found.data["customers"] == len(customers) >= most


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_stage_that_was_stored_and_comes_back_tells_what_it_would_have_told(seed: int) -> None:
    whole, stage = SignalStage(LOADED.config, LOADED.hash), SignalStage(LOADED.config, LOADED.hash)
    pieces, first = stage.snapshot(), START
    for number, (tick, sightings) in enumerate(crowd(seed)):
        one = partial(tick, sightings, sequence=number, first=first)
        first = tick + 1
        assert whole.process(one) == stage.process(one)
        pieces |= stage.changes()
        stage = SignalStage.restore(LOADED.config, LOADED.hash, pieces)
    assert stage.snapshot() == whole.snapshot()


def test_a_rule_that_leaves_the_file_is_forgotten_and_the_others_go_on() -> None:
    clusters = Clusters(LOADED.config)
    judged(clusters, seen(0, "kyiv-1", 1), seen(1, "kyiv-1", 2), seen(2, "late", 1, "topics"))
    other = load_text(FILE.replace("  topics", "  subjects"), "test.yml").config
    clusters = Clusters(other, clusters.seen)
    assert list(clusters.seen["subjects"]) == []
    assert len(judged(clusters, seen(3, "kyiv-1", 3))) == 1


def test_what_is_stored_is_what_is_remembered() -> None:
    clusters = Clusters(LOADED.config)
    judged(clusters, seen(0, "kyiv-1", 1), seen(1, "kyiv-1", 2))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(clusters.seen), type=dict[str, dict[str, Seen]])
    assert stored == clusters.seen


def test_events_of_customers_become_a_cluster_by_what_they_are_about() -> None:
    file = "clusters: {angry: {on: complaint.received, where: {severe: true}, by: about.topic, count: 2 within 24h}}"
    story: list[tuple[Any, ...]] = [
        ("1h", "complaint.received", {"severe": True, "about": {"topic": "photos"}}, "ann"),
        ("2h", "complaint.received", {"severe": False, "about": {"topic": "photos"}}, "ben"),
        ("3h", "complaint.received", {"severe": True}, "clara"),
        ("4h", "complaint.received", {"severe": True, "about": {"topic": "photos"}}, "dan"),
    ]
    (found,) = tell(file, story)
    assert (found.subject, found.time) == ("photos", DAY_ONE + 4 * HOUR + SECOND)
    assert found.data["because"] == ["shop/e-0", "shop/e-3"]
