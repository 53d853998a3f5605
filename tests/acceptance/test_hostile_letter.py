"""Hostile and odd input from outside: nothing stops the stream, nothing is lost, nothing is silently something else."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import Outcome, event, replay, walk

RULES = """
version: 1
allowed_lateness: 2s
segments: [device]
journeys:
  plain:
    steps: [{name: a, on: a.a}, {name: b, on: b.b, within: 10s}, {name: c, on: c.c, within: 10s, optional: true},
            {name: d, on: d.d, within: 20s}]
  keyed:
    by: order
    keep: 1m
    start: any
    steps: [{name: a, on: a.a}, {name: b, on: [b.b, c.c], within: 5s}, {name: d, on: d.d}]
signals:
  visit: {on: [a.a, b.b, c.c], as: session, min_n: 1}
  share: {on: b.b, as: share, where: {device: web}, of: {on: [a.a, b.b]}, min_n: 1}
"""


def identities_hold(outcome: Outcome) -> None:
    events = outcome.events
    assert events["read"] == events["accepted"] + events["duplicate"] + events["invalid"]
    assert events["late"] <= events["accepted"]
    assert events["future"] <= events["accepted"]
    for journey in outcome.summary["journeys"].values():
        for step in journey["steps"].values():
            assert step["entered"] == step["completed"] + step["abandoned"] + step["in_flight"] + step["merged"]
            assert step["recovered"] <= step["abandoned"]
            assert min(step.values()) >= 0
        goal = list(journey["steps"].values())[-1]
        assert goal["completed"] == goal["entered"]


def chaos(seed: int) -> list[dict[str, Any]]:
    """Disorder far beyond the lateness, copies, merges, identities, everything at once."""
    chance = random.Random(seed)
    events = []
    for n in range(400):
        second = max(0, n // 4 + chance.choice([0, 0, 0, -1, 1, -5, -40]))
        clock = f"10:{second // 60:02d}:{second % 60:02d}"
        subject = f"c{chance.randrange(6)}"
        kind = chance.choice(["a.a", "a.a", "b.b", "c.c", "d.d", "customer.merged", "customer.identified"])
        data: dict[str, Any] = {"order": chance.randrange(3), "device": chance.choice(["web", "app", None])}
        if kind == "customer.merged":
            data = {"into": f"c{chance.randrange(6)}", "force": chance.random() < 0.5}
        events.append(event(f"e{n}", kind, clock, subject, data))
        if chance.random() < 0.1:
            events.append(chance.choice(events))
    return events


@pytest.mark.parametrize("seed", range(12))
def test_the_identities_hold_in_any_chaos(tmp_path: Path, seed: int) -> None:
    """`entered = completed + abandoned + in_flight + merged`, `recovered <= abandoned`; `completed` at goals."""
    identities_hold(replay(tmp_path, RULES, chaos(seed)))


@pytest.mark.parametrize("seed", range(4))
def test_copies_change_nothing_but_the_count_of_duplicates(tmp_path: Path, seed: int) -> None:
    """Duplicates change nothing."""
    events = [one for one in chaos(seed) if not one["type"].startswith("customer.")]
    once = replay(tmp_path, RULES, events)
    twice = replay(tmp_path, RULES, [copy for one in events for copy in (one, one)])
    assert twice.summary["journeys"] == once.summary["journeys"]
    assert twice.signals == once.signals
    assert twice.events["accepted"] == once.events["accepted"]


def test_two_names_that_look_alike_stay_two(tmp_path: Path) -> None:
    """NFC only: no case folding, no compatibility forms."""
    events = [event(name, "a.a", "10:00:00", name) for name in ("K", "k", "\u212a", "ﬁ", "fi", "а", "a")]
    assert replay(tmp_path, RULES, events).step("a", "plain")["entered"] == 6  # the Kelvin sign is NFC-equal to K


@pytest.mark.parametrize(
    "subject", ["a|b", "a\u0000b", "plain\u0000a", "shop#1", "../../x", "{x}", "%s", "\u202eabc", "1"]
)
def test_no_subject_is_special(tmp_path: Path, subject: str) -> None:
    """Ids are text and nothing else."""
    events = [*walk(("a.a", "10:00:00"), ("b.b", "10:00:05"), subject=subject, order="x\u0000y")]
    events.append(event("other", "a.a", "10:00:00", None))
    outcome = replay(tmp_path, RULES, events)
    assert outcome.step("a", "plain") == {"entered": 1, "completed": 1}
    assert outcome.step("a", "keyed") == {"entered": 1, "completed": 1}


def test_a_subject_that_looks_like_a_bucket_is_a_customer(tmp_path: Path) -> None:
    """Events without subject live in buckets `source#n`; a customer of that name is not one of them."""
    events = [event(f"n{n}", "a.a", "10:00:00", None, source="s") for n in range(50)]
    events += [event(f"c{n}", "a.a", "10:00:01", f"s#{n}", source="t") for n in range(50)]
    assert replay(tmp_path, RULES, events).step("a", "plain") == {"entered": 50, "in_flight": 50}


def test_a_first_event_years_before_the_rest_costs_nothing(tmp_path: Path) -> None:
    """Empty ticks are declared as one range: a century of silence is nothing."""
    events = [event("1", "a.a", "1900-01-01T00:00:00Z"), event("2", "a.a", "2199-12-31T23:59:59Z")]
    outcome = replay(tmp_path, RULES, events)
    assert outcome.step("a", "plain") == {"entered": 2, "abandoned": 1, "in_flight": 1}
    assert (outcome.summary["from"], outcome.summary["until"]) == (
        "1900-01-01T00:00:00.000Z",
        "2199-12-31T23:59:59.000Z",
    )


def test_a_last_event_first_makes_all_others_late_and_counts_them(tmp_path: Path) -> None:
    """Late: counted in all totals."""
    events = [event("x", "a.a", "23:59:59", "x")]
    events += [event(f"e{n}", "a.a", f"10:{n:02d}:00", f"c{n}") for n in range(60)]
    outcome = replay(tmp_path, RULES, events)
    assert outcome.events["late"] == 60
    assert outcome.step("a", "plain")["entered"] == 61
    identities_hold(outcome)


def test_deep_data_is_kept_or_refused_but_never_a_crash(tmp_path: Path) -> None:
    for depth in (10, 400, 900, 5000, 100_000):
        body = json.dumps(event("1", "a.a", "10:00:00"))[:-1] + ', "data": {"a":' + "[" * depth + "]" * depth + "}}"
        events = replay(tmp_path, RULES, body + "\n" + json.dumps(event("2", "a.a", "10:00:00", "d")) + "\n").events
        assert (events["read"], events["accepted"] + events["invalid"]) == (2, 2)


def test_more_ids_than_the_limit_of_a_customer(tmp_path: Path) -> None:
    """`dedup: {max_ids_per_key: 512}`: the last 512 ids are found for certain."""
    events = [event(f"e{n}", "x.x", "10:00:00") for n in range(2000)]
    outcome = replay(tmp_path, RULES, [*events, *events[-512:]])
    assert outcome.events["duplicate"] == 512
    bounded = replay(tmp_path, RULES + "dedup: {max_ids_per_key: 10}\n", [*events[:20], *events[10:20]])
    assert bounded.events["duplicate"] == 10


def test_types_nobody_knows_are_accepted(tmp_path: Path) -> None:
    """Users may add any type."""
    kinds = ["x", "X.Y", "a b", "дія.сталась", "a.b.c.d", "👍"]
    outcome = replay(tmp_path, RULES, [event(str(n), kind, "10:00:00") for n, kind in enumerate(kinds)])
    assert outcome.events["accepted"] == len(kinds)
