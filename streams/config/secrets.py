"""Text of the file that no output may show: tokens, signing secrets, addresses of receivers.

`${NAME}` is replaced from the environment, or from the file that `NAME_FILE` names; only here, nowhere else in the
file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from streams.config.faults import Environment, Faults, Path
from streams.config.forms import BAD, Bad, Definitions, Schema
from streams.config.nodes import Node
from streams.config.receiver_kinds import receiver_kinds
from streams.errors import CannotStart

_PLACE = re.compile(r"\$\{([^}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TARGET = re.compile(r"([a-z][a-z0-9_]{0,47}):(\S+)")


class Variables:
    """Where `${NAME}` comes from; handed in, so that reading the file touches nothing outside it."""

    def __init__(self, variables: Mapping[str, str], read_file: Callable[[str], str]) -> None:
        """`read_file` gives the text of a file by its path; it may raise OSError or ValueError."""
        self._variables = variables
        self._read_file = read_file

    def value(self, name: str) -> str:
        """The value of a name. Raises LookupError with a sentence that shows no value."""
        value = self._variables.get(name, "")
        path = self._variables.get(f"{name}_FILE", "")
        if not value and path:
            try:
                value = self._read_file(path).rstrip("\r\n")
            except (OSError, ValueError):
                raise LookupError(f"the file that {name}_FILE names cannot be read") from None
        if not value:
            raise LookupError(f"neither {name} nor {name}_FILE is set in the environment")
        return value


class Secret:
    """A value that hides itself: only `reveal` gives it away, and no encoder knows the type."""

    __slots__ = ("_value", "written")

    def __init__(self, value: str | None, written: str) -> None:
        self._value = value
        self.written = written
        """As in the file, `${NAME}` not replaced; the value itself where it stands there literally."""

    def reveal(self) -> str:
        """The value, for the one place that sends or compares it."""
        if self._value is None:
            raise CannotStart("a secret of the file was left unread: load it with its environment")
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self.written) == (other._value, other.written)

    def __hash__(self) -> int:
        return hash((self._value, self.written))

    def __repr__(self) -> str:
        return "Secret(***)"


class Target(msgspec.Struct, frozen=True):
    """A receiver, `KIND:URL`."""

    kind: str
    """File name in `connectors/sinks`; empty while the whole text is an unread `${NAME}`."""
    address: Secret
    """What follows the colon."""


class SecretForm:
    """Text that may name the environment and is never shown."""

    says = "text, or ${NAME} of the environment"

    def read(self, node: Node, path: Path, faults: Faults) -> Secret | Bad:
        text = node.value
        if not isinstance(text, str) or not text.strip():
            faults.add(path, node.line, f"expected {self.says} (quote it)")
            return BAD
        if faults.environment is None:
            return Secret(None if "${" in text else text, text)
        value, wrong = _replaced(text, faults.environment)
        for message in wrong:
            faults.add(path, node.line, message)
        return BAD if wrong else Secret(value, text)

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": r"\S"}


class TargetForm:
    """`KIND:URL` of a receiver."""

    says = "a receiver KIND:URL such as webhook:https://example.org/hook"

    def read(self, node: Node, path: Path, faults: Faults) -> Target | Bad:
        if not isinstance(node.value, str):
            faults.add(path, node.line, f"expected {self.says}")
            return BAD
        secret = SecretForm().read(node, path, faults)
        if isinstance(secret, Bad):
            return BAD
        unread = faults.environment is None and "${" in secret.written
        found = _TARGET.fullmatch(secret.written if unread else secret.reveal())
        if unread:
            target = Target(found[1] if found else "", secret)
        elif not found or found[1] in ("http", "https"):
            faults.add(path, node.line, f"expected {self.says}")
            return BAD
        else:
            target = Target(found[1], Secret(found[2], secret.written))
        if target.kind and target.kind not in receiver_kinds():
            # What came from the environment is not shown.
            shown = target.kind if secret.written.startswith(f"{target.kind}:") else "***"
            faults.add(path, node.line, f"unknown kind of receiver '{shown}'; known: {', '.join(receiver_kinds())}")
            return BAD
        return target

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": r"^(?!https?:)[a-z][a-z0-9_]{0,47}:\S+$|\$\{[A-Za-z_][A-Za-z0-9_]*\}"}


def _replaced(text: str, environment: Environment) -> tuple[str, list[str]]:
    wrong: list[str] = []

    def replace(found: re.Match[str]) -> str:
        if not found[0].endswith("}") or not _NAME.fullmatch(found[1]):
            wrong.append("expected ${NAME} with letters, digits and _")
            return ""
        try:
            return environment.value(found[1])
        except LookupError as error:
            wrong.append(f"${{{found[1]}}} has no value: {error.args[0]}")
            return ""

    return _PLACE.sub(replace, text), wrong


def written(value: Any) -> str:
    """Encoder hook: a secret as it is written in the file, so that rotating it does not change the file's hash."""
    if isinstance(value, Secret):
        return value.written
    raise NotImplementedError(f"cannot encode {type(value).__name__}")
