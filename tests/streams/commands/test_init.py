"""`touchline init`, with flags, with a person at a terminal, and where nobody can be asked."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from streams.cli import main
from streams.config.load import load_file

JOURNEY = "purchase: cart.updated, checkout.started, order.completed"


class Person(io.StringIO):
    """A terminal with somebody who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, and nobody at the keyboard."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


def test_flags_alone_write_a_file_and_say_what_to_do_next(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--within", "2h", "--owner", "checkout-team", "--timezone", "Europe/Kyiv"]
    assert main(["init", "shop.yml", "--journey", JOURNEY, "--to", "slack:https://hooks.example/x", *options]) == 0
    loaded = load_file(here / "shop.yml")
    assert loaded.warnings == ()
    assert loaded.config.journeys["purchase"].owner == "checkout-team"
    assert loaded.config.timezone == "Europe/Kyiv"
    said = capsys.readouterr().out
    assert "touchline run -c shop.yml" in said
    assert '"type":"cart.updated"' in said
    assert main(["check", "-c", "shop.yml"]) == 0


def test_three_answers_write_it_and_a_wrong_one_is_asked_again(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["order.completed", "signup: form.opened, account.created", "soon", "", "pigeon:home", "nowhere"]
    monkeypatch.setattr("sys.stdin", Person("\n".join(typed) + "\n"))
    assert main(["init"]) == 0
    asked = capsys.readouterr().err
    assert [number for number in "123" if f"{number}. " in asked] == ["1", "2", "3"]
    assert "expected the event types of 2 to 4 steps" in asked
    assert "soon" in asked
    assert "unknown kind of receiver 'pigeon'" in asked
    loaded = load_file(here / "touchline.yml")
    assert list(loaded.config.journeys) == ["signup"]
    assert not loaded.config.subscriptions


def test_enter_three_times_is_an_answer(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Person("\n\n\n"))
    assert main(["init"]) == 0
    assert list(load_file(here / "touchline.yml").config.journeys) == ["purchase"]


def test_questions_left_unanswered_write_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Person("\n"))
    assert main(["init"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert not list(here.iterdir())


def test_where_nobody_can_be_asked_the_flag_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 2
    assert "--journey" in capsys.readouterr().err
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--journey", "a.b"], "--journey: expected the event types"),
        (["--journey", JOURNEY, "--within", "soon"], "--within: "),
        (["--journey", JOURNEY, "--to", "slack:nowhere"], "--to: "),
        (["--journey", JOURNEY, "--timezone", "Europe/Nowhere"], "unknown time zone"),
    ],
)
def test_a_flag_that_makes_no_sense_is_refused_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main(["init", *options]) == 2
    assert words in capsys.readouterr().err
    assert not list(here.iterdir())


def test_a_file_that_is_there_is_written_over_only_when_told_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = here / "touchline.yml"
    file.write_text("mine")
    assert main(["init", "--journey", JOURNEY]) == 2
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main(["init", "--journey", JOURNEY, "--force"]) == 0
    assert "purchase" in file.read_text()


def test_a_secret_stays_in_the_environment(here: Path) -> None:
    assert main(["init", "--journey", JOURNEY, "--to", "slack:${SLACK_URL}"]) == 0
    assert "slack:${SLACK_URL}" in (here / "touchline.yml").read_text()
