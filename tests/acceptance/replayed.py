"""One `touchline replay` of literal events, and the files it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streams.cli import main

DAY = "2026-03-02"
"""A Monday; times given as HH:MM:SS are on it, in UTC."""


def at(clock: str) -> str:
    """`10:00:00` as RFC 3339 on the day of the tests; a full time passes as it is."""
    return clock if "T" in clock else f"{DAY}T{clock}Z"


def event(
    id_: str,
    type_: str,
    time: str | None,
    subject: str | None = "c",
    data: dict[str, Any] | None = None,
    source: str = "shop",
    **attributes: Any,
) -> dict[str, Any]:
    """A canonical record."""
    made: dict[str, Any] = {"specversion": "1.0", "id": id_, "source": source, "type": type_}
    if time is not None:
        made["time"] = at(time)
    if subject is not None:
        made["subject"] = subject
    if data is not None:
        made["data"] = data
    return {**made, **attributes}


def walk(*steps: tuple[str, str], subject: str = "c", **data: Any) -> list[dict[str, Any]]:
    """One customer's events: (type, time) each, ids of their own."""
    return [
        event(f"{subject}-{type_}-{time}-{n}", type_, time, subject, dict(data))
        for n, (type_, time) in enumerate(steps)
    ]


class Outcome:
    """What a replay left behind."""

    def __init__(self, folder: Path) -> None:
        self.summary_text = (folder / "summary.json").read_text()
        self.summary: dict[str, Any] = json.loads(self.summary_text)
        self.out = (folder / "out.ndjson").read_bytes()
        self.decisions: list[dict[str, Any]] = [json.loads(line) for line in self.out.splitlines()]
        self.signal_lines = [json.loads(line) for line in (folder / "signals.ndjson").read_text().splitlines()]
        self.letters = [json.loads(line) for line in (folder / "letters.ndjson").read_text().splitlines()]

    @property
    def events(self) -> dict[str, int]:
        """Counts at the door."""
        return self.summary["events"]  # type: ignore[no-any-return]  # JSON

    @property
    def signals(self) -> dict[str, Any]:
        """Signals over the whole input."""
        return self.summary["signals"]  # type: ignore[no-any-return]  # JSON

    @property
    def reasons(self) -> list[str]:
        """Reasons of the dead letters, in order."""
        return [letter["reason"] for letter in self.letters]

    def step(self, name: str, journey: str = "j") -> dict[str, int]:
        """A step's totals that are not zero."""
        counts = self.summary["journeys"][journey]["steps"][name]
        return {key: count for key, count in counts.items() if count}

    def segments(self, subject: str, window: str = "1h") -> dict[tuple[str, str], int]:
        """(dimension, value) -> n of the throughput conversion of journey/step."""
        return {
            next(iter(line["segment"].items())): line["n"]
            for line in self.signal_lines
            if line["subject"] == subject
            and line["quantity"] == "conversion_throughput"
            and line["window"] == window
            and line["segment"]
        }


def replay(
    folder: Path,
    config: str,
    events: list[dict[str, Any]] | str | bytes,
    *options: str,
    name: str = "events.ndjson",
) -> Outcome:
    """Write the file and the events, run the command, read what it wrote."""
    if isinstance(events, list):
        events = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events)
    if isinstance(events, str):
        events = events.encode()
    path = folder / name
    path.write_bytes(events)
    assert run(folder, config, str(path), *options) == 0
    return Outcome(folder)


def run(folder: Path, config: str, *arguments: str) -> int:
    """`touchline replay` with everything it can write; the exit code."""
    rules = folder / "rules.yml"
    rules.write_text(config)
    written = ["--summary", "summary.json", "--out", "out.ndjson", "--signals", "signals.ndjson"]
    written += ["--dead-letters", "letters.ndjson"]
    places = [one if one.startswith("--") else str(folder / one) for one in written]
    return main(["replay", "-c", str(rules), "-q", *places, *arguments])
