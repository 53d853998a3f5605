"""One bad file per fault: what is said about it, and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams.config.faults import Faults
from streams.config.nodes import read_yaml
from streams.config.schema import schema
from streams.errors import ConfigError
from tests.streams.config.files import BAD, load

SCHEMA = Draft202012Validator(schema())
FILES = sorted(BAD.glob("*.yml"))
_EXPECTED = re.compile(r"^# fault: (.+)$", re.MULTILINE)
_STRUCTURAL = "# The schema finds it too."


def plain(path: Path) -> Any:
    """The file as data, read by our own YAML rules."""
    root = read_yaml(path.read_text(encoding="utf-8"), Faults())
    return None if root is None else root.plain()


def structural(path: Path) -> bool:
    return _STRUCTURAL in path.read_text(encoding="utf-8")


def test_there_is_a_bad_file_for_every_kind_of_fault() -> None:
    assert len(FILES) > 120


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_fault_of_a_bad_file_is_told_with_its_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(text, path.name)
    assert [f"{fault.line}: {fault}" for fault in caught.value.faults] == _EXPECTED.findall(text)
    assert str(caught.value).splitlines()[0].startswith(f"{path.name}:")


@pytest.mark.parametrize("path", [path for path in FILES if structural(path)], ids=lambda path: path.stem)
def test_the_schema_finds_structural_faults_too(path: Path) -> None:
    assert not SCHEMA.is_valid(plain(path))


@pytest.mark.parametrize("path", [path for path in FILES if not structural(path)], ids=lambda path: path.stem)
def test_what_only_the_whole_file_tells_passes_the_schema(path: Path) -> None:
    faults = Faults()
    root = read_yaml(path.read_text(encoding="utf-8"), faults)
    if root is not None and not len(faults):
        assert SCHEMA.is_valid(root.plain())


def test_no_message_shows_what_stands_where_a_secret_belongs() -> None:
    for path in FILES:
        if path.stem.startswith("secret_"):
            with pytest.raises(ConfigError) as caught:
                load(path.read_text(encoding="utf-8"))
            for value in ("hunter2", "no-such-kind", "123456", "/nowhere"):
                assert value not in str(caught.value)
