"""The form of `where`: paths and what their fields must be. Its meaning is in `streams.conditions`."""

from __future__ import annotations

from typing import Any

from streams.conditions import OPERATORS
from streams.config.faults import Faults, Path, unknown
from streams.config.forms import BAD, Bad, Definitions, Schema, refuse, shown
from streams.config.nodes import Node

_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_LIST: Schema = {"type": "array", "items": _SCALAR, "minItems": 1}


class WhereForm:
    """A mapping from paths to a value, a list of values, or operators."""

    says = "conditions such as {metric: csat, score: {lte: 2}}"

    def read(self, node: Node, path: Path, faults: Faults) -> dict[str, Any] | Bad:
        if not isinstance(node.value, dict) or not node.value:
            return refuse(self, node, path, faults)
        where: dict[str, Any] = {}
        for field, below in node.value.items():
            if not field.strip() or field == "trait.":
                faults.add((*path, field), below.line, "expected a path such as score, delivery.status or trait.tier")
                continue
            value = _wanted(below, (*path, field), faults)
            if value is not BAD:
                where[field] = value
        return where if len(where) == len(node.value) else BAD

    def schema(self, definitions: Definitions) -> Schema:
        if "Where" not in definitions:
            ordered = {"type": ["string", "number"]}
            properties: dict[str, Schema] = dict.fromkeys(("gt", "gte", "lt", "lte"), ordered)
            properties |= {"ne": _SCALAR, "contains": _SCALAR, "in": _LIST, "not_in": _LIST}
            properties["exists"] = {"type": "boolean"}
            operators: Schema = {
                "type": "object",
                "properties": {name: properties[name] for name in OPERATORS},
                "additionalProperties": False,
                "minProperties": 1,
            }
            definitions["Where"] = {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": r"\S"},
                "additionalProperties": {"anyOf": [_SCALAR, _LIST, operators]},
            }
        return {"$ref": "#/$defs/Where"}


def _wanted(node: Node, path: Path, faults: Faults) -> Any:
    if isinstance(node.value, list):
        return _list(node, path, faults)
    if not isinstance(node.value, dict):
        return _scalar(node, path, faults)
    if not node.value:
        faults.add(path, node.line, f"expected at least one of {' '.join(OPERATORS)}, got {shown(node)}")
        return BAD
    operators: dict[str, Any] = {}
    for name, below in node.value.items():
        value = _operand(name, below, (*path, name), faults)
        if value is not BAD:
            operators[name] = value
    return operators if len(operators) == len(node.value) else BAD


def _operand(name: str, node: Node, path: Path, faults: Faults) -> Any:
    if name not in OPERATORS:
        faults.add(path, node.line, unknown("operator", name, OPERATORS))
        return BAD
    if name in ("in", "not_in"):
        return _list(node, path, faults)
    if name == "exists":
        if isinstance(node.value, bool):
            return node.value
        faults.add(path, node.line, f"expected true or false, got {shown(node)}")
        return BAD
    if name in ("gt", "gte", "lt", "lte") and isinstance(node.value, bool):
        faults.add(path, node.line, f"expected a number or text to compare with, got {shown(node)}")
        return BAD
    return _scalar(node, path, faults)


def _list(node: Node, path: Path, faults: Faults) -> Any:
    if not isinstance(node.value, list) or not node.value:
        faults.add(path, node.line, f"expected a list of values, got {shown(node)}")
        return BAD
    values = [_scalar(item, (*path, at), faults) for at, item in enumerate(node.value)]
    return BAD if any(value is BAD for value in values) else values


def _scalar(node: Node, path: Path, faults: Faults) -> Any:
    if isinstance(node.value, str | int | float):
        return node.value
    hint = "; for a field that is not there write {exists: false}" if node.value is None else ""
    faults.add(path, node.line, f"expected text, a number, true or false, got {shown(node)}{hint}")
    return BAD
