"""Stable hashes of texts: the same on every run and machine."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

_ID_BYTES = 16


def digest(parts: Iterable[str], size: int) -> bytes:
    """BLAKE2b of some texts, `size` bytes; each with its length before it, so that no two lists run together."""
    made = hashlib.blake2b(digest_size=size)
    for part in parts:
        body = part.encode()
        made.update(b"%d:" % len(body))
        made.update(body)
    return made.digest()


def identifier(*parts: str) -> str:
    """26 characters `a-z2-7`: base32 over the hash of these texts."""
    return base64.b32encode(digest(parts, _ID_BYTES)).decode().rstrip("=").lower()
