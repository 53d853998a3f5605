"""A file's cell as a value: text stays text, what is a JSON number is a number, an empty cell is missing."""

from __future__ import annotations

import math
import re
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:(\.[0-9]+)?([eE][+-]?[0-9]+)?)").fullmatch
_FIRST = frozenset("-0123456789")
_WHOLE = 2**63


def value_of(cell: str) -> str | int | float | None:
    """A CSV cell as JSON would have it. No number is invented: `007`, `+5`, `1,5` and numbers too large stay text."""
    if not cell:
        return None
    if cell[0] not in _FIRST:
        return cell if not cell.isspace() else None
    if cell.isdigit() and cell.isascii() and len(cell) < 19:
        return int(cell) if cell[0] != "0" or cell == "0" else cell
    found = _NUMBER(cell)
    if found is None:
        return cell
    if found[1] is None and found[2] is None:
        # A longer number than any reader's integer would lose digits on the way.
        return int(cell) if len(cell) < 21 and -_WHOLE <= int(cell) < _WHOLE else cell
    number = float(cell)
    return number if math.isfinite(number) else cell


def text_of(value: Any) -> str | None:
    """A cell of a foreign JSON row as text; None for what is missing, empty, or no scalar."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value) if -_WHOLE <= value < _WHOLE else None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
    return None
