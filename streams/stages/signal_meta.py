"""The piece that says where a SignalStage stands."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec

from streams.effects import Partial
from streams.stages import dimensions, quotas, watch
from streams.summary import Counted

META = "meta"
"""Its name."""


class SignalMeta(msgspec.Struct, array_like=True):
    """What is stored of the stage at every tick, whatever changed."""

    config: str
    """Hash of the file in force."""
    tick: int | None
    first_tick: int | None
    partitions: int
    positions: dict[int, int]
    declared: dict[int, int]
    waiting: list[Partial]
    cells: dict[str, tuple[str, ...]]
    dimensions: dimensions.Stored
    expectations: dict[str, watch.State]
    counted: Counted
    upcoming: list[str]
    """Hashes of the files that were made known and do not hold yet."""
    # What follows came later; what was stored before does not have it.
    standing: list[str] = []
    quotas: quotas.Stored = msgspec.field(default_factory=quotas.Stored)
    files: dict[int, str] = {}
    """Partition -> file of its last partial."""

    def dump(self) -> bytes:
        """For `meta_of`."""
        return zlib.compress(msgspec.msgpack.encode(self), 1)


def meta_of(pieces: Mapping[str, bytes]) -> SignalMeta:
    """Where the stage stood that wrote the pieces. Raises KeyError where they lack it."""
    return _DECODE(zlib.decompress(pieces[META]))


_DECODE = msgspec.msgpack.Decoder(SignalMeta).decode
