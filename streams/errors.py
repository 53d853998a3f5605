"""What Touchline raises, as a tree. A message says what, where, what was expected and what to do.

    TouchlineError          anything meant for the person in front of the terminal
    ├── ConfigError         the file has faults; carries all of them            exit code 1
    ├── InputError          an input file or body cannot be read as a whole     exit code 1
    ├── UsageError          the command line asks for something impossible      exit code 2
    └── CannotStart         a service refuses to start, or must stop            exit code 3

One bad record is never an exception past the codec: it is a dead letter.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class TouchlineError(Exception):
    """Base of everything raised on purpose; its text is one line for a person."""

    exit_code = 1


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong, or worth a warning, in the file."""

    path: str
    """Where in the file, such as `journeys.purchase.steps[1].within`; empty for the file as a whole."""
    line: int
    """Line of the file, from 1."""
    message: str
    """What was expected and what is there. Never shows a secret."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def at(self, name: str) -> str:
        """`FILE:LINE: path: message`, as editors and terminals jump to it."""
        return f"{name}:{self.line}: {self}"


class ConfigError(TouchlineError):
    """The file cannot be used; `faults` has every reason, in the order of the file."""

    def __init__(self, faults: Sequence[Fault], name: str = "the file") -> None:
        self.faults = tuple(faults)
        self.name = name
        super().__init__("\n".join(fault.at(name) for fault in self.faults))


class InputError(TouchlineError):
    """An input cannot be read as a whole: missing, not gzip, no such column."""


class UsageError(TouchlineError):
    """The command line is understood but asks for something impossible."""

    exit_code = 2


class CannotStart(TouchlineError):
    """A precondition of running is not met: a file is locked, an address has no tokens, a server is missing."""

    exit_code = 3
