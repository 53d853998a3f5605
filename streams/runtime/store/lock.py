"""One process per data file: an exclusive lock beside it that says who holds it and where it listens."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

import msgspec

from streams.errors import CannotStart


class Holder(msgspec.Struct, frozen=True):
    """Who has the file open."""

    pid: int
    listen: str | None
    """HOST:PORT of its HTTP side, None without one."""


def lock_path(data: Path) -> Path:
    """Where the lock of a data file is."""
    return data.with_name(data.name + ".lock")


class FileLock:
    """Held from construction until `release`; the operating system lets it go when the process dies.

    Raises CannotStart when another process holds it, or when the folder cannot be written.
    """

    def __init__(self, data: Path, listen: str | None = None) -> None:
        path = lock_path(data)
        if not data.parent.is_dir():
            raise CannotStart(f"{data}: the folder {data.parent} does not exist; create it, or name another --data")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise CannotStart(f"{path}: {error.strerror}; Touchline needs to write beside its data file") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _read(self._file)
            os.close(self._file)
            who = "another process" if holder is None else f"process {holder.pid}"
            where = f", listening on {holder.listen}" if holder is not None and holder.listen else ""
            raise CannotStart(
                f"{data} is in use by {who}{where}; stop it first, or name another file with --data"
            ) from None
        self.announce(listen)

    def announce(self, listen: str | None) -> None:
        """Say where this process listens, for those who find the file locked."""
        body = msgspec.json.encode(Holder(os.getpid(), listen))
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, body, 0)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(data: Path) -> Holder | None:
    """Who holds the lock of a data file now; None when nobody does."""
    try:
        file = os.open(lock_path(data), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotStart(f"{lock_path(data)}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(file) or Holder(0, None)
    finally:
        os.close(file)
    return None


def _read(file: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(file, 4096, 0), type=Holder)
    except msgspec.MsgspecError:
        return None
