"""`touchline test`: stories with an expected end, run through replay; what came otherwise is shown as a difference."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from streams.config.load import Loaded
from streams.errors import ConfigError, InputError, TouchlineError
from streams.runtime import scenarios
from streams.scenarios.compare import Outcome, Row

HELP = "run scenarios: stories of customers and what must come of them"
_COLOURS = {"=": "dim", "-": "red", "+": "green", "!": "bold red"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="scenarios (YAML), or folders of them (default ./scenarios, else ./tests/scenarios)",
    )
    parser.add_argument("--file", metavar="FILE", help="run them under this file instead of their own")
    parser.add_argument("--tell", action="store_true", help="show what came of each, also where all is as expected")
    parser.add_argument("--json", action="store_true", help="print one JSON object per scenario instead of text")


def run(args: argparse.Namespace) -> int:
    """0 when everything comes as told, 1 when something differs or cannot be read."""
    given = None if args.file is None else scenarios.rules(Path(args.file))
    console = Console(soft_wrap=True, highlight=False)
    ok = count = 0
    for path in scenarios.find(args.paths):
        count += 1
        try:
            outcome = _outcome(path, given)
        except (ConfigError, InputError) as fault:
            _say_fault(console, path, fault, as_json=args.json)
            continue
        ok += outcome.ok
        if args.json:
            _write_json(path, outcome)
        else:
            _tell(console, path, outcome, whole=args.tell)
    if not args.json:
        differ = count - ok
        console.print(Text(f"{count} scenario{'s' * (count != 1)}: {ok} ok" + (f", {differ} not" if differ else "")))
    return 0 if ok == count else 1


def _outcome(path: Path, given: Loaded | None) -> Outcome:
    scenario = scenarios.read(path)
    return scenarios.run(scenario, given or scenarios.rules_of(scenario, path))


def _tell(console: Console, path: Path, outcome: Outcome, *, whole: bool) -> None:
    title = Text("ok    " if outcome.ok else "FAIL  ", style="green" if outcome.ok else "bold red")
    title.append(outcome.name, style="not dim bold default")
    console.print(title)
    if outcome.ok and not whole:
        return
    console.print(Text(f"      {path}; 0d is {outcome.day}", style="dim"))
    for row in outcome.rows:
        console.print(Text(f"    {' ' if row.mark == '=' else row.mark} {row.text}", style=_COLOURS[row.mark]))
        for note in row.notes:
            console.print(Text(f"          {note}"))


def _say_fault(console: Console, path: Path, fault: TouchlineError, *, as_json: bool) -> None:
    if as_json:
        _write({"file": str(path), "ok": False, "fault": str(fault)})
        return
    console.print(Text("FAIL  ", style="bold red").append(str(path), style="not dim bold default"))
    for line in str(fault).splitlines():
        console.print(Text(f"      {line}"))


def _write_json(path: Path, outcome: Outcome) -> None:
    _write({"file": str(path), "name": outcome.name, "ok": outcome.ok, "rows": _rows(outcome.rows)})


def _rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [{"mark": row.mark, "text": row.text, "notes": list(row.notes)} for row in rows]


def _write(report: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
