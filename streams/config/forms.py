"""The forms a value may have: what it looks like, how it is read, and its JSON Schema.

A form reads one node and gives its value, or notes a fault and gives BAD. Structs name the form of a field in its
annotation (`streams.config.kinds`); containers and blocks are in `streams.config.blocks`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from streams import units
from streams.config.faults import Faults, Path, unknown
from streams.config.nodes import Node


class Bad:
    """The type of BAD."""

    def __repr__(self) -> str:
        return "BAD"


BAD: Final = Bad()
"""Instead of a value where a fault was noted."""

Schema = dict[str, Any]
Definitions = dict[str, Schema]
"""Blocks that other schemas refer to, by name."""


class Form(Protocol):
    """One way a value can be written."""

    says: str
    """With its article, for faults and the reference page: `a duration such as 30m`."""

    def read(self, node: Node, path: Path, faults: Faults) -> Any:
        """The value, or BAD after noting why not. Never raises."""
        ...

    def schema(self, definitions: Definitions) -> Schema:
        """JSON Schema (2020-12) of the form; blocks are added to `definitions` and referred to."""
        ...


def shown(node: Node) -> str:
    """A value in a fault: short, and only ever one line."""
    value = node.value
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def refuse(form: Form, node: Node, path: Path, faults: Faults) -> Bad:
    """Note that the value does not have the form."""
    hint = ""
    if form.says.startswith(("text", "a name", "a column")) and isinstance(node.value, int | float):
        hint = " (quote it)"
    faults.add(path, node.line, f"expected {form.says}, got {shown(node)}{hint}")
    return BAD


class Text:
    """Text, not empty; a pattern may narrow it."""

    def __init__(self, says: str = "text", pattern: str | None = None) -> None:
        self.says = says
        self.pattern = pattern
        self._matches = re.compile(pattern).search if pattern else None

    def read(self, node: Node, path: Path, faults: Faults) -> str | Bad:
        value = node.value
        if not isinstance(value, str) or not value.strip() or (self._matches and not self._matches(value)):
            return refuse(self, node, path, faults)
        return value

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": self.pattern or r"\S"}


class Parsed:
    """Text with a grammar of its own in `streams.units`."""

    def __init__(self, says: str, parse: Callable[[str], Any], pattern: str, positive: bool = False) -> None:
        self.says = says
        self.parse = parse
        self.pattern = pattern
        self.positive = positive

    def read(self, node: Node, path: Path, faults: Faults) -> Any:
        if not isinstance(node.value, str):
            return refuse(self, node, path, faults)
        try:
            value = self.parse(node.value)
        except ValueError as error:
            faults.add(path, node.line, str(error))
            return BAD
        if self.positive and value <= 0:
            faults.add(path, node.line, f"expected more than 0s, got {shown(node)}")
            return BAD
        return value

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": self.pattern}


class Number:
    """A number within bounds, both included; whole or not."""

    def __init__(self, low: float | None = None, high: float | None = None, whole: bool = False) -> None:
        self.low, self.high, self.whole = low, high, whole
        kind = "a whole number" if whole else "a number"
        if low is not None and high is not None:
            self.says = f"{kind} from {low:g} to {high:g}"
        elif low is not None:
            self.says = f"{kind}, at least {low:g}"
        else:
            self.says = kind

    def read(self, node: Node, path: Path, faults: Faults) -> int | float | Bad:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return refuse(self, node, path, faults)
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return refuse(self, node, path, faults)
        return value if self.whole else float(value)

    def schema(self, definitions: Definitions) -> Schema:
        schema: Schema = {"type": "integer" if self.whole else "number"}
        if self.low is not None:
            schema["minimum"] = self.low
        if self.high is not None:
            schema["maximum"] = self.high
        return schema


class Flag:
    """`true` or `false`."""

    says = "true or false"

    def read(self, node: Node, path: Path, faults: Faults) -> bool | Bad:
        return node.value if isinstance(node.value, bool) else refuse(self, node, path, faults)

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "boolean"}


class OneOf:
    """One of a few words or numbers."""

    def __init__(self, values: tuple[str | int, ...]) -> None:
        self.values = values
        listed = [str(value) for value in values]
        self.says = f"one of {', '.join(listed)}" if len(listed) > 1 else f"`{listed[0]}`"

    def read(self, node: Node, path: Path, faults: Faults) -> str | int | Bad:
        for value in self.values:
            if value == node.value and type(value) is type(node.value):
                return value
        if isinstance(node.value, str) and len(self.values) > 1:
            faults.add(path, node.line, unknown("value", node.value, [str(value) for value in self.values]))
            return BAD
        return refuse(self, node, path, faults)

    def schema(self, definitions: Definitions) -> Schema:
        return {"enum": list(self.values)}


class Ratio:
    """`0.8` or `80%`."""

    says = "a ratio such as 0.8 or 80%"

    def read(self, node: Node, path: Path, faults: Faults) -> float | Bad:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return refuse(self, node, path, faults)
        try:
            return units.parse_ratio(value)
        except ValueError as error:
            faults.add(path, node.line, str(error))
            return BAD

    def schema(self, definitions: Definitions) -> Schema:
        return {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": units.RATIO_PATTERN},
            ]
        }


class CountForm:
    """`3`, or `3 within 10m`."""

    says = "a count such as 3, or 3 within 10m"

    def read(self, node: Node, path: Path, faults: Faults) -> units.Count | Bad:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return units.Count(value)
        if not isinstance(value, str):
            return refuse(self, node, path, faults)
        try:
            return units.parse_count(value)
        except ValueError as error:
            faults.add(path, node.line, str(error))
            return BAD

    def schema(self, definitions: Definitions) -> Schema:
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": units.COUNT_PATTERN}]}


class Zone:
    """An IANA time zone."""

    says = "a time zone such as Europe/Kyiv"

    def read(self, node: Node, path: Path, faults: Faults) -> str | Bad:
        if not isinstance(node.value, str):
            return refuse(self, node, path, faults)
        try:
            ZoneInfo(node.value)
        except (ValueError, OSError, KeyError):  # unknown names, names that leave the database, folders of it
            faults.add(path, node.line, f"unknown time zone {shown(node)}; expected one such as Europe/Kyiv")
            return BAD
        return node.value

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"}


class Day:
    """A calendar date."""

    says = "a date such as 2026-12-25"

    def read(self, node: Node, path: Path, faults: Faults) -> str | Bad:
        if isinstance(node.value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.value):
            try:
                date.fromisoformat(node.value)
            except ValueError:
                return refuse(self, node, path, faults)
            return node.value
        return refuse(self, node, path, faults)

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


class Anything:
    """Any value, as plain data."""

    says = "any value"

    def read(self, node: Node, path: Path, faults: Faults) -> Any:
        return node.plain()

    def schema(self, definitions: Definitions) -> Schema:
        return {}
