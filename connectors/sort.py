"""Rows in order of (time, sequence, source, id), in bounded memory: sorted runs on disk, then one merge."""

from __future__ import annotations

import heapq
import struct
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from connectors.row import Row
from streams import codec
from streams.model import Event

RUN_ROWS = 200_000
"""Rows held in memory at once."""
RUN_BYTES = 64 << 20
"""Bytes of rows held in memory at once, roughly."""
MOST_RUNS = 100
"""Runs open at once; beyond, they are merged into one."""

_FIRST = -(1 << 62)
_LENGTH = struct.Struct("<I")


class _Kept(msgspec.Struct, array_like=True, order=True):
    """A row in a run; compares by its order, the last field of which is the place in the input."""

    time: int
    sequence: int | float
    source: str
    id: str
    place: int
    received: int | None
    known: int | None
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


def in_order(rows: Iterable[Row], *, run_rows: int = RUN_ROWS, run_bytes: int = RUN_BYTES) -> Iterator[Row]:
    """All rows, sorted. Rows without a time come first, in their own order; equal keys keep theirs."""
    runs: list[IO[bytes]] = []
    kept: list[_Kept] = []
    size = 0
    try:
        for place, row in enumerate(rows):
            one = _keep(row, place)
            kept.append(one)
            size += len(one.body) + 200
            if len(kept) >= run_rows or size >= run_bytes:
                kept.sort()
                runs.append(_write(kept))
                kept, size = [], 0
                if len(runs) >= MOST_RUNS:
                    merged = _write(heapq.merge(*map(_read, runs)))
                    for run in runs:
                        run.close()
                    runs = [merged]
        kept.sort()
        for one in heapq.merge(*map(_read, runs), kept) if runs else kept:
            yield Row(one.body, one.known, one.received)
    finally:
        for run in runs:
            run.close()


def _keep(row: Row, place: int) -> _Kept:
    body = row.body
    if row.time is None:
        raw = codec.encode(body) if isinstance(body, Event) else body
        return _Kept(_FIRST, 0, "", "", place, row.received, None, raw)
    event = body if isinstance(body, Event) else codec.decode(body)
    raw = codec.encode(body) if isinstance(body, Event) else body
    if not isinstance(event, Event):
        return _Kept(row.time, 0, "", "", place, row.received, row.time, raw)
    order = codec.sequence_number(event.sequence)
    return _Kept(row.time, order, event.source, event.id, place, row.received, row.time, raw)


def _write(rows: Iterable[_Kept]) -> IO[bytes]:
    run = tempfile.TemporaryFile(prefix="touchline-sort-", buffering=1 << 20)  # noqa: SIM115  # lives until merged
    for row in rows:
        packed = _encode(row)
        run.write(_LENGTH.pack(len(packed)))
        run.write(packed)
    run.seek(0)
    return run


def _read(run: IO[bytes]) -> Iterator[_Kept]:
    while head := run.read(_LENGTH.size):
        yield _decode(run.read(_LENGTH.unpack(head)[0]))
