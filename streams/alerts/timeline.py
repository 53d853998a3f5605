"""What happened to an alert, in at most ten lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from streams.alerts.changes import Change
from streams.alerts.figures import in_words
from streams.units import SECOND, format_time
from streams.view import TimelineEntry

MOST = 10
KEPT = 6
"""Entries kept with the alert: its first firing and the newest; since and three changes come on top."""
_LETTERS = 200


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One thing that happened."""

    time: int
    """UTC epoch microseconds."""
    what: str
    text: str = ""


def noted(entries: Sequence[Entry], entry: Entry) -> list[Entry]:
    """With one more entry; what is between the first and the newest goes when there are too many."""
    every = [*entries, entry]
    return every if len(every) <= KEPT else [every[0], *every[-(KEPT - 1) :]]


def timeline(since: int | None, changes: Iterable[Change], entries: Iterable[Entry]) -> list[TimelineEntry]:
    """In order of time. `since` is the tick at which it began."""
    lines = [Entry(change.time, "change", _named(change)) for change in changes]
    if since is not None:
        lines.append(Entry(since * SECOND, "since"))
    lines += entries
    lines.sort(key=lambda entry: entry.time)  # stable: at one time, in the order written
    return [TimelineEntry(format_time(line.time), line.what, line.text) for line in lines[:MOST]]


def _named(change: Change) -> str:
    """What was deployed, in the words of whoever said so."""
    said = [change.data[key] for key in ("service", "name", "title", "version", "text") if change.data.get(key)]
    words = " ".join(in_words(word) if isinstance(word, float) else str(word) for word in said)
    return (words or f"{change.source}/{change.id}")[:_LETTERS]
