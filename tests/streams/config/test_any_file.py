"""Whatever stands in the file: it is taken or refused with faults, and the schema is never the stricter judge."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from streams.config.faults import Faults
from streams.config.load import Loaded
from streams.config.nodes import read_yaml
from streams.config.schema import schema
from streams.errors import ConfigError
from tests.streams.config.files import GOOD, load

SCHEMA = Draft202012Validator(schema())
Place = tuple[str | int, ...]


def everything() -> Any:
    root = read_yaml((GOOD / "everything.yml").read_text(encoding="utf-8"), Faults())
    assert root is not None
    return root.plain()


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    yield path
    if isinstance(value, dict):
        for key, below in value.items():
            yield from places(below, (*path, key))
    elif isinstance(value, list):
        for at, below in enumerate(value):
            yield from places(below, (*path, at))


WHOLE = everything()
PLACES = [path for path in places(WHOLE) if path]
VALUES: list[Any] = [
    None, True, 0, 3, -1.5, 1e9, "", " ", "x", "a.b", "30m", "0s", "21:00", "80%", "<= 3", "1 per day", "3 within 1h",
    "line", "webhook:https://example.org", "${HOOK}", "${NOT_SET}", [], ["a.b"], [[]], [None], [1, 2], ["x", "x"], {},
    {"a": 1}, {"on": "a.b"}, {"on": None}, {"gt": 3}, {"exists": False}, {"const": None}, {"column": "c"},
]  # fmt: skip


def changed(place: Place, value: Any) -> Any:
    whole = copy.deepcopy(WHOLE)
    at = whole
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = copy.deepcopy(value)
    return whole


def outcome(content: Any) -> Loaded | ConfigError:
    try:
        return load(json.dumps(content))
    except ConfigError as error:
        return error


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(VALUES))
def test_any_value_anywhere_is_taken_or_refused_with_faults(place: Place, value: Any) -> None:
    content = changed(place, value)
    result = outcome(content)
    if isinstance(result, ConfigError):
        assert result.faults
        assert all(fault.line >= 1 and fault.message and "\n" not in fault.message for fault in result.faults)
    elif value is not None:  # a key without value is absent to us, null to a schema
        errors = [error.message for error in SCHEMA.iter_errors(content)]
        assert errors == []


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab:{}[]-,&*!|>'\"#%@ \n\t?~1.", max_size=60))
def test_any_text_is_taken_or_refused_with_faults(text: str) -> None:
    try:
        faults = load(text).warnings
    except ConfigError as error:
        faults = error.faults
    assert all(fault.line >= 1 and "\n" not in fault.message for fault in faults)
