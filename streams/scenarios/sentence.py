"""One line of a story: `WHEN [WHO] WHAT`, as in `3d 10:00 anna order.delivered`."""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.scenarios.moments import Moments

_WHAT = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+")
SAYS = "a line such as `3d 10:00 order.delivered`, with the customer before the event where there are several"


class Sentence(NamedTuple):
    """What a line says."""

    at: int
    """UTC epoch microseconds."""
    who: str | None
    what: str


def read_sentence(text: str, moments: Moments) -> Sentence:
    """Raises ValueError."""
    words = text.split()
    if len(words) < 2 or _WHAT.fullmatch(words[-1]) is None:
        raise ValueError(f"expected {SAYS}, got {text!r}")
    *before, what = words
    try:
        return Sentence(moments.read(" ".join(before)), None, what)
    except ValueError:
        if len(before) < 2:
            raise
    return Sentence(moments.read(" ".join(before[:-1])), before[-1], what)
