"""formats.md section 2 "Segments": where a value comes from, who is admitted, what is freed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import event, replay

RULES = """
version: 1
segments: %s
journeys:
  j: {steps: [{name: a, on: a.a}, {name: b, on: b.b, within: 30d}]}
  k: {steps: [{name: x, on: x.x}, {name: y, on: y.y, within: 30d}]}
"""


def entries(value: Any, count: int, prefix: str, clock: str = "10:00:00", type_: str = "a.a") -> list[dict[str, Any]]:
    data = {} if value is None else {"device": value}
    return [event(f"{prefix}{n}", type_, clock, f"{prefix}{n}", data) for n in range(count)]


def device(
    folder: Path, events: list[dict[str, Any]], segments: str = "[device]", subject: str = "j/a"
) -> dict[str, int]:
    """n of the throughput conversion (= entries in the last hour) by value of `device`, zeros left out."""
    outcome = replay(folder, RULES % segments, events)
    return {value: n for (_, value), n in outcome.segments(subject).items() if n}


def test_a_value_is_admitted_after_50_entries_and_is_other_before(tmp_path: Path) -> None:
    """A value is admitted after 50 step entries; before it is `other`; `other` keeps what came before."""
    first = entries("mobile", 49, "m")
    assert device(tmp_path, first) == {"other": 49}
    then = [*first, *entries("mobile", 1, "n", "10:00:05"), *entries("mobile", 7, "o", "10:00:09")]
    assert device(tmp_path, then) == {"other": 49, "mobile": 8}


def test_entries_of_all_journeys_count_together(tmp_path: Path) -> None:
    """50 step entries in all journeys together."""
    events = [*entries("mobile", 25, "m"), *entries("mobile", 25, "x", "10:00:00", "x.x")]
    events += [*entries("mobile", 3, "n", "10:00:05"), *entries("mobile", 2, "y", "10:00:06", "x.x")]
    counted = device(tmp_path, events)
    assert counted["mobile"] in (3, 28)
    assert device(tmp_path, events, subject="k/x")["mobile"] in (2, 27)


def test_listed_values_are_admitted_at_once(tmp_path: Path) -> None:
    """Listed values `region: [kyiv, lviv]` at once."""
    events = [*entries("kyiv", 2, "k"), *entries("lviv", 1, "l"), *entries("odesa", 3, "o")]
    assert device(tmp_path, events, "[{device: [kyiv, lviv]}]") == {"kyiv": 2, "lviv": 1, "other": 3}


def test_at_most_20_per_dimension_first_come(tmp_path: Path) -> None:
    """First come, at most 20 per dimension; beyond it is `other`."""
    events = []
    for number in range(25):
        events += entries(f"v{number:02d}", 50, f"v{number}-", f"10:{number:02d}:00")
        events += entries(f"v{number:02d}", 1, f"w{number}-", f"10:{number:02d}:30")
    counted = device(tmp_path, events)
    assert sorted(value for value in counted if value != "other") == [f"v{number:02d}" for number in range(20)]
    assert sum(counted.values()) == 25 * 51


def test_a_hundred_thousand_values_stay_bounded(tmp_path: Path) -> None:
    """Memory and label cardinality have a ceiling."""
    events = [
        event(f"e{n}", "a.a", f"10:{n // 1000 // 60:02d}:{n // 1000 % 60:02d}", f"c{n}", {"device": f"d{n}"})
        for n in range(100_000)
    ]
    assert device(tmp_path, events) == {"other": 100_000}


def test_a_value_is_freed_after_7_days_of_silence(tmp_path: Path) -> None:
    """Freed after 7 d of silence: another takes the place, and the old one is `other`."""
    events = []
    for number in range(20):
        events += entries(f"v{number:02d}", 51, f"v{number}-", "2026-03-01T10:00:00Z")
    events += entries("late", 60, "l", "2026-03-08T09:00:00Z")
    events += entries("v00", 1, "again", "2026-03-08T09:59:00Z")
    events += entries("late", 1, "m", "2026-03-08T11:00:00Z")
    events += entries("late", 5, "n", "2026-03-08T11:00:05Z")
    counted = device(tmp_path, events)
    assert "late" in counted
    assert "v01" not in counted


@pytest.mark.parametrize("value", [None, "", [1], {"a": 1}])
def test_unknown(tmp_path: Path, value: Any) -> None:
    """Else `unknown`."""
    counted = device(tmp_path, entries(value, 50, "u") + entries(value, 2, "v", "10:00:05"), "[{device: [unknown]}]")
    assert counted == {"unknown": 52}


def test_the_event_wins_over_the_instance_and_that_over_the_trait(tmp_path: Path) -> None:
    """From the event that enters the step, else the instance's last known, else the trait, else `unknown`."""
    rules = """
version: 1
segments: [{device: [from_event, from_trait, later, unknown]}]
journeys:
  j: {steps: [{name: a, on: a.a}, {name: b, on: b.b}, {name: c, on: c.c}]}
"""
    events = [
        event("1", "customer.identified", "09:00:00", "p", {"device": "from_trait"}),
        event("2", "a.a", "10:00:00", "p"),
        event("3", "b.b", "10:00:01", "p"),
        event("4", "a.a", "10:00:00", "q", {"device": "from_event"}),
        event("5", "b.b", "10:00:01", "q"),
        event("6", "a.a", "10:00:00", "r"),
        event("7", "b.b", "10:00:01", "r", {"device": "later"}),
    ]
    outcome = replay(tmp_path, rules, events)
    first = {value: n for (_, value), n in outcome.segments("j/a").items() if n}
    second = {value: n for (_, value), n in outcome.segments("j/b").items() if n}
    assert first == {"from_trait": 1, "from_event": 1, "unknown": 1}
    assert second == {"from_trait": 1, "from_event": 1, "later": 1}


def test_a_segment_is_fixed_for_the_step(tmp_path: Path) -> None:
    """And is fixed for that step: a repeated event changes nothing."""
    rules = RULES % "[{device: [web, app]}]"
    events = [
        event("1", "a.a", "10:00:00", "p", {"device": "web"}),
        event("2", "a.a", "10:00:01", "p", {"device": "app"}),
    ]
    outcome = replay(tmp_path, rules, events)
    assert {value: n for (_, value), n in outcome.segments("j/a").items() if n} == {"web": 1}


def test_one_series_per_value_and_no_cross_products(tmp_path: Path) -> None:
    """One series for the whole and one per value; no cross products."""
    rules = RULES % "[{device: [web]}, {region: [kyiv]}]"
    outcome = replay(tmp_path, rules, [event("1", "a.a", "10:00:00", "p", {"device": "web", "region": "kyiv"})])
    assert all(len(line["segment"]) <= 1 for line in outcome.signal_lines)
