"""What every server fixture shares: a free port, a process that answers before it is used, and what to do without."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(__file__).parents[2] / ".cache"
"""Programs fetched for tests; kept between runs, never committed."""


class ServerMissing(Exception):
    """A server cannot be started here; the message says why and what would mend it."""


def skip_or_fail(reason: str) -> NoReturn:
    """Leave the test: skipped with `reason`, or failed where CI=true, because there nothing may go untested."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (a skip elsewhere; CI=true makes it a failure)", pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A port of the loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, limit_s: float = 30.0, every_s: float = 0.02) -> None:
    """Return as soon as `condition()` holds; after `limit_s` seconds raise TimeoutError naming `what`.

    `every_s`: between two looks, longer where a look costs something.
    """
    limit = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {limit_s:.0f} s in vain: {what}")
        time.sleep(every_s)  # processes and servers tell nobody when they get there: it is looked again


@contextlib.contextmanager
def alone(name: str) -> Iterator[Path]:
    """The cache folder `name`, held by this process only, so that two test runs do not fetch into it at once."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


class Server:
    """A child process with its output in a file. `start` returns once `answers()` is true."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, answers: Callable[[], bool]) -> None:
        self.name = name
        self.folder = folder
        self._command = list(command)
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> str:
        """What the server has written so far."""
        path = self.folder / f"{self.name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self, limit_s: float = 30.0) -> None:
        """Raises ServerMissing, with the end of its output, when it ends or does not answer in time."""
        with (self.folder / f"{self.name}.log").open("ab") as output:
            process = subprocess.Popen(self._command, stdout=output, stderr=output, cwd=self.folder)
        self._process = process
        try:
            wait_until(lambda: process.poll() is not None or self._answers(), f"{self.name} to answer", limit_s)
        except TimeoutError as error:
            self.kill()
            raise ServerMissing(f"{error}; its last words: {self.log[-500:]}") from None
        if process.poll() is not None:
            raise ServerMissing(f"{self.name} ended at its start: {self.log[-500:]}")

    def stop(self, limit_s: float = 20.0) -> None:
        """End it politely, by force when it does not listen."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9: what it had not written to disk is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
