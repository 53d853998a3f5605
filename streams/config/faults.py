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
        self._unreadable: set[str] = set()

    def add(self, path: Path, line: int, message: str) -> None:
        """Note one fault."""
        self._found.append(Fault(shown_path(path), line, message))

    def add_unreadable(self, path: Path, line: int, message: str) -> None:
        """Note a fault that leaves no value behind; what is then missed at the same place is not worth telling."""
        self.add(path, line, message)
        self._unreadable.add(shown_path(path))

    def __len__(self) -> int:
        return len(self._found)

    def in_order(self) -> tuple[Fault, ...]:
        """By line of the file, then path; each once."""
        first: dict[str, Fault] = {}
        for fault in self._found:
            if fault.path in self._unreadable:
                first.setdefault(fault.path, fault)
        told = [fault for fault in dict.fromkeys(self._found) if first.get(fault.path, fault) is fault]
        return tuple(sorted(told, key=lambda fault: (fault.line, fault.path, fault.message)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, None when nothing is close."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def unknown(kind: str, name: str, known: Iterable[str], of: str = "") -> str:
    """`unknown key 'witin'; did you mean 'within'?`, else with the list of what is known."""
    names = list(known)
    what = f"unknown {kind} '{name}'" + (f" of '{of}'" if of else "")
    close = nearest(name, names)
    if close is not None:
        return f"{what}; did you mean '{close}'?"
    if not names:
        return f"{what}; the file has none"
    return f"{what}; known: {', '.join(names)}"
