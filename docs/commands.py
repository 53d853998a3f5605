"""Writes the reference page of the commands from their own parsers; `make reference` calls it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from streams import cli

HEAD = """\
# Commands

`touchline COMMAND --help` says the same. Exit codes: 0 all is well, 1 faults found, 2 wrong usage, 3 cannot start,
130 interrupted. This page is made from the code (`make reference`).
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name in cli.names():
        module = cli.load(name)
        parser = argparse.ArgumentParser(prog=f"touchline {name}")
        module.arguments(parser)
        parts.append(f"\n## touchline {name}\n\n{_sentence(module.HELP)}\n{''.join(_tables(parser))}")
    return "".join(parts)


def _tables(parser: argparse.ArgumentParser) -> Iterator[str]:
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            says = {choice.dest: choice.help for choice in action._choices_actions}
            for name, below in action.choices.items():
                yield f"\n### {parser.prog} {name}\n\n{_sentence(says.get(name) or '')}\n{''.join(_tables(below))}"
        elif not isinstance(action, argparse._HelpAction):
            rows.append(f"| `{_form(action)}` | {_cell(parser, action)} |\n")
    if rows:
        yield "\n| option | what it does |\n|---|---|\n" + "".join(rows)


def _form(action: argparse.Action) -> str:
    """As it is typed: `-c, --config FILE`, `EVENTS…`."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if not action.option_strings:
        return f"{value}…" if action.nargs in ("*", "+") else str(value)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {value}"


def _cell(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    says = (action.help or "") % {**vars(action), "prog": parser.prog}
    needed = " (needed)" if action.required and action.option_strings else ""
    return says.replace("|", "\\|") + needed


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


if __name__ == "__main__":
    sys.stdout.write(page())
