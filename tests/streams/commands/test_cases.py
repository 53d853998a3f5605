"""`touchline cases` on a data file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streams.cli import main
from streams.runtime import commit as commits
from streams.runtime.commit import Commit
from streams.runtime.retention import Retention
from streams.runtime.store import schema
from streams.runtime.store.committing import write_commit
from streams.runtime.store.store import new_head
from tests.streams.care.caring import Story
from tests.streams.runtime.store.test_cases import commit

FILE = """
cases:
  complaints: {on: complaint.received, owner: service}
  detractors: {on: survey.answered, where: {metric: nps, score: {lte: 6}}, owner: care, priority: 10}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file with a complaint that nobody has answered in time, a detractor, and a case that is closed."""
    path = tmp_path / "shop.db"
    story = Story(FILE)
    story.say(0, "case.opened", case="CRM-1", owner="eve")
    story.say(1, "case.closed", case="CRM-1")
    story.say(2, "complaint.received")
    story.say(60, "survey.answered", metric="nps", score=2)
    schema.prepare(path)
    connection = schema.connect(path)
    made = commit(story.decisions)
    fields = {name: getattr(made, name) for name in made.__struct_fields__}
    write_commit(connection, Commit(**{**fields, "head": commits.encode(new_head(None, "hash"))}), Retention())
    connection.close()
    return path


def cases(*words: str, data: Path) -> int:
    return main(["cases", *words, "--data", str(data)])


def test_open_cases_are_listed_the_most_urgent_first(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cases(data=data) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["DUE", "STATE", "LATE", "PRIORITY", "RULE", "OWNER", "CUSTOMER", "CASE"]
    assert [line.split()[:7] for line in lines] == [
        ["2026-01-05T12:00:00.000Z", "assigned", "-", "10", "detractors", "care", "ann"],
        ["2026-01-03T02:00:00.000Z", "assigned", "breached", "0", "complaints", "service", "ann"],
    ]


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (["--order", "due"], ["complaints", "detractors"]),
        (["--all", "--order", "newest"], ["detractors", "complaints", "external"]),
        (["--state", "closed"], ["external"]),
        (["--owner", "service"], ["complaints"]),
        (["--rule", "detractors"], ["detractors"]),
        (["--customer", "bob"], []),
        (["--limit", "1"], ["detractors"]),
    ],
)
def test_they_can_be_narrowed_and_ordered_and_come_as_json(
    words: list[str], rules: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cases("--json", *words, data=data) == 0
    found = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert [case["rule"] for case in found] == rules


def test_without_any_it_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cases("--owner", "nobody", data=data) == 0
    assert cases("--owner", "nobody", "--all", data=data) == 0
    assert capsys.readouterr().out == "no open cases\nno cases\n"


def test_a_file_of_an_earlier_release_has_none(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = schema.connect(data)
    connection.execute("DROP TABLE cases")
    connection.close()
    assert cases(data=data) == 0
    assert capsys.readouterr().out == "no open cases\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cases(data=tmp_path / "none.db") == 3
    assert "none.db: no such file" in capsys.readouterr().err
