"""Lists, tables and blocks: how a Struct's annotations become the form of a mapping in the file."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from streams.config.faults import Faults, Path, nearest, unknown
from streams.config.forms import BAD, Bad, Definitions, Flag, Form, Number, OneOf, Schema, Text, refuse
from streams.config.nodes import Node


class Block(msgspec.Struct, frozen=True, kw_only=True, rename=lambda name: name.rstrip("_")):
    """A mapping of the file with known keys. The Struct is the only place where a default is written."""

    shorthand: ClassVar[str] = ""
    """Field that is meant when a plain value stands where the mapping could."""
    hidden: ClassVar[tuple[str, ...]] = ()
    """Fields that cannot be written as a key."""
    others: ClassVar[str] = ""
    """Field that takes all keys which are no field (a dict)."""
    secretive: ClassVar[bool] = False
    """Whether what stands in its place may be a secret and is not shown."""

    @classmethod
    def complete(cls, given: dict[str, Any]) -> None:
        """Fill in defaults that depend on other keys; `given` has the fields that the file sets."""

    def check(self) -> Iterator[tuple[Path, str]]:
        """Faults that the keys of this block have only together, with their path inside it."""
        return iter(())


class Many:
    """A list; `single` allows one item to stand for a list of one."""

    def __init__(self, item: Form, single: bool = False, least: int = 0) -> None:
        self.item = item
        self.single = single
        self.least = least
        self.says = f"{item.says}, or a list of them" if single else f"a list, each item {item.says}"

    def read(self, node: Node, path: Path, faults: Faults) -> tuple[Any, ...] | Bad:
        if not isinstance(node.value, list):
            if not self.single:
                return refuse(self, node, path, faults)
            value = self.item.read(node, path, faults)
            return BAD if value is BAD else (value,)
        if len(node.value) < self.least:
            faults.add(path, node.line, f"expected at least {self.least} item{'s' * (self.least > 1)}, got none")
            return BAD
        values = [self.item.read(item, (*path, at), faults) for at, item in enumerate(node.value)]
        return BAD if any(value is BAD for value in values) else tuple(values)

    def schema(self, definitions: Definitions) -> Schema:
        item = self.item.schema(definitions)
        many: Schema = {"type": "array", "items": item}
        if self.least:
            many["minItems"] = self.least
        return {"anyOf": [item, many]} if self.single else many


class Table:
    """A mapping from names to values of one form, in the order of the file."""

    def __init__(self, key: Text | OneOf, value: Form) -> None:
        self.key = key
        self.value = value
        self.says = f"a mapping, each value {value.says}"

    def read(self, node: Node, path: Path, faults: Faults) -> dict[str, Any] | Bad:
        if not isinstance(node.value, dict):
            return refuse(self, node, path, faults)
        table = {}
        for name, below in node.value.items():
            if self.key.read(Node(name, below.line), (*path, name), faults) is BAD:
                continue
            value = self.value.read(below, (*path, name), faults)
            if value is not BAD:
                table[name] = value
        return table

    def schema(self, definitions: Definitions) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.key.schema(definitions),
            "additionalProperties": self.value.schema(definitions),
        }


class BlockForm:
    """A mapping that becomes a Struct."""

    def __init__(self, block: type[Block]) -> None:
        self.block = block
        hints = typing.get_type_hints(block, include_extras=True)
        self.fields = {field.encode_name: field for field in msgspec.structs.fields(block)}
        self.forms: dict[str, Form] = {key: form_of(hints[field.name]) for key, field in self.fields.items()}
        self.rest = self.forms[block.others] if block.others else None
        if self.rest is not None and not isinstance(self.rest, Table):
            raise TypeError(f"{block.__name__}.{block.others} must be a dict")
        self.keys = [key for key, field in self.fields.items() if field.name not in (*block.hidden, block.others)]
        self.says = f"a mapping with {', '.join(self.keys)}"
        if block.shorthand:
            self.says = f"{self.forms[block.shorthand].says}, or {self.says}"

    def read(self, node: Node, path: Path, faults: Faults) -> Any:
        if not isinstance(node.value, dict):
            return self._read_shorthand(node, path, faults)
        given: dict[str, Any] = {}
        rest = {key: below for key, below in node.value.items() if key not in self.keys}
        meant = {nearest(key, self.keys) for key in rest} if self.rest is None else set()
        sound = True
        for key in self.keys:
            field = self.fields[key]
            value_node = node.value.get(key)
            if value_node is None or value_node.value is None:
                if field.required and key not in meant:
                    where = node.line if value_node is None else value_node.line
                    faults.add(path, where, f"'{key}' is missing; expected {self.forms[key].says}")
                continue
            value = self.forms[key].read(value_node, (*path, key), faults)
            if value is BAD:
                sound = False
            else:
                given[field.name] = value
        self._read_rest(rest, path, faults, given)
        return self._build(node, path, faults, given, sound, meant)

    def _read_rest(self, rest: dict[str, Node], path: Path, faults: Faults, given: dict[str, Any]) -> None:
        if self.rest is not None:
            line = min((node.line for node in rest.values()), default=1)
            table = self.rest.read(Node(dict(rest), line), path, faults)
            if table is not BAD:
                given[self.block.others] = table
            return
        for key, below in rest.items():
            faults.add((*path, key), below.line, unknown("key", key, self.keys))

    def _read_shorthand(self, node: Node, path: Path, faults: Faults) -> Any:
        short = self.block.shorthand
        if not short or node.value is None or isinstance(node.value, list):
            if self.block.secretive:
                faults.add(path, node.line, f"expected {self.says}")
                return BAD
            return refuse(self, node, path, faults)
        value = self.forms[short].read(node, path, faults)
        given = {} if value is BAD else {self.fields[short].name: value}
        return self._build(node, path, faults, given, value is not BAD, set())

    def _build(
        self, node: Node, path: Path, faults: Faults, given: dict[str, Any], sound: bool, meant: set[str | None]
    ) -> Any:
        """The Struct; `sound`: no value was bad, `meant`: keys that are probably there under another name."""
        if any(field.required and field.name not in given for field in self.fields.values()):
            return BAD
        self.block.complete(given)
        built = self.block(**given)
        if not sound:  # a default stands in for what is wrong, and would only be blamed for it
            return built
        for below, message in built.check():
            if not any((key,) == below[:1] or f"`{key}`" in message for key in meant):
                faults.add((*path, *below), node.line_of(below), message)
        return built

    def schema(self, definitions: Definitions) -> Schema:
        name = self.block.__name__
        if name not in definitions:
            definitions[name] = {}
            properties = {key: self.forms[key].schema(definitions) for key in self.keys}
            whole: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
            required = [key for key in self.keys if self.fields[key].required]
            if required:
                whole["required"] = required
            if isinstance(self.rest, Table):
                whole["additionalProperties"] = self.rest.value.schema(definitions)
            if self.block.shorthand:
                whole = {"anyOf": [self.forms[self.block.shorthand].schema(definitions), whole]}
            definitions[name] = whole
        return {"$ref": f"#/$defs/{name}"}


class Choice:
    """One of several blocks, told apart by the keys that are there."""

    def __init__(self, blocks: tuple[BlockForm, ...]) -> None:
        self.blocks = blocks
        self.says = ", or ".join(block.says for block in blocks)

    def read(self, node: Node, path: Path, faults: Faults) -> Any:
        keys = set(node.keys())
        if isinstance(node.value, dict):
            best = max(self.blocks, key=lambda block: len(keys.intersection(block.keys)))
            return best.read(node, path, faults)
        for block in self.blocks:
            if block.block.shorthand:
                return block.read(node, path, faults)
        return refuse(self, node, path, faults)

    def schema(self, definitions: Definitions) -> Schema:
        return {"anyOf": [block.schema(definitions) for block in self.blocks]}


@cache
def block_form(block: type[Block]) -> BlockForm:
    """The form of a Struct."""
    return BlockForm(block)


def form_of(hint: Any) -> Form:
    """The form of an annotation: the one it names, else the one its type implies."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is Annotated:
        form: Form = arguments[1]
        return form
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        if len(inner) == 1:
            return form_of(inner[0])
        return Choice(tuple(block_form(block) for block in inner))
    if origin is Literal:
        return OneOf(arguments)
    if origin is tuple:
        return Many(form_of(arguments[0]))
    if origin is dict:
        key = form_of(arguments[0])
        if not isinstance(key, Text | OneOf):
            raise TypeError(f"no form for a key {arguments[0]!r}")
        return Table(key, form_of(arguments[1]))
    simple: dict[Any, Form] = {bool: Flag(), int: Number(whole=True), float: Number(), str: Text()}
    if hint in simple:
        return simple[hint]
    if isinstance(hint, type) and issubclass(hint, Block):
        return block_form(hint)
    raise TypeError(f"no form for {hint!r}")
