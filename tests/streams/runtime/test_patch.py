"""What changed between two values, as a JSON Patch."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.estimates import Estimate
from streams.runtime.patch import json_patch
from streams.view import FiredCount, StepTotals, StepWindow
from tests.streams.runtime.views import KNOWN, TOO_FEW, journey


def applied(document: Any, patch: bytes) -> Any:
    """The document with the patch put into it as RFC 6902 says."""
    held = {"": document}
    for operation in json.loads(patch):
        assert operation["op"] == "replace"
        first, *parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")]
        place: Any = held
        for name, after in zip([first, *parts], parts, strict=False):
            place = place[int(name) if isinstance(place, list) else name]
            assert (int(after) < len(place)) if isinstance(place, list) else (after in place), "it replaces nothing"
        last = parts[-1] if parts else first
        place[int(last) if isinstance(place, list) else last] = operation["value"]
    return held[""]


def plain(value: Any) -> Any:
    """As a reader of its JSON has it."""
    return json.loads(msgspec.json.encode(value))


_NUMBERS = st.none() | st.integers(-9, 9) | st.floats(-9, 9, allow_nan=False)
_VALUES = st.recursive(
    _NUMBERS | st.text("ab/~0", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~01", max_size=2), inner, max_size=3),
    max_leaves=12,
)
_ESTIMATES = st.builds(Estimate, st.integers(0, 3), _NUMBERS, _NUMBERS, _NUMBERS)
_WINDOWS = st.builds(
    StepWindow, *[st.integers(0, 2)] * 4, _ESTIMATES, _ESTIMATES, value_entered=st.floats(0, 1, allow_nan=False)
)
_PARTS = _VALUES | _WINDOWS | st.lists(_WINDOWS, max_size=3) | st.dictionaries(st.text("w/", max_size=2), _WINDOWS)


@given(_PARTS, _PARTS)
def test_a_patch_makes_the_old_into_the_new(old: Any, new: Any) -> None:
    assert applied(plain(old), json_patch(old, new)) == plain(new)


def test_what_did_not_change_is_not_sent() -> None:
    assert json_patch(journey(), journey()) == b"[]"


def test_a_value_that_goes_missing_is_told_as_null() -> None:
    patch = json_patch({"1m": KNOWN, "1h": KNOWN}, {"1m": TOO_FEW, "1h": KNOWN})
    assert json.loads(patch) == [{"op": "replace", "path": "/1m", "value": plain(TOO_FEW)}]


def test_one_count_of_many_is_sent_alone() -> None:
    patch = json_patch([StepTotals(entered=4)], [StepTotals(entered=5)])
    assert json.loads(patch) == [{"op": "replace", "path": "/0/entered", "value": 5}]


def test_a_struct_that_is_a_list_in_json_is_replaced_whole() -> None:
    old, new = FiredCount("j", "s", "conversion", "down", 1), FiredCount("j", "s", "conversion", "down", 2)
    assert json.loads(json_patch([old], [new])) == [{"op": "replace", "path": "/0", "value": plain(new)}]
