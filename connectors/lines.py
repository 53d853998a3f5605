"""The lines of an input: plain or gzip, file or standard input, with the bytes read so far."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from streams.errors import InputError

STDIN = "-"
_GZIP = b"\x1f\x8b"
_BUFFER = 1 << 20
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


class Lines:
    """One input, opened; iterates its lines as bytes with their line ends."""

    def __init__(self, path: str) -> None:
        """Raises InputError where the input cannot be opened."""
        self.path = path
        is_file = path != STDIN
        self.name = os.path.basename(path) if is_file else "stdin"
        self._is_file = is_file
        try:
            self._file = io.BufferedReader(io.FileIO(path if is_file else 0, "rb", closefd=is_file), _BUFFER)
        except OSError as fault:
            raise InputError(f"{path}: cannot be read: {fault.strerror or fault}") from None
        try:
            self.size = os.fstat(self._file.fileno()).st_size if is_file else 0
            """Bytes on the disk; 0 for standard input."""
            self.compressed = self._file.peek(2)[:2] == _GZIP
            self._lines: BinaryIO = self._file
            if self.compressed:
                unpacked = io.BufferedReader(gzip.GzipFile(fileobj=self._file), _BUFFER)
                first = unpacked.peek(64)
                self._lines = unpacked
            else:
                first = self._file.peek(64)
            if first.startswith(codecs.BOM_UTF8):
                # Some programs begin UTF-8 files with a mark that is no part of the first line.
                self._lines.read(len(codecs.BOM_UTF8))
                first = first[len(codecs.BOM_UTF8) :]
        except _DAMAGED:
            self._file.close()
            raise self._damaged() from None
        except OSError as fault:
            self._file.close()
            raise InputError(f"{path}: cannot be read: {fault.strerror or fault}") from None
        self.starts_like_json = first.lstrip()[:1] == b"{"
        """Whether the first character is that of a JSON object."""

    @property
    def position(self) -> int:
        """Bytes of the file read so far, as they lie on the disk; 0 for standard input, all once it is closed."""
        if not self._is_file:
            return 0
        return self.size if self._file.closed else self._file.tell()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._lines
        except _DAMAGED:
            raise self._damaged() from None
        except OSError as fault:
            raise InputError(f"{self.path}: cannot be read: {fault.strerror or fault}") from None
        finally:
            self.close()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._is_file:
            self._lines.close()
            self._file.close()

    def _damaged(self) -> InputError:
        return InputError(f"{self.path}: the compressed file is damaged or ends early; fetch it again")
