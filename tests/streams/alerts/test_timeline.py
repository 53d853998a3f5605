"""An alert's timeline: in order, short, and with its beginning."""

from __future__ import annotations

from streams.alerts.changes import Change
from streams.alerts.timeline import KEPT, MOST, Entry, noted, timeline
from streams.units import SECOND
from tests.streams.alerts.shop import START

NOW = START * SECOND


def test_what_is_between_the_first_firing_and_the_newest_goes() -> None:
    entries: list[Entry] = []
    for number in range(20):
        entries = noted(entries, Entry(NOW + number, f"e{number}"))
    assert [entry.what for entry in entries] == ["e0", "e15", "e16", "e17", "e18", "e19"]
    assert len(entries) == KEPT


def test_beginning_and_changes_stand_where_they_happened() -> None:
    changes = [
        Change(NOW - 90 * SECOND, "ci", "d-1", {"service": "shop", "version": 3}),
        Change(NOW - 30 * SECOND, "ci", "d-2", {"size": 3}),
    ]
    lines = timeline(START - 60, changes, [Entry(NOW, "firing", "it fell")])
    assert [(line.what, line.text) for line in lines] == [
        ("change", "shop 3"),
        ("since", ""),
        ("change", "ci/d-2"),
        ("firing", "it fell"),
    ]
    assert lines[1].time == "2026-03-07T06:59:00.000Z"


def test_ten_lines_are_the_most() -> None:
    entries: list[Entry] = []
    for number in range(20):
        entries = noted(entries, Entry(NOW + number, "updated"))
    changes = [Change(NOW, "ci", f"d-{number}", {}) for number in range(3)]
    assert len(timeline(START, changes, entries)) == MOST
