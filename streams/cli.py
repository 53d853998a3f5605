"""The `touchline` command: finds the commands by their file names, and turns errors into one line and an exit code.

Exit codes: 0 all is well, 1 faults found, 2 usage, 3 cannot start, 130 interrupted.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.metadata
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from streams import commands
from streams.config.faults import nearest
from streams.errors import TouchlineError

DISTRIBUTION = "touchline"
GROUPS: dict[str, tuple[str, ...]] = {
    "Begin": ("demo", "init", "check"),
    "Run": ("run", "worker", "topics", "status", "simulate"),
    "History": ("replay", "preview", "test"),
    "Look and mend": ("why", "cases", "dlq", "export", "erase"),
    "Write": ("schema", "grafana"),
}
_ABOUT = "Journeys, signals and feedback at the right moment, from a stream of customer touchpoints."
_FIRST = """First steps:
  touchline demo                          simulated shop traffic and a live console
  touchline check -c FILE                 every fault of a file, with its line
  touchline replay -c FILE EVENTS         your own history through the same rules
  touchline COMMAND --help                what a command takes"""


def names() -> tuple[str, ...]:
    """All commands, as typed."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__)))


def load(name: str) -> ModuleType:
    """The module of a command: `HELP`, `arguments(parser)`, `run(args)`."""
    return importlib.import_module(f"{commands.__name__}.{name.replace('-', '_')}")


def sentence(name: str) -> str:
    """A command's HELP, read without importing it: a list of commands needs neither Kafka nor numpy."""
    for folder in commands.__path__:
        source = Path(folder, f"{name.replace('-', '_')}.py")
        if source.is_file():
            for node in ast.parse(source.read_text(encoding="utf-8")).body:
                value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and "HELP" in ast.unparse(node)[:5]:
                    return value.value
    return str(load(name).HELP)


def overview() -> str:
    """What `touchline --help` says."""
    known = names()
    grouped = {name for group in GROUPS.values() for name in group}
    groups = {**GROUPS, "More": tuple(name for name in known if name not in grouped)}
    lines = ["usage: touchline COMMAND [options]", "", _ABOUT]
    for title, members in groups.items():
        present = [name for name in members if name in known]
        if present:
            lines += ["", f"{title}:", *(f"  {name:<12}{sentence(name)}" for name in present)]
    lines += ["", _FIRST, "", "  touchline --version"]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(given)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone, as in `touchline schema | head`; nothing more can or needs to be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TouchlineError as error:
        _say(f"{error}")
        return error.exit_code


def _run(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        if len(given) > 1 and given[0] == "help":
            return _run([given[1], "--help"])
        sys.stdout.write(overview())
        return 0 if given else 2
    if given[0] in ("-V", "--version"):
        sys.stdout.write(f"touchline {importlib.metadata.version(DISTRIBUTION)}\n")
        return 0
    name = given[0]
    if name not in names():
        close = nearest(name, names())
        hint = f"did you mean `touchline {close}`?" if close else "`touchline --help` lists them"
        _say(f"touchline: no command '{name}'; {hint}")
        return 2
    command = load(name)
    parser = _Parser(prog=f"touchline {name}", description=command.HELP)
    command.arguments(parser)
    try:
        arguments = parser.parse_args(given[1:])
    except SystemExit as stopped:  # argparse has already said why
        return int(stopped.code or 0)
    code = command.run(arguments)
    sys.stdout.flush()
    return int(code)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` shows what it takes\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
