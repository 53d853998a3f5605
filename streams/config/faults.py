"""Collects everything wrong with a file, and finds the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Protocol

from streams.errors import Fault

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""


def shown_path(path: Path) -> str:
    """`journeys.purchase.steps[1].within`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


class Environment(Protocol):
    """Gives the value of a name, or raises LookupError with a sentence that shows no value."""

    def value(self, name: str) -> str: ...


class Faults:
    """The faults found so far; nothing stops at the first. What a file is read with travels along."""

    def __init__(self, environment: Environment | None = None) -> None:
        self._found: list[Fault] = []
        self.environment = environment
        """Where `${NAME}` comes from; None: secrets stay unread."""

    def add(self, path: Path, line: int, message: str) -> None:
        """Note one fault."""
        self._found.append(Fault(shown_path(path), line, message))

    def __len__(self) -> int:
        return len(self._found)

    def in_order(self) -> tuple[Fault, ...]:
        """By line of the file, then path; each once."""
        return tuple(sorted(dict.fromkeys(self._found), key=lambda fault: (fault.line, fault.path, fault.message)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, None when nothing is close."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """`unknown key 'witin'; did you mean 'within'?`, else with the list of what is known."""
    names = list(known)
    close = nearest(name, names)
    if close is not None:
        return f"unknown {kind} '{name}'; did you mean '{close}'?"
    if not names:
        return f"unknown {kind} '{name}'; the file has none"
    return f"unknown {kind} '{name}'; known: {', '.join(names)}"
