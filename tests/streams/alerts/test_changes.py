"""Which deployments lie near the beginning of an alert."""

from __future__ import annotations

from streams.alerts.changes import MOST, Changes, shortened
from streams.units import DAY, MINUTE, SECOND
from tests.streams.alerts.shop import START

NOW = START * SECOND


def names(changes: Changes, since: int = START - 60, low: int = START - 120, fired: int = START) -> list[str]:
    return [change.id for change in changes.of(since, low, fired)]


def test_from_ten_minutes_before_the_earliest_beginning_to_the_firing() -> None:
    changes = Changes()
    low = NOW - 2 * MINUTE
    for name, time in {
        "too early": low - 10 * MINUTE - 1,
        "first": low - 10 * MINUTE,
        "last": NOW + SECOND,
        "too late": NOW + SECOND + 1,
    }.items():
        changes.add(time, "ci", name, None)
    assert names(changes) == ["last", "first"]


def test_the_three_nearest_to_the_beginning_come_first() -> None:
    changes = Changes()
    for name, minutes in (("a", -5), ("b", -1), ("c", -2), ("d", 0)):
        changes.add(NOW + minutes * MINUTE, "ci", name, None)
    assert names(changes) == ["b", "c", "d"]


def test_a_change_told_twice_is_one() -> None:
    changes = Changes()
    assert changes.add(NOW, "ci", "a", {"version": "1"}) is not None
    assert changes.add(NOW, "ci", "a", {"version": "2"}) is None
    assert changes.add(NOW, "cd", "a", None) is not None
    assert names(changes) == ["a", "a"]


def test_the_order_in_which_they_come_does_not_matter() -> None:
    told = [(NOW - n * SECOND, "ci", f"d-{n % 7}-{n}") for n in range(250)]
    one, other = Changes(), Changes()
    for time, source, name in told:
        one.add(time, source, name, None)
    for time, source, name in reversed(told):
        other.add(time, source, name, None)
    assert one.dump() == other.dump()
    assert len(one.dump()) == MOST


def test_they_are_forgotten_after_a_day_but_an_alert_keeps_its_own() -> None:
    changes = Changes()
    changes.add(NOW - MINUTE, "ci", "a", None)
    kept = changes.of(START - 60, START - 120, START)
    changes.add(NOW - MINUTE + DAY, "ci", "b", None)
    assert names(changes) == []
    assert changes.of(START - 60, START - 120, START, kept) == kept
    assert changes.add(NOW - MINUTE, "ci", "a", None) is None


def test_only_the_short_and_plain_of_what_it_says_is_kept() -> None:
    said = {"version": "1.4.2", "notes": "x" * 5000, "nested": {"a": 1}, "files": [1], "urgent": True, "none": None}
    assert shortened(said) == {"version": "1.4.2", "notes": "x" * 300, "urgent": True}
    assert len(shortened({f"f{n}": n for n in range(100)})) == 20
