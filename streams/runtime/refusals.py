"""When the service does not take what is asked of it: the answers over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streams.runtime.problems import Problem
from streams.runtime.service import Busy, Stopped


@contextmanager
def refusing(done: str) -> Iterator[None]:
    """Turn Busy into Problem 429 and Stopped into 503; `done` says what was not, such as `written`."""
    try:
        yield
    except Busy as busy:
        raise Problem(
            429,
            "busy",
            f"More is waiting than is being worked off. Nothing was {done}; send it again in"
            f" {busy.retry_after_seconds} s.",
            headers={"Retry-After": str(busy.retry_after_seconds)},
        ) from busy
    except Stopped as stopped:
        raise Problem(503, "stopped", f"Nothing was {done}: {stopped.reason}") from stopped
