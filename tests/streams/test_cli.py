"""The command line: what a newcomer sees, and what a script can rely on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import ModuleType

import pytest

from streams import cli
from streams.errors import CannotStart

GOOD = "version: 1\nsegments: [device]\n"
BAD = "version: 1\nsegments: [Device]\nalert: {}\n"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yml"
    file.write_text(GOOD, encoding="utf-8")
    return file


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yml"
    file.write_text(BAD, encoding="utf-8")
    return file


def test_help_names_every_command_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    for name in cli.names():
        assert f"  {name:<12}{cli.sentence(name)}\n" in out


def test_no_command_shows_the_help_and_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "touchline COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("name", cli.names())
def test_every_command_is_complete_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = cli.load(name)
    assert cli.sentence(name) == command.HELP
    assert callable(command.run)
    assert cli.main([name, "--help"]) == 0
    assert f"touchline {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("touchline ")


def test_a_misspelt_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["chek"]) == 2
    assert capsys.readouterr().err == "touchline: no command 'chek'; did you mean `touchline check`?\n"


def test_a_misspelt_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--jsn"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_good_file_exits_0(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "-c", str(good)]) == 0
    assert f"{good}: no faults" in capsys.readouterr().out


def test_a_bad_file_exits_1_with_every_fault_and_its_line(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "-c", str(bad)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{bad}:2: segments[0]: expected a name")
    assert lines[1] == f"{bad}:3: alert: unknown key 'alert'; did you mean 'alerts'?"
    assert lines[2] == f"{bad}: 2 faults"


def test_several_files_are_all_checked(good: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(bad), str(good)]) == 1
    assert f"{good}: no faults" in capsys.readouterr().out


def test_a_report_for_machines(bad: Path, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(GOOD + "asks: {to: 'webhook:https://example.org/x'}\n", encoding="utf-8")
    assert cli.main(["check", "--json", "-c", str(bad), "-c", str(good)]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [fault["line"] for fault in first["faults"]] == [2, 3]
    assert first["hash"] is None
    (warning,) = second["warnings"]
    assert (warning["path"], warning["line"]) == ("asks", 3)
    assert "not signed" in warning["message"]


def test_which_file_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check"]) == 2
    assert "which file" in capsys.readouterr().err


def test_a_missing_file_cannot_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "-c", str(tmp_path / "missing.yml")]) == 3
    assert "No such file" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")
    assert cli.main(["schema", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("# The file\n")


def command(raised: BaseException) -> ModuleType:
    module = ModuleType("failing")

    def run(args: argparse.Namespace) -> int:
        raise raised

    module.__dict__.update(HELP="Fails.", arguments=lambda parser: None, run=run)
    return module


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (CannotStart("the file is locked by process 7"), 3, "the file is locked by process 7\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_become_one_line_and_a_code(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "load", lambda name: command(raised))
    assert cli.main(["check"]) == code
    assert capsys.readouterr().err == said
