"""The docstrings of Struct fields, which Python itself forgets: they are read from the source."""

from __future__ import annotations

import ast
import inspect
from functools import cache

from streams.config.blocks import Block


@cache
def field_docs(block: type[Block]) -> dict[str, str]:
    """Field name -> its docstring on one line, for the fields of this class."""
    module = inspect.getmodule(block)
    if module is None:
        return {}
    docs: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef) and node.name == block.__name__:
            for field, text in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(text, ast.Expr)
                    and isinstance(text.value, ast.Constant)
                    and isinstance(text.value.value, str)
                ):
                    docs[field.target.id] = " ".join(text.value.value.split())
    return docs


def block_doc(block: type[Block]) -> str:
    """The class's docstring on one line."""
    return " ".join((block.__doc__ or "").split())
