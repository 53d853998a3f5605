"""JSON Schema of the file, made from the Structs. It knows the grammar; what needs the whole file, `check` finds."""

from __future__ import annotations

import json
from typing import Any

from streams.config.blocks import Block, block_form
from streams.config.field_docs import block_doc, field_docs
from streams.config.forms import Definitions
from streams.config.structs import Config


def schema() -> dict[str, Any]:
    """The schema, JSON Schema 2020-12."""
    definitions: Definitions = {}
    top = block_form(Config).schema(definitions)
    for block in blocks():
        _describe(definitions[block.__name__], block)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Touchline: the file",
        **top,
        "$defs": definitions,
    }


def schema_text() -> str:
    """The schema as it is shipped in `streams/config/touchline.schema.json`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def blocks() -> list[type[Block]]:
    """All blocks of the file, in the order in which they are met from the top."""
    found: dict[str, Any] = {}
    block_form(Config).schema(found)
    by_name: dict[str, type[Block]] = {}
    waiting: list[type[Block]] = [Block]
    while waiting:
        for block in waiting.pop().__subclasses__():
            by_name[block.__name__] = block
            waiting.append(block)
    return [by_name[name] for name in found if name in by_name]


def _describe(definition: dict[str, Any], block: type[Block]) -> None:
    definition["description"] = block_doc(block)
    docs = field_docs(block)
    whole = definition["anyOf"][-1] if "anyOf" in definition and "properties" not in definition else definition
    form = block_form(block)
    for key, described in whole["properties"].items():
        text = docs.get(form.fields[key].name)
        if text:
            # A new dict: lists and patterns are shared between fields.
            whole["properties"][key] = {"description": text, **described}
