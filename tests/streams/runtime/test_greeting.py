"""Where the console is, as a newcomer and a log collector hear it."""

from __future__ import annotations

import io
import json

import pytest

from streams.runtime import logs
from streams.runtime.greeting import console_address, greet


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8427/"),
        ("localhost", "http://localhost:8427/"),
        ("0.0.0.0", "http://127.0.0.1:8427/"),
        ("::", "http://[::1]:8427/"),
        ("::1", "http://[::1]:8427/"),
    ],
)
def test_the_address_can_be_clicked(host: str, address: str) -> None:
    assert console_address(host, 8427) == address


def test_a_person_reads_one_line() -> None:
    terminal = Terminal()
    greet("http://127.0.0.1:8427/", "shop.db", stream=terminal)
    greet("http://127.0.0.1:8427/", "shop.db", asks_token=True, stream=terminal)
    assert terminal.getvalue().splitlines() == [
        "Console: http://127.0.0.1:8427/   data: shop.db   Ctrl-C ends it",
        "Console: http://127.0.0.1:8427/ (asks for a token of access.console)   data: shop.db   Ctrl-C ends it",
    ]


def test_a_log_gets_a_line_of_its_own_kind() -> None:
    log = io.StringIO()
    logs.configure(stream=log, pretty=False)
    greet("http://127.0.0.1:8427/", "shop.db", stream=log)
    (line,) = log.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["address"], said["data"]) == ("console_ready", "http://127.0.0.1:8427/", "shop.db")
