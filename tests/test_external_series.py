"""The example of a series from elsewhere does what its page says."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import pytest

from streams.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLE, DATA = ROOT / "examples" / "external.yml", ROOT / "examples" / "external.csv"
PAGE = ROOT / "docs" / "how-to" / "external-series.md"


def test_the_queue_that_grows_is_told_within_two_minutes_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["check", "-c", str(EXAMPLE)]) == 0
    assert "no faults" in capsys.readouterr().out
    out, summary = tmp_path / "out.ndjson", tmp_path / "summary.json"
    assert main(["replay", "-c", str(EXAMPLE), str(DATA), "--out", str(out), "--summary", str(summary)]) == 0
    firing = [json.loads(line) for line in out.read_text().splitlines() if "alert.firing" in line]
    assert [one["subject"] for one in firing] == ["waiting"]
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    waiting = [int(row["waiting"]) for row in rows]
    grown = next(at for at, number in enumerate(waiting) if number > 35)
    after = datetime.fromisoformat(firing[0]["time"]) - datetime.fromisoformat(rows[grown]["time"] + "+00:00")
    assert 0 < after.total_seconds() <= 120
    counted = json.loads(summary.read_text())
    assert counted["signals"]["waiting"]["n"] == len(rows)
    assert counted["signals"]["celsius"]["n"] == sum(bool(row["celsius"]) for row in rows)
    # And the page shows the very line.
    (shown,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("▲ critical waiting")]
    assert shown in " ".join(capsys.readouterr().out.split())


def test_an_export_that_overlaps_the_last_one_changes_nothing(tmp_path: Path) -> None:
    again = tmp_path / "external-again.csv"
    lines = DATA.read_text(encoding="utf-8").splitlines(keepends=True)
    again.write_text("".join([lines[0], *lines[-200:]]), encoding="utf-8")
    summary = tmp_path / "summary.json"
    given = [str(DATA), str(again), "--summary", str(summary), "-q"]
    assert main(["replay", "-c", str(EXAMPLE), *given]) == 0
    events = json.loads(summary.read_text())["events"]
    assert (events["duplicate"], events["accepted"]) == (200, len(lines) - 1)
