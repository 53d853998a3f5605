"""What the signals' owner shows of them in Redis, for doors to put before people."""

from __future__ import annotations

import zlib

import msgspec

from streams.effects import DoorCounts
from streams.stages.signal import SignalStage
from streams.view import View

VIEW = "touchline:view"
"""Key of the latest ShownView."""
VIEWERS = "touchline:viewers"
"""Key that is there while somebody looks at a door."""
VIEW_SECONDS = 1.0
UNSEEN_SECONDS = 15.0
"""How often the view is put up while nobody looks."""


class ShownView(msgspec.Struct, frozen=True):
    """The signals as of one moment."""

    epoch: int
    """Of the owner that shows it: a lower one is from an owner that does not know yet that it lost them."""
    time: int
    """UTC epoch microseconds, by the owner's clock."""
    config: str
    """Hash of the file the signals follow."""
    view: View
    door: DoorCounts
    """What happened at the doors since the installation began."""
    care: dict[str, list[int]] = {}
    """As `Internals.care`."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ShownView).decode


def shown(stage: SignalStage, epoch: int, now: int) -> ShownView:
    """What a stage has to show."""
    totals = stage.totals()
    return ShownView(epoch, now, stage.hash, stage.view(), totals.door, totals.care)


def encode_view(view: ShownView) -> bytes:
    """As kept."""
    return zlib.compress(_encode(view), 1)


def decode_view(body: bytes) -> ShownView | None:
    """None for what another release wrote differently."""
    try:
        return _decode(zlib.decompress(body))
    except (msgspec.MsgspecError, zlib.error):
        return None
