"""A data file as the service leaves it in the middle of a story of tests/scenarios."""

from __future__ import annotations

from pathlib import Path

import msgspec

from streams.runtime import scenarios
from streams.scenarios.moments import Moments
from tests.scenarios.served import served

STORIES = Path(__file__).parents[2] / "scenarios"


async def middle_of(name: str, until: str, data: Path) -> None:
    """Play the story up to a moment of its own, such as `4d`, into a new data file."""
    path = STORIES / f"{name}.yml"
    scenario = scenarios.read(path)
    end = Moments(scenario.start, scenario.tzinfo).read(until)
    events = tuple(told for told in scenario.events if told.time <= end)
    half = msgspec.structs.replace(scenario, until=end, events=events)
    await served(half, scenarios.rules_of(scenario, path), data)
