"""`touchline check`: every fault of a file with its line, and every warning."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console
from rich.text import Text

from streams.config.load import Loaded, load_file
from streams.errors import ConfigError, Fault, UsageError
from streams.runtime.sinks import check_receivers

HELP = "List every fault and warning of a file, with line and path."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("-c", "--config", metavar="FILE", action="append", default=[], help="the YAML file")
    parser.add_argument("files", metavar="FILE", nargs="*", help="more files")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file instead of text")


def run(args: argparse.Namespace) -> int:
    """0 when no file has a fault, else 1."""
    files = [*args.config, *args.files]
    if not files:
        raise UsageError("touchline check: which file? give it with -c FILE")
    codes = []
    for name in files:
        loaded: Loaded | None = None
        faults: tuple[Fault, ...] = ()
        try:
            loaded = load_file(name)
            check_receivers(loaded)
        except ConfigError as error:
            faults, loaded = error.faults, None
        if args.json:
            _write_json(name, faults, loaded)
        else:
            _write_text(name, faults, loaded)
        codes.append(1 if faults else 0)
    return max(codes)


def _write_json(name: str, faults: tuple[Fault, ...], loaded: Loaded | None) -> None:
    report = {
        "file": name,
        "hash": loaded.hash if loaded else None,
        "faults": [_entry(fault) for fault in faults],
        "warnings": [_entry(warning) for warning in (loaded.warnings if loaded else ())],
    }
    sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")


def _entry(fault: Fault) -> dict[str, str | int]:
    return {"path": fault.path, "line": fault.line, "message": fault.message}


def _write_text(name: str, faults: tuple[Fault, ...], loaded: Loaded | None) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for fault in faults:
        _line(console, name, fault, "red")
    if loaded is None:
        count = len(faults)
        console.print(Text(f"{name}: {count} fault{'s' * (count != 1)}", style="bold red"))
        return
    for warning in loaded.warnings:
        _line(console, name, warning, "yellow")
    count = len(loaded.warnings)
    warned = f", {count} warning{'s' * (count != 1)}" if count else ""
    console.print(Text(f"{name}: no faults{warned} ({loaded.hash})", style="bold green"))


def _line(console: Console, name: str, fault: Fault, colour: str) -> None:
    line = Text(f"{name}:{fault.line}: ", style="dim")
    if fault.path:
        line.append(f"{fault.path}: ", style=f"not dim bold {colour}")
    line.append(fault.message, style="not dim")
    console.print(line)
