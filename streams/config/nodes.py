"""YAML text as a tree that knows its lines.

Scalars are read as JSON would: `true false`, `null`, JSON numbers; everything else is text. So `on`, `off` and `no` are
words, `21:00` is no number and `2026-01-01` is no date, whatever YAML 1.1 says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from streams.config.faults import Faults, Path

Scalar = str | int | float | bool | None

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MOST_NODES = 200_000
_DEEPEST = 100
_QUOTE = re.compile(r"^[^#]*[:\-\[,{]\s*(>=?|!=|%|@|`|\*|&)")
_CONTENT = re.compile(r"'[^'<>]{3,}'")


class Node:
    """A value of the file and the line it begins on (that of its key, where it has one)."""

    __slots__ = ("line", "value")

    def __init__(self, value: Scalar | dict[str, Node] | list[Node], line: int) -> None:
        self.value = value
        self.line = line

    def child(self, part: str | int) -> Node | None:
        """What is under a key or at a position."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def line_of(self, path: Path) -> int:
        """Line of what is at `path` below this node, or of the last part of it that exists."""
        node = self
        for part in path:
            below = node.child(part)
            if below is None:
                break
            node = below
        return node.line

    def at(self, *path: str | int) -> Node | None:
        """What is at `path` below this node."""
        node: Node | None = self
        for part in path:
            if node is None:
                return None
            node = node.child(part)
        return node

    def keys(self) -> tuple[str, ...]:
        """Keys of a mapping, else nothing."""
        return tuple(self.value) if isinstance(self.value, dict) else ()

    def plain(self) -> Any:
        """The tree as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read_yaml(text: str, faults: Faults) -> Node | None:
    """The tree of a file; None when it is no YAML at all, with the reason among the faults."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        faults.add((), line, f"not valid YAML: {_reason(error, text, line)}")
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.add((), line, f"not valid YAML: character U+{ord(text[error.position]):04X} is not allowed")
        return None
    except RecursionError:
        faults.add((), 1, f"nested deeper than {_DEEPEST} levels")
        return None
    if root is None:
        faults.add((), 1, "the file is empty; begin with `version: 1`")
        return None
    return _Reading(faults).convert(root, (), root.start_mark.line + 1, 0)


def _reason(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    reason = ", ".join(part for part in (error.context, error.problem) if part)
    reason = _CONTENT.sub("'…'", reason)  # it may be part of a secret
    lines = text.splitlines()
    if line <= len(lines) and _QUOTE.match(lines[line - 1]):
        reason += '; text that begins with > ! % @ * & needs quotes, such as ">= 80%"'
    return reason


class _Reading:
    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.nodes = 0
        self.open: set[int] = set()

    def convert(self, node: yaml.Node, path: Path, line: int, depth: int) -> Node:
        self.nodes += 1
        if id(node) in self.open:
            self.faults.add_unreadable(path, line, "refers to itself through an alias")
            return Node(None, line)
        if self.nodes > _MOST_NODES or depth > _DEEPEST:
            if self.nodes == _MOST_NODES + 1 or depth == _DEEPEST + 1:
                self.faults.add_unreadable(path[:8], line, f"more than {_MOST_NODES:,} values or {_DEEPEST} levels")
            return Node(None, line)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return Node(self._mapping(node, path, depth), line)
            if isinstance(node, yaml.SequenceNode):
                items = [
                    self.convert(item, (*path, at), item.start_mark.line + 1, depth + 1)
                    for at, item in enumerate(node.value)
                ]
                return Node(items, line)
            assert isinstance(node, yaml.ScalarNode)
            return Node(self._scalar(node, path, line), line)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        inherited: dict[str, Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.faults.add(path, line, "a key must be text, not a list or a mapping")
                continue
            if key.value == "<<" and key.style is None:
                for name, below in self._merged(value, path, line, depth):
                    inherited.setdefault(name, below)
                continue
            if key.value in found:
                first = found[key.value].line
                self.faults.add((*path, key.value), line, f"the key is there twice (first on line {first})")
                continue
            found[key.value] = self.convert(value, (*path, key.value), line, depth + 1)
        return {**inherited, **found}

    def _merged(self, value: yaml.Node, path: Path, line: int, depth: int) -> Iterator[tuple[str, Node]]:
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self.faults.add(path, line, "`<<` takes a mapping, or a list of them")
                continue
            below = self.convert(source, path, line, depth + 1)
            if isinstance(below.value, dict):
                yield from below.value.items()

    def _scalar(self, node: yaml.ScalarNode, path: Path, line: int) -> Scalar:
        text: str = node.value
        if node.style is not None:
            return text
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self.faults.add_unreadable(path, line, "a tag has no meaning here; text that begins with ! needs quotes")
            return None
        if text in _NULLS:
            return None
        if text in _TRUTHS:
            return _TRUTHS[text]
        if _NUMBER.fullmatch(text):
            return int(text) if text.lstrip("-").isdigit() else float(text)
        return text
