"""Reading a value out of an event's `data` by its path, and showing it as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import xxhash

SCALE = 1_000_000
"""Measured values are kept as integers: value * SCALE, rounded half to even, so that sums are exact."""
LARGEST = 1e12
"""Largest value that is measured; larger ones are taken for a slip and not counted."""
_LIMIT = 128


def lookup(data: Mapping[str, Any], path: str) -> Any:
    """The value at a path: a key of that very name, else dots descend; None where nothing is."""
    value = data.get(path)
    if value is not None or "." not in path:
        return value
    at: Any = data
    for part in path.split("."):
        if not isinstance(at, Mapping):
            return None
        at = at.get(part)
        if at is None:
            return None
    return at


def reader(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """`lookup` for one path, prepared once."""
    if "." not in path:
        return lambda data: data.get(path)
    return lambda data: lookup(data, path)


def text(value: Any) -> str | None:
    """A scalar as text, so that 17, 17.0 and "17" are the same key or segment; None for anything else or empty.

    At most 128 characters are kept.
    """
    if type(value) is str:
        return (value if len(value) <= _LIMIT else value[:_LIMIT]) or None
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def identity(value: Any) -> str | None:
    """A scalar as text that tells one thing from another: of a long one a prefix and a hash of the whole."""
    if type(value) is str and len(value) > _LIMIT:
        return f"{value[:_LIMIT]}#{xxhash.xxh3_128_hexdigest(value.encode('utf-8', 'surrogatepass'))}"
    return text(value)


def number(value: Any) -> float | int | None:
    """A JSON number of at most 1e12 either way, or None: text, true/false and what no sum could hold are none."""
    kind = type(value)
    if (kind is float or kind is int) and -LARGEST <= value <= LARGEST:
        return value  # type: ignore[no-any-return]  # just checked by kind, which mypy does not narrow on
    return None


def scaled(value: float | int) -> int:
    """A measured value as an integer of millionths, rounded half to even."""
    if type(value) is int:
        return value * SCALE
    return round(value * SCALE)
