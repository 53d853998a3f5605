"""What the commands over history share: their options for inputs, the files they write, a bar of how far they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from connectors.files import Files, read_files
from streams.config.load import Loaded
from streams.errors import InputError, UsageError
from streams.units import parse_time

Told = Callable[[int, int], None]
"""Gets the bytes read so far and the bytes there are, 0 where nobody knows."""


def inputs(parser: argparse.ArgumentParser) -> None:
    """Declare what is read and how: `events`."""
    parser.add_argument("events", nargs="+", metavar="EVENTS", help="NDJSON or CSV, .gz too; - is standard input")


def reading(parser: argparse.ArgumentParser) -> None:
    """Declare `--source`, `--sort`, `--until`, `--log` and `-q`."""
    parser.add_argument("--source", metavar="NAME", help="read the inputs through this entry of `sources:`")
    parser.add_argument("--sort", action="store_true", help="sort the inputs by event time first, in bounded memory")
    parser.add_argument("--until", metavar="TIME", help="let time run on to here after the last event (RFC 3339)")
    parser.add_argument("--log", action="store_true", help="the input is a recorded log: take `touchline.` records")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no table")


def rows_of(args: argparse.Namespace, loaded: Loaded, told: Told | None) -> Files:
    """The inputs as rows, read as the options say."""
    return read_files(args.events, loaded.config, args.source, sort=args.sort, internal=args.log, progress=told)


def until(text: str | None) -> int | None:
    """The time of `--until`, UTC epoch microseconds. Raises UsageError."""
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as fault:
        raise UsageError(f"--until: {fault}") from None


def spare_inputs(path: str | None, read: Sequence[str]) -> None:
    """Refuse to write over what is read: opening it would empty it. Raises UsageError."""
    if path is None or not Path(path).is_file():
        return
    for given in read:
        if Path(given).is_file() and Path(path).samefile(given):
            raise UsageError(f"{path}: is read here and cannot be written too; name another file")


def opened(files: ExitStack, path: str | None) -> IO[bytes] | None:
    """The file to write, closed with `files`; `-` is standard output. Raises InputError."""
    if path is None:
        return None
    if path == "-":
        return sys.stdout.buffer
    try:
        return files.enter_context(Path(path).open("wb"))
    except OSError as fault:
        raise InputError(f"{path}: cannot be written: {fault.strerror or fault}") from None


def say_warnings(screen: Console, loaded: Loaded, name: str) -> None:
    """How many warnings there are about a file, where there are any."""
    if loaded.warnings:
        count = len(loaded.warnings)
        about = f"{count} warning{'s' if count > 1 else ''} about {name}"
        said = f"{about}: touchline check -c {name} lists them"
        screen.print(said, style="yellow", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(screen: Console, doing: str = "replaying") -> Iterator[Told | None]:
    """A bar of bytes read, on a terminal only."""
    if screen.quiet or not screen.is_terminal:
        yield None
        return
    columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda read, total: bar.update(task, completed=read, total=total or None)
