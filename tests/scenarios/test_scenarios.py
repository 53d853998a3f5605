"""The stories in this folder: as expected, and the same through replay as through the embedded service."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.config.meaning import REASONS
from streams.decisions import encode
from streams.runtime import scenarios
from tests.scenarios.served import served

HERE = Path(__file__).parent
STORIES = sorted(HERE.glob("*.yml"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
async def test_a_story_ends_as_told_and_the_service_makes_the_same_of_it(path: Path, tmp_path: Path) -> None:
    scenario = scenarios.read(path)
    loaded = scenarios.rules_of(scenario, path)
    outcome = scenarios.run(scenario, loaded)
    assert outcome.ok, "\n".join(f"{row.mark} {row.text}  {'; '.join(row.notes)}" for row in outcome.rows)
    decisions, _ = scenarios.replayed(scenario, loaded)
    assert await served(scenario, loaded, tmp_path / "story.db") == {encode(decision) for decision in decisions}


def test_the_stories_tell_of_every_reason_that_a_file_can_bring_about() -> None:
    told = {
        expected.fields.get("reason")
        for path in STORIES
        for expected in scenarios.read(path).expect
        if expected.what in ("feedback.withheld", "feedback.deferred")
    }
    assert told == {None, *REASONS}
