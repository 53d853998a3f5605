"""Runs scenarios through replay: finds their files, loads the rules they are told under, tells what came of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from connectors.row import Row
from streams.codec import encode
from streams.config.load import Loaded, load_text
from streams.effects import DeadLetter, Decision
from streams.errors import InputError, UsageError
from streams.runtime.replay import Replay
from streams.scenarios.compare import Outcome, compare
from streams.scenarios.reading import read_scenario
from streams.scenarios.story import Scenario

ENDINGS = (".yml", ".yaml")
PLACES = ("scenarios", "tests/scenarios")
"""Folders looked into where none is named."""
_VERSION = re.compile(r"^version:", re.MULTILINE)


def find(paths: Sequence[str]) -> Iterator[Path]:
    """Every scenario of the files and folders named; files of rules among them are passed over.

    Raises UsageError where there is none.
    """
    given = [Path(path) for path in paths] or [folder for folder in map(Path, PLACES) if folder.is_dir()][:1]
    if not given:
        raise UsageError(f"touchline test: which scenarios? name files or folders; there is no {' or '.join(PLACES)}")
    count = 0
    for path in given:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        below = [path]
        if path.is_dir():
            below = sorted(file for file in path.rglob("*") if file.suffix in ENDINGS and not _has_rules(file))
        count += len(below)
        yield from below
    if not count:
        raise UsageError(f"{', '.join(map(str, given))}: no scenarios (files ending in {' or '.join(ENDINGS)})")


def read(path: Path) -> Scenario:
    """The scenario of a file. Raises ConfigError with its faults, InputError where it cannot be read."""
    return read_scenario(_text(path), str(path))


def rules(path: Path) -> Loaded:
    """A file of rules, its secrets unread: nothing is delivered. Raises ConfigError or InputError."""
    return load_text(_text(path), str(path))


def rules_of(scenario: Scenario, path: Path) -> Loaded:
    """The file a scenario is told under. Raises ConfigError or InputError, this too where it names none."""
    if scenario.text is not None:
        return load_text(scenario.text, str(path))
    if scenario.path is None:
        raise InputError(f"{path}: names no file; add `file:`, or give one with --file FILE")
    return rules(path.parent / scenario.path)


def replayed(scenario: Scenario, loaded: Loaded) -> tuple[list[Decision], list[DeadLetter]]:
    """Decisions and dead letters of a story; the offset of a letter counts the story's events."""
    replay = Replay(loaded)
    rows = [Row(encode(told.event(at))) for at, told in enumerate(scenario.events)]
    letters = [letter for batch in replay.feed(rows) for letter in batch]
    letters += replay.finish(scenario.until)
    return replay.decisions, letters


def run(scenario: Scenario, loaded: Loaded) -> Outcome:
    """What came of it, against what was expected."""
    return compare(scenario, *replayed(scenario, loaded))


def _has_rules(path: Path) -> bool:
    """Whether it is a Touchline file, which begins with its version; no scenario has one."""
    try:
        return _VERSION.search(_text(path)) is not None
    except InputError:
        return False  # said when it is read


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise InputError(f"{path}: cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not UTF-8 at byte {fault.start}") from None
