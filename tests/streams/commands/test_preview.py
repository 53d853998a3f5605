"""`touchline preview`: the same history under a changed file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli import main

FILE = """
version: 1
signals:
  wait: {{on: call.answered, value: wait_s, min_n: 5, expect: {{value: "<= {target}", over: 1m}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files, and a history in which calls wait for about 60 seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name, target in (("old.yml", 100), ("new.yml", 30)):
        (tmp_path / name).write_text(FILE.format(target=target))
    events = [
        {
            "specversion": "1.0", "id": f"e-{n}", "source": "calls", "type": "call.answered", "subject": f"c-{n}",
            "time": f"2026-03-02T10:00:{n:02d}Z", "data": {"wait_s": 55 + n % 10},
        }
        for n in range(30)
    ]  # fmt: skip
    (tmp_path / "calls.ndjson").write_text("".join(json.dumps(one) + "\n" for one in events))
    return tmp_path


def test_what_would_have_fired_is_shown_beside_the_file_in_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "-c", "new.yml", "--against", "old.yml", "calls.ndjson"]) == 0
    said = capsys.readouterr().out
    assert "new.yml: 30 events accepted · 1 decision\n" in said
    assert "old.yml: 30 events accepted · 0 decisions" in said
    rows = [" ".join(row.split()) for row in said.splitlines()]
    assert rows.count("wait 1 0 only new") == 1
    assert rows.count("signal.breached 1 0 only new") == 1


def test_the_decisions_under_the_new_file_are_those_of_a_replay(folder: Path) -> None:
    assert main(["preview", "-c", "new.yml", "--against", "old.yml", "calls.ndjson", "--out", "new.ndjson", "-q"]) == 0
    assert main(["replay", "-c", "new.yml", "calls.ndjson", "--out", "replayed.ndjson", "-q"]) == 0
    assert (folder / "new.ndjson").read_bytes() == (folder / "replayed.ndjson").read_bytes()
    assert json.loads((folder / "new.ndjson").read_text())["type"] == "touchline.signal.breached"


def test_alone_a_file_shows_what_it_would_have_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "-c", "new.yml", "calls.ndjson"]) == 0
    said = capsys.readouterr().out
    assert "signal.breached" in said
    assert "only new" not in said


def test_faults_of_either_file_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.yml").write_text("version: 1\nsignalz: {}\n")
    assert main(["preview", "-c", "broken.yml", "calls.ndjson"]) == 1
    assert main(["preview", "-c", "new.yml", "--against", "broken.yml", "calls.ndjson"]) == 1
    assert "did you mean 'signals'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--against", "old.yml", "-"], "standard input can be read only once"),
        (["--against", "old.yml", "calls.ndjson", "--out", "old.yml"], "old.yml: is read here"),
        (["calls.ndjson", "--until", "soon"], "--until"),
    ],
)
def test_impossible_options_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert main(["preview", "-c", "new.yml", *options]) == 2
    assert complaint in capsys.readouterr().err
    assert (folder / "old.yml").read_text()
