"""A Touchline file written into a scenario, with its lines where they are, so that faults point at them."""

from __future__ import annotations

import textwrap

import yaml

from streams.config.nodes import Node

_VERSION = "version: 1"


def inline_file(text: str, node: Node) -> str:
    """The file's own text out of the scenario's. `version: 1` may be left out."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "the scenario has been read"
    value = next(value for key, value in root.value if key.value == "file")
    if isinstance(value, yaml.MappingNode) and value.flow_style:
        # On one line, where its faults are found anyway.
        return yaml.safe_dump({"version": 1, **node.plain()}, allow_unicode=True)
    if isinstance(value, yaml.MappingNode):
        first = value.start_mark.line
        lines = text.splitlines(keepends=True)[first : value.end_mark.line + (value.end_mark.column > 0)]
        body = textwrap.dedent("".join(lines))
        keys = node.keys()
    else:
        first, body = value.start_mark.line + 1, value.value
        keys = tuple(line.split(":")[0] for line in body.splitlines())
    return ("\n" if "version" in keys else f"{_VERSION}\n") + "\n" * (first - 1) + body
