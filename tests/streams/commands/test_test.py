"""`touchline test` on good, differing and broken scenarios."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli import main
from tests.streams.scenarios.telling import EVENTS, FILE

GOOD = FILE + EVENTS + "expect:\n  - 1d 10:00 feedback.requested: {metric: csat}\n"
OTHER = GOOD.replace("1d 10:00", "2d 10:00").replace("A delivery", "Another delivery")
SHOP = "version: 1\nfeedback:\n  later: {ask: csat, after: order.delivered, wait: 2d}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yml").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_a_folder_of_stories_that_come_as_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(folder)]) == 0
    assert capsys.readouterr().out == "ok    A delivery\n1 scenario: 1 ok\n"


def test_a_difference_is_shown_and_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.yml").write_text(OTHER, encoding="utf-8")
    assert main(["test", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "ok    A delivery\nFAIL  Another delivery\n" in said
    assert "came: at 1d 10:00 instead of 2d 10:00" in said
    assert said.endswith("2 scenarios: 1 ok, 1 not\n")


def test_a_story_may_be_run_under_another_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.yml").write_text(OTHER, encoding="utf-8")
    rules = folder / "rules.txt"
    rules.write_text(SHOP + 'asks: {to: ["webhook:https://${HOST}/x"]}\n', encoding="utf-8")
    assert main(["test", str(folder), "--file", str(rules), "--tell"]) == 0
    assert "      2d 10:00    feedback.requested   metric csat\n" in capsys.readouterr().out


def test_a_story_may_name_its_file_beside_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "shop.yaml").write_text(SHOP, encoding="utf-8")
    story = "name: x\nfile: shop.yaml\n" + EVENTS + "expect:\n  - 2d 10:00 feedback.requested\n"
    (folder / "good.yml").write_text(story, encoding="utf-8")
    assert main(["test", str(folder)]) == 0, "a file of rules in the folder is no scenario"
    assert capsys.readouterr().out.endswith("1 scenario: 1 ok\n")
    (folder / "good.yml").write_text(story.replace("shop.yaml", "gone.yaml"), encoding="utf-8")
    assert main(["test", str(folder / "good.yml")]) == 1
    assert "gone.yaml: cannot be read: No such file" in capsys.readouterr().out


def test_a_story_without_a_file_needs_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.yml").write_text("name: x\n" + EVENTS + "expect:\n  - 2d case.opened\n", encoding="utf-8")
    assert main(["test", str(folder)]) == 1
    assert "names no file; add `file:`, or give one with --file FILE" in capsys.readouterr().out


def test_faults_of_a_story_and_of_its_file_are_listed_and_the_others_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.yml").write_text(GOOD.replace("wait:", "waitt:"), encoding="utf-8")
    (folder / "worse.yml").write_text(GOOD.replace("events:", "evntts:"), encoding="utf-8")
    assert main(["test", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "bad.yml:5: feedback.delivery.waitt: unknown key 'waitt'; did you mean 'wait'?" in said
    assert "worse.yml:7: evntts: unknown key 'evntts'; did you mean 'events'?" in said
    assert said.endswith("3 scenarios: 1 ok, 2 not\n")


def test_machines_get_one_object_per_story(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.yml").write_text(OTHER, encoding="utf-8")
    (folder / "z.yml").write_text("3", encoding="utf-8")
    assert main(["test", str(folder), "--json"]) == 1
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(report["ok"], Path(report["file"]).name) for report in reports] == [
        (True, "good.yml"),
        (False, "other.yml"),
        (False, "z.yml"),
    ]
    assert [row["mark"] for row in reports[1]["rows"]] == ["+", "-"]
    assert "expected a scenario" in reports[2]["fault"]


@pytest.mark.parametrize("words", [["nowhere"], ["."], []])
def test_where_there_is_nothing_to_run_the_exit_code_is_2(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["test", *words]) == 2
    assert capsys.readouterr().err


def test_the_folder_scenarios_is_looked_into_without_being_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scenarios" / "asks").mkdir(parents=True)
    (tmp_path / "scenarios" / "asks" / "good.yml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["test"]) == 0
