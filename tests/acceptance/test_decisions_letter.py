"""formats.md sections 3 and 4: the decision file, the summary, and that every run writes the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from streams.cli import main
from tests.acceptance.replayed import Outcome, event, replay, run

RULES = """
version: 1
segments: [device, region]
journeys:
  j:
    value: amount
    steps:
      - {name: a, on: a.a, expect: {conversion: ">= 90%", over: 5m}}
      - {name: b, on: b.b, within: 1m}
signals:
  slow: {on: b.b, value: amount, min_n: 5, expect: {value: "<= 1", over: 1m}}
  fast: {on: b.b, value: amount, min_n: 5, expect: {value: ">= 100", over: 1m}}
"""


def story() -> list[dict[str, Any]]:
    events = []
    for n in range(600):
        clock = f"10:{n // 60:02d}:{n % 60:02d}"
        data = {"device": f"d{n % 7}", "region": f"r{n % 3}", "amount": n % 13}
        events.append(event(f"a{n}", "a.a", clock, f"c{n}", data))
        if n % 3:
            events.append(event(f"b{n}", "b.b", clock, f"c{n - 1}", data))
    return events


def test_lines_are_sorted_by_time_type_subject_id(tmp_path: Path) -> None:
    """File order (time, type, subject, id)."""
    outcome = replay(tmp_path, RULES, story())
    keys = [(one["time"], one["type"], one["subject"], one["id"]) for one in outcome.decisions]
    assert len(keys) >= 3
    assert keys == sorted(keys)
    assert len({one["id"] for one in outcome.decisions}) == len(keys)


def test_each_line_is_compact_json_with_the_keys_in_order(tmp_path: Path) -> None:
    """One CloudEvents JSON per line, keys in this order; UTF-8, ends with a line end."""
    outcome = replay(tmp_path, RULES, story())
    assert outcome.out.endswith(b"\n")
    for line in outcome.out.splitlines():
        assert list(json.loads(line)) == ["specversion", "id", "source", "type", "time", "subject", "data"]
        assert list(json.loads(line)["data"])[:2] == ["rule", "because"]


def test_every_run_writes_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    """Deterministic, byte-identical on every run; all of the summary but `events_per_second` is deterministic."""
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in story()))
    seen = set()
    for seed in ("0", "1", "4242"):
        command = [sys.executable, "-m", "streams", "replay", "-q", "-c", "rules.yml", "events.ndjson"]
        command += ["--out", "out", "--summary", "summary", "--signals", "signals"]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
        summary = json.loads((tmp_path / "summary").read_text())
        summary.pop("events_per_second")
        seen.add((json.dumps(summary), (tmp_path / "out").read_bytes(), (tmp_path / "signals").read_bytes()))
    assert len(seen) == 1


def test_out_is_written_also_when_empty(tmp_path: Path) -> None:
    """`--out` is written also when empty."""
    outcome = replay(tmp_path, RULES, [])
    assert outcome.out == b""
    assert outcome.decisions == []


def test_the_summary_has_exactly_these_keys_in_this_order(tmp_path: Path) -> None:
    """The summary to the letter."""
    outcome = replay(tmp_path, RULES, story())
    assert list(outcome.summary) == [
        "events",
        "journeys",
        "signals",
        "decisions",
        "from",
        "until",
        "events_per_second",
    ]
    assert list(outcome.events) == ["read", "accepted", "duplicate", "late", "future", "invalid"]
    assert outcome.summary["from"] == "2026-03-02T10:00:00.000Z"
    assert outcome.summary["until"] == "2026-03-02T10:09:59.000Z"
    assert sum(outcome.summary["decisions"].values()) == len(outcome.decisions)


def test_until_moves_time_on_after_the_last_event(tmp_path: Path) -> None:
    """W becomes the later of the last event's time and `--until TIME`, timers due <= W fire."""
    outcome = replay(tmp_path, RULES, story(), "--until", "2026-03-02T12:00:00Z")
    assert outcome.summary["until"] == "2026-03-02T12:00:00.000Z"
    assert outcome.step("a").get("in_flight", 0) == 0


def test_signals_are_over_the_whole_input(tmp_path: Path) -> None:
    """`signals` here are over the whole input: also what no window holds any more."""
    events = [event(str(n), "b.b", f"2026-03-{1 + n:02d}T10:00:00Z", f"c{n}", {"amount": n}) for n in range(10)]
    assert replay(tmp_path, RULES, events).signals["slow"]["n"] == 10


def test_the_input_split_over_files_gives_the_same(tmp_path: Path) -> None:
    """The log is the merge by time: two files are as one."""
    events = story()
    whole = replay(tmp_path, RULES, events)
    for name, part in (("one", events[::2]), ("two", events[1::2])):
        (tmp_path / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in part))
    assert run(tmp_path, RULES, str(tmp_path / "one.ndjson"), str(tmp_path / "two.ndjson")) == 0
    split = Outcome(tmp_path)
    assert split.decisions == whole.decisions
    assert split.summary["journeys"] == whole.summary["journeys"]
    assert split.signals == whole.signals


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    """Nothing is lost: an output of the same name as an input is a mistake in the command line (2 usage)."""
    events = tmp_path / "events.ndjson"
    events.write_text(json.dumps(event("1", "a.a", "10:00:00")) + "\n")
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    before = events.read_bytes()
    for option in ("--out", "--summary", "--signals", "--dead-letters"):
        assert main(["replay", "-c", str(rules), str(events), option, str(events)]) == 2
        assert main(["replay", "-c", str(rules), str(events), option, str(rules)]) == 2
    assert (events.read_bytes(), rules.read_text()) == (before, RULES)
