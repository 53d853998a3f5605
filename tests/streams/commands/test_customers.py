"""`touchline why`, `export` and `erase` on a data file, with and without a service that has it open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from streams.cli import main
from streams.runtime.store.lock import FileLock
from tests.streams.runtime.served_story import middle_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Anna was a guest before, has been asked once and will be asked again."""
    path = tmp_path / "shop.db"
    asyncio.run(middle_of("merged", "3d", path))
    return path


def touchline(*words: str, data: Path) -> int:
    return main([*words, "--data", str(data)])


def test_why_tells_the_story(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    with FileLock(data):
        assert touchline("why", "anna", data=data) == 0
    said = capsys.readouterr().out
    assert "earlier known as guest-7" in said
    assert "→ not asked for csat (rule visit_csat): the customer was asked not long ago" in said


def test_why_gives_machines_what_the_api_gives(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert touchline("why", "guest-7", "--json", "--limit", "1", data=data) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], len(found["touchpoints"]), len(found["decisions"])) == ("anna", 1, 1)


@pytest.mark.parametrize("command", ["why", "export", "erase"])
def test_of_nobody_nothing_is_known(command: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert touchline(command, "nobody", data=data) == 1
    assert "customer nobody" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["why", "export", "erase"])
def test_without_a_data_file_there_is_nothing_to_look_at(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert touchline(command, "anna", data=tmp_path / "gone.db") == 3
    assert "no such file" in capsys.readouterr().err


def test_a_limit_is_at_least_one(data: Path) -> None:
    assert touchline("why", "anna", "--limit", "0", data=data) == 2


def test_export_gives_everything_also_while_the_service_runs(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "anna.json"
    with FileLock(data):
        assert touchline("export", "guest-7", "--out", str(out), data=data) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["customer"], found["merged"]) == ("anna", ["guest-7"])
    assert [record["record"]["id"] for record in found["log"]] == ["e1", "e2", "e3", "e4", "e5"]
    assert [decision["type"] for decision in found["decisions"]] == [
        "touchline.feedback.withheld",
        "touchline.feedback.requested",
    ]
    assert found["state"]["guest-7"]["into"] == "anna"
    assert found["state"]["anna"]["care"]["asks"][0]["rule"] == "order_nps"
    assert found["profile"]["asks"][0]["waits_for"] == "time"
    assert (found["deliveries"], found["cases"], found["dead_letters"]) == ([], [], [])


def test_export_says_when_it_cannot_write(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert touchline("export", "anna", "--out", str(tmp_path), data=data) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_erase_says_what_went_and_leaves_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert touchline("erase", "anna", "--dry-run", data=data) == 0
    assert capsys.readouterr().out.startswith("anna (also guest-7): would be erased\n")
    assert touchline("erase", "anna", data=data) == 0
    said = capsys.readouterr().out
    assert said.startswith("anna (also guest-7): erased\n  state        2\n  log records  5\n  decisions    2\n")
    for command in ("why", "export", "erase"):
        assert touchline(command, "anna", data=data) == 1
    assert b"guest-7" not in data.read_bytes()


def test_erase_refuses_while_a_service_has_the_file_open(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(data, "127.0.0.1:8427"):
        assert touchline("erase", "anna", data=data) == 3
    said = capsys.readouterr().err
    assert "is in use by process" in said
    assert "listening on 127.0.0.1:8427; stop it first" in said
    assert touchline("why", "anna", data=data) == 0


@pytest.mark.parametrize("command", ["why", "export", "erase"])
@pytest.mark.parametrize("half", [("--kafka", "127.0.0.1:1"), ("--redis", "redis://127.0.0.1:1/0")])
def test_a_cluster_is_named_by_both_its_servers(
    command: str, half: tuple[str, str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert touchline(command, "anna", *half, data=data) == 2
    assert "a cluster takes both --kafka HOST:PORT and --redis URL" in capsys.readouterr().err


def test_how_far_back_to_look_is_a_duration(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = ("--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/0")
    assert touchline("why", "anna", *cluster, "--since", "yesterday", data=data) == 2
    assert touchline("erase", "anna", *cluster, "--wait", "soon", data=data) == 2
