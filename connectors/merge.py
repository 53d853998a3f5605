"""Several inputs as one log: always the head with the smallest (time, position on the command line)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from connectors.row import Row

_FIRST = -(1 << 62)


def merged(inputs: Sequence[Iterator[Row]]) -> Iterator[Row]:
    """Rows of all inputs; each keeps its own order. A row without a time goes out where it stands."""
    if len(inputs) == 1:
        yield from inputs[0]
        return
    heads: list[tuple[int, int, Row]] = []
    for position, rows in enumerate(inputs):
        row = next(rows, None)
        if row is not None:
            heads.append((_FIRST if row.time is None else row.time, position, row))
    heapq.heapify(heads)
    while heads:
        _, position, row = heads[0]
        yield row
        following = next(inputs[position], None)
        if following is None:
            heapq.heappop(heads)
        else:
            time = _FIRST if following.time is None else following.time
            heapq.heapreplace(heads, (time, position, following))
