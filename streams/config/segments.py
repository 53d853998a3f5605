"""`segments:` – the label dimensions that journeys and signals are split by."""

from __future__ import annotations

import msgspec

from streams.config.faults import Faults, Path
from streams.config.forms import BAD, Bad, Definitions, Schema, Text, refuse, shown
from streams.config.kinds import NAME_PATTERN
from streams.config.nodes import Node

MOST_VALUES = 20
"""Values a dimension shows at most; the rest is `other`."""


class Segment(msgspec.Struct, frozen=True):
    """A dimension, read from the events' data under its own name."""

    name: str
    values: tuple[str, ...] = ()
    """Admitted at once; others are admitted when they have been seen often enough."""


class SegmentForm:
    """`device`, or `{region: [kyiv, lviv]}`."""

    says = "a dimension such as device, or {region: [kyiv, lviv]}"
    name = Text("a name: a-z, then a-z 0-9 _, at most 48 characters", NAME_PATTERN)

    def read(self, node: Node, path: Path, faults: Faults) -> Segment | Bad:
        if not isinstance(node.value, dict):
            name = self.name.read(node, path, faults)
            return BAD if isinstance(name, Bad) else Segment(name)
        if len(node.value) != 1:
            return refuse(self, node, path, faults)
        ((key, below),) = node.value.items()
        name = self.name.read(Node(key, below.line), (*path, key), faults)
        values = self._values(below, (*path, key), faults)
        return BAD if isinstance(name, Bad) or isinstance(values, Bad) else Segment(name, values)

    def _values(self, node: Node, path: Path, faults: Faults) -> tuple[str, ...] | Bad:
        if not isinstance(node.value, list) or not node.value:
            faults.add(path, node.line, f"expected a list of values, got {shown(node)}")
            return BAD
        before = len(faults)
        values: list[str] = []
        for at, item in enumerate(node.value):
            value = str(item.value) if type(item.value) is int else item.value
            if not isinstance(value, str) or not value:
                faults.add((*path, at), item.line, f"expected a value as text, got {shown(item)} (quote it)")
            elif value == "other":
                faults.add((*path, at), item.line, "'other' is what values that are not admitted are counted under")
            elif value in values:
                faults.add((*path, at), item.line, f"{shown(item)} is there twice")
            else:
                values.append(value)
        if len(node.value) > MOST_VALUES:
            faults.add(path, node.line, f"expected at most {MOST_VALUES} values, got {len(node.value)}")
        return BAD if len(faults) > before else tuple(values)

    def schema(self, definitions: Definitions) -> Schema:
        name = self.name.schema(definitions)
        values = {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_VALUES,
            "items": {"type": ["string", "integer"], "not": {"enum": ["other", ""]}},
        }
        return {
            "anyOf": [
                name,
                {
                    "type": "object",
                    "propertyNames": name,
                    "additionalProperties": values,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        }
