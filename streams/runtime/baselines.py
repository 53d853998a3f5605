"""What a history taught, as a file: written by `replay --learn`, taken by `--learnt`."""

from __future__ import annotations

import argparse
from pathlib import Path

from streams.config.load import Loaded
from streams.errors import InputError
from streams.stages.detection import Detection


def option(parser: argparse.ArgumentParser) -> None:
    """Declare `--learnt`."""
    parser.add_argument(
        "--learnt", metavar="FILE", help="begin with what is normal according to a history (from replay --learn)"
    )


def read(path: str | None, loaded: Loaded) -> bytes | None:
    """The baselines in a file, checked against the rules. Raises InputError."""
    if path is None:
        return None
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        Detection(loaded.config).learn(body)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    return body
