"""Where the console is, said once at the start: a line for a person at a terminal, a line of the log elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

import structlog

_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def console_address(host: str, port: int) -> str:
    """URL of the console for somebody on this machine."""
    return f"http://{_ANY.get(host) or (f'[{host}]' if ':' in host else host)}:{port}/"


def greet(address: str, data: str, *, asks_token: bool = False, stream: TextIO | None = None) -> None:
    """Say that the service runs and where it is looked at. `stream` is standard error unless given."""
    target = stream if stream is not None else sys.stderr
    if target.isatty():
        token = " (asks for a token of access.console)" if asks_token else ""
        target.write(f"Console: {address}{token}   data: {data}   Ctrl-C ends it\n")
        target.flush()
    else:
        structlog.get_logger("streams").info("console_ready", address=address, data=data, asks_token=asks_token)
