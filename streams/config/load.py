"""Reads the file: text in, a decoded and checked `Config` with its warnings and hash out, or every fault at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from streams.config.advice import warnings_of
from streams.config.blocks import block_form
from streams.config.faults import Faults
from streams.config.forms import BAD
from streams.config.meaning import check_meaning
from streams.config.nodes import read_yaml
from streams.config.secrets import Variables, written
from streams.config.structs import Config
from streams.errors import CannotStart, ConfigError, Fault


class Loaded(msgspec.Struct, frozen=True):
    """A file that can be used."""

    config: Config
    warnings: tuple[Fault, ...]
    """What is worth saying although the file is right; `str()` of one is its line."""
    hash: str
    """16 hex characters of BLAKE2b over the decoded content: comments, order of keys and secrets do not change it."""
    text: str
    """As read; loading it again gives the same hash."""
    name: str = "the file"
    """What it is called in messages."""

    def __repr__(self) -> str:
        return f"Loaded(name={self.name!r}, hash={self.hash!r}, warnings={len(self.warnings)})"  # the text has secrets

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", self.name), ("hash", self.hash), ("warnings", len(self.warnings))]


def load_file(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Loaded:
    """The file at `path`, its secrets from `environ` (the process's own without one).

    Raises ConfigError with all faults, CannotStart when the file cannot be read.
    """
    name = os.fspath(path)
    try:
        text = _read_text(name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotStart(f"cannot read {name}: {reason}; give the YAML file with -c FILE") from None
    return load_text(text, name, environ=os.environ if environ is None else environ, read_file=_read_text)


def load_text(
    text: str,
    name: str = "the file",
    *,
    environ: Mapping[str, str] | None = None,
    read_file: Callable[[str], str] | None = None,
) -> Loaded:
    """The file with this text. Raises ConfigError with all faults.

    `${NAME}` comes from `environ`, or by `read_file` from the file that `NAME_FILE` names. Without `environ` secrets
    stay unread (`Secret.reveal` refuses), which is right for rules of the past that send nothing any more.
    """
    faults = Faults(None if environ is None else Variables(environ, read_file or _no_file))
    root = read_yaml(text, faults)
    config = BAD if root is None else block_form(Config).read(root, (), faults)
    if root is not None:
        check_meaning(root, config if isinstance(config, Config) else None, faults)
    if len(faults) or root is None or not isinstance(config, Config):
        raise ConfigError(faults.in_order(), name)
    config = _with_zone(config)
    return Loaded(config, warnings_of(root, config), hash_of(config), text, name)


def hash_of(config: Config) -> str:
    """16 hex characters that change when, and only when, the content does."""
    content = msgspec.json.encode(msgspec.to_builtins(config, enc_hook=written), order="deterministic")
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _with_zone(config: Config) -> Config:
    """Sources and calendars that name no zone get the file's."""
    sources = {
        name: msgspec.structs.replace(source, timezone=source.timezone or config.timezone)
        for name, source in config.sources.items()
    }
    calendars = {
        name: msgspec.structs.replace(calendar, timezone=calendar.timezone or config.timezone)
        for name, calendar in config.calendars.items()
    }
    return msgspec.structs.replace(config, sources=sources, calendars=calendars)


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None


def _no_file(path: str) -> str:
    raise OSError(f"no files here: {path}")
