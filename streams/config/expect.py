"""`expect:` – a threshold of the user's own, on a signal or on a step's conversion."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from streams import units
from streams.config.faults import Faults, Path, unknown
from streams.config.forms import BAD, Bad, Definitions, Parsed, Schema, refuse
from streams.config.nodes import Node

Quantity = Literal["value", "p50", "p75", "p90", "p95", "p99", "share", "rate", "conversion"]
QUANTITIES: tuple[str, ...] = get_args(Quantity)


class Expect(msgspec.Struct, frozen=True):
    """One quantity and the side it should be on.

    Breached when n is at least `min_n` and the 95 % interval lies wholly on the wrong side; recovered when the estimate
    has been right for 5 minutes. Outside the alarm budget.
    """

    quantity: Quantity
    operator: units.Operator
    target: float
    """In the signal's own unit; ratios between 0 and 1."""
    over: int = units.HOUR
    """Length of the window, microseconds."""
    percent: bool = False
    """Written with `%`; `target` is already divided by 100."""


class ExpectForm:
    """`{p90: "<= 360", over: 1h}`; several quantities share one window."""

    says = 'an expectation such as {p90: "<= 360", over: 1h}'
    comparison = Parsed('a comparison such as "<= 360"', units.parse_comparison, units.COMPARISON_PATTERN)
    over = Parsed("a duration such as 1h", units.parse_duration, units.DURATION_PATTERN)

    def read(self, node: Node, path: Path, faults: Faults) -> tuple[Expect, ...] | Bad:
        if not isinstance(node.value, dict):
            return refuse(self, node, path, faults)
        before = len(faults)
        over: Any = units.HOUR
        found: list[tuple[str, units.Comparison]] = []
        for key, below in node.value.items():
            if key == "over":
                over = self.over.read(below, (*path, key), faults)
                if over is not BAD and (over < units.SECOND or over % units.SECOND):
                    faults.add((*path, key), below.line, "expected whole seconds, at least 1s")
            elif key not in QUANTITIES:
                faults.add((*path, key), below.line, unknown("quantity", key, (*QUANTITIES, "over")))
            else:
                comparison = self.comparison.read(below, (*path, key), faults)
                if comparison is not BAD:
                    found.append((key, comparison))
        if not found and len(faults) == before:
            faults.add(path, node.line, f"expected at least one of {', '.join(QUANTITIES)}")
        if len(faults) > before:
            return BAD
        return tuple(
            Expect(quantity, comparison.operator, comparison.target, over, comparison.percent)  # type: ignore[arg-type]
            for quantity, comparison in found
        )

    def schema(self, definitions: Definitions) -> Schema:
        if "Expect" not in definitions:
            properties: dict[str, Schema] = {name: self.comparison.schema(definitions) for name in QUANTITIES}
            definitions["Expect"] = {
                "type": "object",
                "properties": {**properties, "over": self.over.schema(definitions)},
                "additionalProperties": False,
                "anyOf": [{"required": [name]} for name in QUANTITIES],
            }
        return {"$ref": "#/$defs/Expect"}
