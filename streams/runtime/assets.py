"""The console's files as they are sent: compressed once, told apart by what is in them."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

_LEVEL = 9


class Asset(NamedTuple):
    """A file's content."""

    body: bytes
    zipped: bytes
    """The same by gzip."""
    tag: str
    """Its ETag: weak, as both ways of sending it share it."""


class Assets:
    """Reads files, and again only those that have changed since."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[tuple[int, int], Asset]] = {}

    def read(self, path: Path) -> Asset | None:
        """None where there is no such file."""
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            kept = self._kept.get(path)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            body = path.read_bytes()
        except OSError:
            return None
        tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        asset = Asset(body, gzip.compress(body, _LEVEL, mtime=0), tag)
        self._kept[path] = (stamp, asset)
        return asset
