"""`touchline init`: three questions, and the first file is written."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from streams.config import starter
from streams.config.load import load_text
from streams.config.starter import NOWHERE, Answers
from streams.errors import CannotStart, ConfigError, UsageError
from streams.runtime.sinks import check_receivers

HELP = "write a first file: three questions, one journey"

FILE = "touchline.yml"
_JOURNEY = "purchase: cart.updated, checkout.started, order.completed"
T = TypeVar("T")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("file", nargs="?", type=Path, default=Path(FILE), metavar="FILE", help=f"default {FILE}")
    parser.add_argument(
        "--journey",
        metavar="TEXT",
        help=f'its name and the event types that mark its steps, first to last: "{_JOURNEY}"; asked for without it',
    )
    parser.add_argument("--within", metavar="DURATION", help="longest time from one step to the next (default 30m)")
    parser.add_argument(
        "--to", metavar="RECEIVER", help=f"where alarms go, such as slack:https://… (default {NOWHERE}: the console)"
    )
    parser.add_argument("--owner", default="", metavar="TEAM", help="the team that alarms name")
    parser.add_argument("--timezone", default="UTC", metavar="ZONE", help="of the business (default %(default)s)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def run(args: argparse.Namespace) -> int:
    """0 once the file is written."""
    if args.file.exists() and not args.force:
        raise UsageError(f"{args.file} is there already; name another file, or write over it with --force")
    asks = sys.stdin.isatty()
    if args.journey is None and not asks:
        raise UsageError(f'nobody can be asked here; say it with flags: touchline init --journey "{_JOURNEY}"')
    try:
        journey, events = _settled(
            "--journey",
            args.journey,
            f"1. What do customers do, step by step? Name the journey and its event types.\n   [{_JOURNEY}]",
            _JOURNEY,
            starter.parse_journey,
            asks,
        )
        within = _settled(
            "--within",
            args.within,
            "2. How long may a customer take from one step to the next?\n   [30m]",
            "30m",
            starter.parse_within,
            asks and args.journey is None,
        )
        to = _settled(
            "--to",
            args.to,
            "3. Where should alarms go, besides the console? slack:https://…, webhook:https://…, email:…\n   [nowhere]",
            NOWHERE,
            lambda text: _receiver(Answers(journey, events, to=text.strip())),
            asks and args.journey is None,
        )
    except EOFError:
        raise UsageError("the questions were not answered to the end; nothing was written") from None
    answers = Answers(journey, events, within, to, args.timezone, args.owner)
    text = starter.written(answers)
    _check(text, args.file)
    try:
        args.file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"{args.file} cannot be written: {error.strerror}") from None
    sys.stdout.write(_said(answers, args.file))
    return 0


def _settled(option: str, given: str | None, question: str, default: str, parse: Callable[[str], T], asks: bool) -> T:
    """The flag's value, else the answer, asked again until it is one, else the default."""
    if given is not None or not asks:
        try:
            return parse(default if given is None else given)
        except ValueError as error:
            raise UsageError(f"{option}: {error}") from None
    while True:
        sys.stderr.write(f"{question}\n> ")
        sys.stderr.flush()
        try:
            return parse(input().strip() or default)
        except ValueError as error:
            sys.stderr.write(f"   {error}\n")


def _receiver(answers: Answers) -> str:
    """The receiver of alarms, if there is such a kind and address. Raises ValueError."""
    # What the environment does not hold yet stands for an address: the kind can be judged, the rest at the start.
    environ = {name: os.environ.get(name, "https://example.org/x") for name in re.findall(r"\$\{(\w+)\}", answers.to)}
    try:
        check_receivers(load_text(starter.written(answers), "the answer", environ=environ))
    except ConfigError as error:
        raise ValueError("; ".join(fault.message for fault in error.faults)) from None
    return answers.to


def _check(text: str, file: Path) -> None:
    """What is written has no fault. Raises UsageError where an owner or a zone makes one."""
    try:
        load_text(text, str(file))
    except ConfigError as error:
        raise UsageError("; ".join(str(fault) for fault in error.faults) + "; nothing was written") from None


def _said(answers: Answers, file: Path) -> str:
    """What there is now, and what to do next."""
    first = answers.events[0]
    seen = "\n".join(f"  {number}. {line}" for number, line in enumerate(starter.panels(answers), 1))
    return f"""\
Wrote {file}: the journey {answers.journey}, {len(answers.events)} steps, {answers.alarms} of them watched.

You will see:
{seen}

Next:
  touchline check -c {file}
  touchline run -c {file}        and open http://127.0.0.1:8427
  curl http://127.0.0.1:8427/events -H 'Content-Type: application/cloudevents+json' \\
    -d '{{"specversion":"1.0","id":"1","source":"me","type":"{first}","subject":"customer-1"}}'

Your own events: docs/how-to/send-events.md. Your history: touchline replay -c {file} EVENTS.
"""
