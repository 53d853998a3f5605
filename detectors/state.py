"""States of detectors as bytes: what was written by the same kind of detector comes back bit for bit, or not at all."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np

from detectors.recursion import Recursion

State = TypeVar("State", bound=msgspec.Struct)


def encode(state: msgspec.Struct) -> bytes:
    """A tagged struct as msgpack; floats keep all 64 bits."""
    return msgspec.msgpack.encode(state)


def decode(body: bytes, kind: type[State]) -> State:
    """What `encode` wrote of a struct of this kind. Raises ValueError for anything else."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"no {kind.__name__}: {error}") from error


def fitting(body: bytes, recursion: Recursion) -> bytes:
    """The snapshot of a recursion over as many series and alternatives as this one. Raises ValueError otherwise."""
    if len(body) != recursion.values.nbytes:
        raise ValueError(f"expected {recursion.values.nbytes} bytes of evidence, got {len(body)}")
    values = np.frombuffer(body, "<f8")
    if not np.all(np.isfinite(values)) or values.min() < 0:
        raise ValueError("expected evidence that is finite and not negative")
    return body
