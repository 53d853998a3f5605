"""Structured logs: pretty on a terminal, JSON elsewhere; quiet in normal operation and free of personal data.

An event is a constant past-tense phrase, facts are fields (`batch_committed events=500 late=3`, one line per batch,
at debug). Never logged: ids of customers, what events hold, request paths (routes are), and the text of exceptions,
which may quote what they stumbled over; of an exception its kind and place are kept.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

LEVELS = ("debug", "info", "warning", "error")
_FRAMES = 12


def configure(level: str = "info", stream: TextIO | None = None, pretty: bool | None = None) -> None:
    """Set up structlog and the standard library's logging, which libraries use, to write one form to one stream.

    `level` is one of LEVELS; libraries are heard from warning on. `stream` is standard error unless given; `pretty`
    follows from whether it is a terminal.
    """
    if level not in LEVELS:
        raise ValueError(f"log level: expected one of {', '.join(LEVELS)}, got {level!r}")
    target = stream if stream is not None else sys.stderr
    if pretty if pretty is not None else target.isatty():
        form: Any = structlog.dev.ConsoleRenderer(pad_event_to=24)
    else:
        form = structlog.processors.JSONRenderer()
    chain = [structlog.processors.TimeStamper(fmt="iso", utc=True), place_of_exception, form]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, *chain],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _LibraryHandler)]:
        root.removeHandler(old)
    root.addHandler(_LibraryHandler(target, chain))
    root.setLevel(logging.WARNING)


def place_of_exception(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info` by the exception's kind and the places it came through."""
    info = event.pop("exc_info", None)
    if not info:
        return event
    if isinstance(info, tuple):
        error = info[1]
    elif isinstance(info, BaseException):
        error = info
    else:
        error = sys.exc_info()[1]
    if error is None:
        return event
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    event["error"] = type(error).__name__
    event["at"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return event


class _LibraryHandler(logging.Handler):
    """Writes what libraries log through the same processors.

    Only the template's first line is kept: arguments, and what asyncio quotes further down, may be a customer's.
    """

    def __init__(self, stream: TextIO, chain: list[Any]) -> None:
        super().__init__(logging.WARNING)
        self._stream = stream
        self._chain = chain

    def emit(self, record: logging.LogRecord) -> None:
        text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        line: Any = {"event": text.partition("\n")[0], "level": record.levelname.lower(), "library": record.name}
        line["line"] = f"{_short(record.pathname)}:{record.lineno}"
        line["exc_info"] = record.exc_info
        try:
            for process in self._chain:
                line = process(None, record.levelname.lower(), line)
            self._stream.write(line + "\n")
            self._stream.flush()
        except Exception:
            self.handleError(record)


def _short(path: str) -> str:
    return "/".join(path.rsplit("/", 3)[1:])
