"""`where`: what matches, against a slow reading of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.conditions import compile_where, referenced

DATA: dict[str, Any] = {
    "metric": "csat",
    "score": 4,
    "ratio": 0.5,
    "vip": True,
    "empty": None,
    "tags": ["new", 7, True],
    "order": {"total": 120, "items.count": 3, "ship": {"country": "UA"}},
    "order.total": "literal",
    "text": "call me back",
}
TRAITS: dict[str, Any] = {"tier": "gold", "consent": {"sms": False}, "score": 9}


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"metric": "csat"}, True),
        ({"metric": "nps"}, False),
        ({"missing": "csat"}, False),
        ({"score": 4}, True),
        ({"score": 4.0}, True),
        ({"score": "4"}, False),
        ({"score": True}, False),
        ({"vip": True}, True),
        ({"vip": 1}, False),
        ({"vip": "true"}, False),
        ({"metric": ["nps", "csat"]}, True),
        ({"metric": ["nps", "ces"]}, False),
        ({"score": [3, 4]}, True),
        ({"score": ["4", True]}, False),
        ({"vip": [1, "x"]}, False),
        ({"tags": ["new"]}, False),
        ({"score": {"gt": 3, "lte": 4}}, True),
        ({"score": {"gt": 4}}, False),
        ({"score": {"lt": "5"}}, False),
        ({"vip": {"gte": 0}}, False),
        ({"metric": {"gte": "c", "lt": "d"}}, True),
        ({"metric": {"gt": 1}}, False),
        ({"metric": {"ne": "nps"}}, True),
        ({"score": {"ne": "4"}}, True),
        ({"missing": {"ne": "nps"}}, False),
        ({"metric": {"in": ["csat"]}}, True),
        ({"metric": {"not_in": ["csat"]}}, False),
        ({"missing": {"not_in": ["csat"]}}, False),
        ({"missing": {"exists": False}}, True),
        ({"missing": {"exists": True}}, False),
        ({"score": {"exists": True}}, True),
        ({"score": {"exists": False}}, False),
        ({"empty": {"exists": False}}, True),
        ({"empty": {"ne": "x"}}, False),
        ({"missing": {"exists": False, "ne": 1}}, False),
        ({"text": {"contains": "back"}}, True),
        ({"text": {"contains": "Back"}}, False),
        ({"tags": {"contains": "new"}}, True),
        ({"tags": {"contains": 7}}, True),
        ({"tags": {"contains": "7"}}, False),
        ({"tags": {"contains": 1}}, False),
        ({"score": {"contains": 4}}, False),
        ({"order.total": "literal"}, True),
        ({"order.total": 120}, False),
        ({"order.ship.country": "UA"}, True),
        ({"order.ship.city": {"exists": False}}, True),
        ({"metric.deeper": {"exists": False}}, True),
        ({"trait.tier": "gold"}, True),
        ({"trait.consent.sms": False}, True),
        ({"trait.score": 4}, False),
        ({"trait.missing": {"exists": False}}, True),
        ({"metric": "csat", "score": 4}, True),
        ({"metric": "csat", "score": 5}, False),
        ({"metric": "csat", "score": 4, "trait.tier": "silver"}, False),
        ({"metric": "csat", "score": 4, "trait.tier": "gold"}, True),
    ],
)
def test_a_condition_matches(where: dict[str, Any], holds: bool) -> None:
    condition = compile_where(where)
    assert condition is not None
    assert condition(DATA, TRAITS) is holds


def test_nothing_to_check_is_no_condition() -> None:
    assert compile_where(None) is None
    assert compile_where({}) is None


@pytest.mark.parametrize("where", [{"a": {}}, {"a": {"above": 1}}, {"a": None}])
def test_what_the_grammar_does_not_know_is_refused(where: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected|unknown"):
        compile_where(where)


def test_the_paths_that_are_read_are_known() -> None:
    assert referenced({"a.b": 1, "trait.x": "y"}) == ("a.b", "trait.x")
    assert referenced(None) == ()


SCALARS = st.one_of(
    st.sampled_from(["a", "b", "1", ""]), st.integers(-2, 2), st.sampled_from([0.5, 1.0]), st.booleans()
)
FIELDS = st.one_of(SCALARS, st.none(), st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from("xy"), SCALARS))
NAMES = ("x", "y", "x.y", "x.x", "trait.x", "trait.y", "trait.x.y")
BOUNDS = st.one_of(st.sampled_from(["a", "b", "1"]), st.integers(-2, 2), st.just(0.5))
WANTED = st.one_of(
    SCALARS,
    st.lists(SCALARS, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("gt", "gte", "lt", "lte"), BOUNDS),
            "ne": SCALARS,
            "contains": SCALARS,
            "in": st.lists(SCALARS, min_size=1, max_size=3),
            "not_in": st.lists(SCALARS, min_size=1, max_size=3),
            "exists": st.booleans(),
        },
    ).filter(bool),
)
TREES = st.dictionaries(st.sampled_from(["x", "y", "x.y"]), FIELDS)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def equal(one: Any, other: Any) -> bool:
    return kind(one) == kind(other) != "other" and bool(one == other)


def field(tree: Mapping[str, Any], path: str) -> Any:
    if tree.get(path) is not None:
        return tree[path]
    at: Any = tree
    for part in path.split("."):
        at = at.get(part) if isinstance(at, Mapping) else None
    return at


def one_operator(value: Any, name: str, operand: Any) -> bool:
    if name == "exists":
        return (value is not None) is operand
    if value is None:
        return False
    if name in ("gt", "gte", "lt", "lte"):
        if kind(value) != kind(operand) or kind(value) not in ("number", "text"):
            return False
        return bool(
            {"gt": value > operand, "gte": value >= operand, "lt": value < operand, "lte": value <= operand}[name]
        )
    if name == "contains":
        if isinstance(value, str):
            return isinstance(operand, str) and operand in value
        return isinstance(value, list) and any(equal(item, operand) for item in value)
    listed = [operand] if name == "ne" else operand
    return any(equal(value, item) for item in listed) is (name == "in")


def slowly(where: Mapping[str, Any], data: Mapping[str, Any], traits: Mapping[str, Any]) -> bool:
    for path, wanted in where.items():
        value = field(traits, path[6:]) if path.startswith("trait.") else field(data, path)
        if isinstance(wanted, dict):
            if not all(one_operator(value, name, operand) for name, operand in wanted.items()):
                return False
        elif not one_operator(value, "in", wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


@given(st.dictionaries(st.sampled_from(NAMES), WANTED, min_size=1, max_size=4), TREES, TREES)
def test_the_fast_condition_is_the_slow_one(
    where: dict[str, Any], data: dict[str, Any], traits: dict[str, Any]
) -> None:
    condition = compile_where(where)
    assert condition is not None
    assert condition(data, traits) == slowly(where, data, traits)
