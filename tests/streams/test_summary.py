"""The summary, key by key as the format says."""

from __future__ import annotations

import json

from streams.config.load import load_text
from streams.effects import DoorCounts, Entered, Measured, Partial, SourceSeen
from streams.stages.signal import SignalStage
from streams.summary import Counted, summary

FILE = """
version: 1
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
signals:
  csat: {on: survey.answered, where: {metric: csat}}
  pages: {on: page.viewed}
"""
TICK = 1_772_866_800
STEP = ["entered", "completed", "abandoned", "recovered", "skipped", "repeated", "unattributed", "merged", "in_flight"]


def stage() -> SignalStage:
    loaded = load_text(FILE, "test.yml")
    return SignalStage(loaded.config, loaded.hash)


def test_journeys_steps_and_signals_of_the_file_are_listed_also_when_nothing_happened() -> None:
    made = summary(stage().totals(), decisions={})
    assert list(made) == ["events", "journeys", "signals", "decisions", "from", "until", "events_per_second"]
    assert made["events"] == dict.fromkeys(["read", "accepted", "duplicate", "late", "future", "invalid"], 0)
    assert list(made["events"]) == ["read", "accepted", "duplicate", "late", "future", "invalid"]
    assert made["journeys"] == {"purchase": {"steps": {"cart": dict.fromkeys(STEP, 0), "paid": dict.fromkeys(STEP, 0)}}}
    assert list(made["journeys"]["purchase"]["steps"]["cart"]) == STEP
    nothing = {"n": 0, "value": None, "low": None, "high": None}
    assert made["signals"] == {"csat": nothing, "pages": nothing}
    assert made["from"] is None
    assert made["until"] is None


def test_a_summary_counts_the_whole_input() -> None:
    found = stage()
    for at in range(2):
        found.process(
            Partial(
                0, at, TICK + at * 30, TICK + at * 30, found.hash,
                DoorCounts(read=60, accepted=50, duplicate=4, late=3, future=2, invalid=6, skipped_rows=at),
                (Entered("purchase", "cart", (), 10, 0),),
                (),
                (),
                (Measured("csat", (), 40, 40 * 4_000_000, 0, 40 * 16 * 10**12, 32, 0, {}),),
                (SourceSeen("shop", 50, (TICK + at * 30) * 10**6 + 250_000, (TICK + at * 30) * 10**6 + 750_000, 0),),
                (),
                {"cart.updated": 10, "survey.answered": 40},
            )
        )  # fmt: skip
    made = summary(found.totals(), decisions={"touchline.b": 1, "touchline.a": 2}, events_per_second=17)
    assert made["events"] == {
        "read": 120, "accepted": 100, "duplicate": 8, "late": 6, "future": 4, "invalid": 12, "skipped_rows": 1,
    }  # fmt: skip
    assert made["journeys"]["purchase"]["steps"]["cart"]["entered"] == 20
    assert made["journeys"]["purchase"]["steps"]["cart"]["in_flight"] == 20
    assert made["signals"]["csat"]["n"] == 80
    assert made["signals"]["csat"]["value"] == 0.8
    assert made["signals"]["pages"]["value"] is None
    assert list(made["decisions"].items()) == [("touchline.a", 2), ("touchline.b", 1)]
    assert made["from"] == "2026-03-07T07:00:00.250Z"
    assert made["until"] == "2026-03-07T07:00:30.750Z"
    assert found.totals().types == {"cart.updated": 20, "survey.answered": 80}
    assert found.totals().sources == {"shop": 100}
    json.dumps(made)


def test_the_caller_may_say_where_the_input_begins_and_ends() -> None:
    made = summary(stage().totals(), decisions={}, first=TICK * 10**6, until=TICK * 10**6 + 1_500_000)
    assert (made["from"], made["until"]) == ("2026-03-07T07:00:00.000Z", "2026-03-07T07:00:01.500Z")


def test_counts_of_the_door_add_up_field_by_field() -> None:
    counted = Counted()
    for _ in range(3):
        counted.take(Partial(0, 0, 0, 0, "h", DoorCounts(*range(8))))
    assert counted.door == [3 * count for count in range(8)]
