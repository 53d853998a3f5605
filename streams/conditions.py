"""`where`: conditions on an event's `data` and on the customer's traits, compiled to closures for the hot path.

Keys are paths into `data` (a key of that very name, else dots descend; `trait.X` reads the customer); all must hold. A
scalar means equal, a list one of, an object all of its operators. Text, numbers and true/false never equal each other.
A missing field (absent, or JSON null) matches only `exists: false`; a comparison of unlike types is false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streams.fields import reader

Condition = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""Takes an event's `data` and the customer's traits."""
Read = Callable[[Mapping[str, Any]], Any]
Test = Callable[[Any], bool]
"""Takes a field that is there."""

OPERATORS = ("gt", "gte", "lt", "lte", "ne", "in", "not_in", "exists", "contains")
TRAIT = "trait."

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def compile_where(where: Mapping[str, Any] | None) -> Condition | None:
    """A fast condition; None when there is nothing to check. Raises ValueError on what the grammar does not know."""
    if not where:
        return None
    if len(where) == 1:
        ((path, wanted),) = where.items()
        if isinstance(wanted, str) and not path.startswith(TRAIT) and "." not in path:
            return lambda data, traits: bool(data.get(path) == wanted)  # the usual case, `where: {metric: csat}`
    conditions = [_condition(path, wanted) for path, wanted in where.items()]
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) == 2:
        first, second = conditions
        return lambda data, traits: first(data, traits) and second(data, traits)
    return lambda data, traits: all(condition(data, traits) for condition in conditions)


def referenced(where: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The paths that a condition reads, in its order."""
    return tuple(where or ())


def _condition(path: str, wanted: Any) -> Condition:
    test, missing = _test(wanted)
    if path.startswith(TRAIT):
        read_trait = reader(path[len(TRAIT) :])

        def holds_for_trait(data: Mapping[str, Any], traits: Mapping[str, Any]) -> bool:
            value = read_trait(traits)
            return missing if value is None else test(value)

        return holds_for_trait
    read = reader(path)

    def holds(data: Mapping[str, Any], traits: Mapping[str, Any]) -> bool:
        value = read(data)
        return missing if value is None else test(value)

    return holds


def _test(wanted: Any) -> tuple[Test, bool]:
    """The test of a field that is there, and the verdict when it is missing."""
    if isinstance(wanted, Mapping):
        if not wanted:
            raise ValueError(f"expected at least one of {' '.join(OPERATORS)}")
        parts = [_operator(name, operand) for name, operand in wanted.items()]
        missing = all(verdict for _, verdict in parts)
        if len(parts) == 1:
            return parts[0]
        tests = [test for test, _ in parts]
        return lambda value: all(test(value) for test in tests), missing
    if isinstance(wanted, str | int | float):
        return _equal(wanted), False
    if isinstance(wanted, Sequence):
        return _one_of(wanted), False
    raise ValueError(f"expected text, a number, true, false, a list or operators, got {wanted!r}")


def _operator(name: str, operand: Any) -> tuple[Test, bool]:
    if name in _ORDER:
        return _ordered(_ORDER[name], operand), False
    match name:
        case "exists":
            return (lambda value: True, False) if operand else (lambda value: False, True)
        case "ne":
            equal = _equal(operand)
            return lambda value: not equal(value), False
        case "in":
            return _one_of(operand), False
        case "not_in":
            one_of = _one_of(operand)
            return lambda value: not one_of(value), False
        case "contains":
            return _contains(operand), False
    raise ValueError(f"unknown operator {name!r}; known: {' '.join(OPERATORS)}")


def _equal(wanted: str | int | float) -> Test:
    if isinstance(wanted, str):
        return lambda value: bool(value == wanted)
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    return lambda value: bool(value == wanted) and type(value) is not bool


def _one_of(wanted: Sequence[str | int | float]) -> Test:
    if all(isinstance(one, str) for one in wanted):
        texts = frozenset(wanted)
        return lambda value: type(value) is str and value in texts
    tests = [_equal(one) for one in wanted]
    return lambda value: any(test(value) for test in tests)


def _ordered(holds: Callable[[Any, Any], bool], bound: str | int | float) -> Test:
    if isinstance(bound, str):
        return lambda value: type(value) is str and holds(value, bound)
    return lambda value: (type(value) is int or type(value) is float) and holds(value, bound)


def _contains(wanted: str | int | float) -> Test:
    equal = _equal(wanted)

    def test(value: Any) -> bool:
        if type(value) is str:
            return isinstance(wanted, str) and wanted in value
        return isinstance(value, list | tuple) and any(equal(item) for item in value)

    return test
